// What the other tests here run their programs with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './local_cloud.mjs';

test('a program that ends without reading its input is no failure', async () => {
  const input = 'x'.repeat(1 << 22);  // more than a pipe takes
  assert.deepEqual(await run('true', [], { input }), { code: 0, out: '', err: '' });
});

test('a program that reads its input is given all of it', async () => {
  const input = 'x'.repeat(1 << 22);
  assert.equal((await run('wc', ['-c'], { input })).out.trim(), String(1 << 22));
});
