// DynamoDB in memory, on a free port of 127.0.0.1, which it says on stderr.
import { createRequire } from 'node:module';

// The packages stand beside the Node that runs this.
const dynalite = createRequire(process.execPath)('dynalite');

const server = dynalite({ createTableMs: 0 });
server.listen(0, '127.0.0.1', () => {
  console.error(`Running on http://127.0.0.1:${server.address().port}\n`);
});
