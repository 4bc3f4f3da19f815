// The state machines and templates of tools/ as they stand there: linted, and fitting each other.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { everyState, packages, tools } from './local_cloud.mjs';

const validate = packages('asl-validator');
const yaml = packages('yaml');

const kMachines = globSync('*/*.asl.json', { cwd: tools }).sort();
const read = (name) => readFileSync(tools + name, 'utf8');

function states(name) {
  const found = {};
  everyState(JSON.parse(read(name)), (state, one) => { found[state] = one; });
  return found;
}

// The machines of a folder's template: {FILE: {filled: {PLACEHOLDER: VALUE}, allowed: [ACTION]}}.
// Values of !Ref and the like are read as plain text.
function machinesOf(folder) {
  const { Resources } = yaml.parse(read(`${folder}/template.yaml`), { logLevel: 'silent' });
  const allowedTo = (role) =>
    Resources[role.replace('.Arn', '')].Properties.Policies
      .flatMap(({ PolicyDocument }) => PolicyDocument.Statement).flatMap(({ Action }) => Action);
  return Object.fromEntries(Object.values(Resources)
    .filter(({ Type }) => Type === 'AWS::Serverless::StateMachine')
    .map(({ Properties: { DefinitionUri, DefinitionSubstitutions: filled, Role } }) =>
      [`${folder}/${DefinitionUri}`, { filled, allowed: allowedTo(Role) }]));
}

const kStarted = { ...machinesOf('recovery'), ...machinesOf('custom-efs') };

// ecs:RunTask for arn:aws:states:::ecs:runTask.sync, and so on.
function actionOf(resource) {
  const [, service, call] = /:::(?:aws-sdk:)?(\w+):(\w+)/.exec(resource);
  return `${service === 'sfn' ? 'states' : service}:${call[0].toUpperCase()}${call.slice(1)}`;
}

test('there are seven machines, and the templates start each of them', () => {
  assert.equal(kMachines.length, 7);
  assert.deepEqual(Object.keys(kStarted).sort(), kMachines);
});

for (const name of kMachines) {
  test(`${name}: the lint finds nothing`, () => {
    const { isValid, errorsText } = validate(JSON.parse(read(name)));
    assert.ok(isValid, isValid ? '' : errorsText('\n'));
  });

  test(`${name}: the lint finds what leads nowhere and what is no state`, () => {
    const nowhere = JSON.parse(read(name));
    nowhere.StartAt = 'Nowhere';
    assert.equal(validate(nowhere).isValid, false);
    const odd = JSON.parse(read(name));
    odd.States[odd.StartAt].Type = 'Tusk';
    assert.equal(validate(odd).isValid, false);
  });

  test(`${name}: its template fills in what it leaves open, and nothing else`, () => {
    const open = new Set([...read(name).matchAll(/\$\{(\w+)\}/g)].map(([, key]) => key));
    assert.deepEqual([...open].sort(), Object.keys(kStarted[name].filled).sort());
  });

  test(`${name}: containers run on Fargate, in a group and a subnet, under the template's name`,
    () => {
      for (const [state, one] of Object.entries(states(name))) {
        if (!one.Resource?.includes(':ecs:')) continue;
        assert.equal(one.Parameters.LaunchType, 'FARGATE', state);
        assert.equal(one.Parameters.Overrides.ContainerOverrides[0].Name, 'nfsferry', state);
        const { AwsvpcConfiguration: network } = one.Parameters.NetworkConfiguration;
        assert.deepEqual([network.Subnets, network.SecurityGroups],
          [['${Subnet}'], ['${SecurityGroup}']], state);
      }
    });

  // The tests answer these calls whoever makes them; in the cloud the machine's role decides.
  test(`${name}: its role allows what it calls`, () => {
    for (const [state, one] of Object.entries(states(name))) {
      for (const part of [one, one.ItemReader, one.ResultWriter]) {
        if (!part?.Resource) continue;
        const action = actionOf(part.Resource);
        assert.ok(kStarted[name].allowed.includes(action), `${state}: ${action}`);
      }
    }
  });
}
