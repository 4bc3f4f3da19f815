// Runs one execution of the workflow's state machine. What it asks of the cloud is answered here:
// the container's task by the built program, the others by noting what they were given.
//
// stdin: {machine: FILE, input: {...}, program: [FILE, ARGUMENT...], refuse: {STATE: ERROR}}
//   program  is started with the container's command and the arguments that stand here
//   refuse   states that fail with this error instead
// stdout: {status, error, cause, tasks: [{state, given}]}, status being SUCCEEDED or FAILED
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// The packages stand beside the Node that runs this.
const { StateMachine } = createRequire(process.execPath)('aws-local-stepfunctions');

const request = JSON.parse(readFileSync(0, 'utf8'));
const machine = JSON.parse(readFileSync(request.machine, 'utf8'));
const [program, ...more] = request.program;

// The interpreter takes an error's name and cause from these two members.
function failure(name, cause) {
  return Object.assign(new Error(cause), { name });
}

// Stands in for the answer to the task's token: the report, or the error that stderr names.
function runContainer(given) {
  const container = given.Overrides.ContainerOverrides[0];
  const environment = Object.fromEntries(container.Environment.map((one) => [one.Name, one.Value]));
  delete environment.NFSFERRY_TASK_TOKEN;
  const ended = spawnSync(program, [...container.Command, ...more], {
    env: { ...process.env, ...environment },
    encoding: 'utf8',
  });
  if (ended.status === 0) return JSON.parse(ended.stdout);
  const [, name, cause] = /(Nfsferry\.\w+): (.*)/.exec(ended.stderr) ??
    [null, 'States.TaskFailed', `exit ${ended.status}: ${ended.stderr}`];
  throw failure(name, cause);
}

const tasks = [];
const handlers = {};
for (const [state, definition] of Object.entries(machine.States)) {
  if (definition.Type !== 'Task') continue;
  handlers[state] = (given) => {
    tasks.push({ state, given });
    if (state in request.refuse) throw failure(request.refuse[state], 'refused');
    return definition.Resource.includes(':ecs:') ? runContainer(given) : {};
  };
}

const execution = new StateMachine(machine).run(request.input, {
  overrides: {
    taskResourceLocalHandlers: handlers,
    retryIntervalOverrides: Object.fromEntries(Object.keys(handlers).map((state) => [state, 0])),
  },
  context: { Execution: { Id: 'execution-1', Input: request.input }, Task: { Token: 'token-1' } },
});
const answer = await execution.result.then(
  () => ({ status: 'SUCCEEDED' }),
  ({ cause }) => ({ status: 'FAILED', error: cause.name, cause: cause.message }),
);
console.log(JSON.stringify({ ...answer, tasks }));
