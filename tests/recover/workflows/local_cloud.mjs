// Runs the state machines of tools/ on this machine. Their containers are the built program; what
// else they ask of the cloud is answered by functions of the test, and noted.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// The packages stand beside the Node that runs this.
export const packages = createRequire(process.execPath);
const { StateMachine } = packages('aws-local-stepfunctions');

export const program = process.env.NFSFERRY_PROGRAM;
export const tools = fileURLToPath(new URL('../../../tools/', import.meta.url));

// The interpreter takes an error's name and cause from these two members.
export function failure(name, cause = 'refused') {
  return Object.assign(new Error(cause), { name });
}

// What a program left: {code, out, err}.
export function run(file, words, { input = '', env = {} } = {}) {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 26 };
    const child = execFile(file, words, options, (error, out, err) =>
      resolve({ code: error ? error.code : 0, out, err }));
    // A program need not read its input, and may have ended before it is written.
    child.stdin.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
    });
    child.stdin.end(input);
  });
}

// A machine of tools/ with the template's ${...} filled in. One that nothing fills is an error, as
// it would reach the cloud as it stands.
export function machine(name, values) {
  const text = readFileSync(tools + name, 'utf8').replace(/\$\{(\w+)\}/g, (_, key) => {
    if (!(key in values)) throw new Error(`${name}: nothing for \${${key}}`);
    return values[key];
  });
  return JSON.parse(text);
}

export function everyState(definition, visit) {
  for (const [name, state] of Object.entries(definition.States)) {
    visit(name, state, definition);
    if (state.ItemProcessor) everyState(state.ItemProcessor, visit);
  }
}

export class LocalCloud {
  // values: for the ${...}; answers: {RESOURCE: function of what the task is given}, a resource
  // being what follows arn:aws:states:::
  constructor(values, answers) {
    this.values = values;
    this.answers = { 'ecs:runTask.sync': (given) => this.runContainer(given), ...answers };
    this.calls = []; // {resource, given}, in the order in which they were made
  }

  given(resource) {
    return this.calls.filter((call) => call.resource === resource).map((call) => call.given);
  }

  async runContainer(given) {
    const { Command: words } = given.Overrides.ContainerOverrides[0];
    const { code, err } = await run(program, words);
    if (code !== 0) throw failure('States.TaskFailed', `exit ${code}: ${err}`);
    return {};
  }

  // Starts a machine that another one starts and waits for.
  async runNested(name, input) {
    const { status, error, cause, output } = await this.execute(name, input);
    if (status === 'SUCCEEDED') return { Status: status, Output: output };
    throw failure('States.TaskFailed', JSON.stringify({ Error: error, Cause: cause }));
  }

  // {status, output} or {status, error, cause}.
  execute(name, input) {
    return this.#interpret(machine(name, this.values), JSON.parse(JSON.stringify(input)));
  }

  async #interpret(definition, input) {
    const overrides = { taskResourceLocalHandlers: {}, waitTimeOverrides: {},
      retryIntervalOverrides: {} };
    everyState(definition, (state, one, parent) => {
      if (one.ItemProcessor?.ProcessorConfig.Mode === 'DISTRIBUTED') {
        parent.States[state] = this.#asTask(one);
        overrides.taskResourceLocalHandlers[state] = (given) => this.#mapRun(one, given);
      }
      if (one.Type === 'Wait') overrides.waitTimeOverrides[state] = 0;
      if (one.Type !== 'Task') return;
      overrides.retryIntervalOverrides[state] = 0;
      const resource = one.Resource.replace('arn:aws:states:::', '');
      overrides.taskResourceLocalHandlers[state] = (given) => this.#call(resource, given);
    });
    const context = { Execution: { Id: 'execution-1', Input: input } };
    return new StateMachine(definition).run(input, { overrides, context }).result.then(
      (output) => ({ status: 'SUCCEEDED', output }),
      ({ cause }) => ({ status: 'FAILED', error: cause.name, cause: cause.message }),
    );
  }

  async #call(resource, given) {
    this.calls.push({ resource, given });
    return this.answers[resource](given);
  }

  // The interpreter knows no distributed maps: the state becomes a task, and #mapRun its answer.
  #asTask({ Next, End }) {
    return { Type: 'Task', Resource: 'arn:aws:states:::map', ...(Next ? { Next } : { End }) };
  }

  async #mapRun(state, given) {
    const lines = await this.#call('s3:getObject', given);
    const items = lines.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
    const tolerated = given[state.ToleratedFailurePercentagePath.slice(2)];
    const counts = { Total: items.length, Succeeded: 0, Failed: 0 };
    const child = structuredClone(state.ItemProcessor);
    delete child.ProcessorConfig;
    const next = async () => {
      for (let item = items.shift(); item; item = items.shift()) {
        const { status } = await this.#interpret(structuredClone(child), item);
        counts[status === 'SUCCEEDED' ? 'Succeeded' : 'Failed'] += 1;
        if (counts.Failed * 100 > tolerated * counts.Total) {
          throw failure('States.ExceedToleratedFailureThreshold');
        }
      }
    };
    const atOnce = given[state.MaxConcurrencyPath.slice(2)];
    await Promise.all(Array.from({ length: atOnce }, next));
    this.answers['aws-sdk:sfn:describeMapRun'] = () => ({ ItemCounts: counts });
    return { MapRunArn: 'map-run-1' };
  }
}
