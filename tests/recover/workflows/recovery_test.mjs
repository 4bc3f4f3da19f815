// The machines around the recovery: what decides, and what recovers many homes.
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { failure, LocalCloud, program, run, tools } from './local_cloud.mjs';

const kArns = 'arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/';
const kLog = 'arn:aws:logs:eu-west-1:123456789012:log-group:nfsferry';
const kStart = 'states:startExecution';
const kStartAndWait = 'states:startExecution.sync:2';
const kAgain = 'StepFunctions.ExecutionAlreadyExistsException';
const kRunner = fileURLToPath(new URL('../run_state_machine.mjs', import.meta.url));

const folder = mkdtempSync(`${tmpdir()}/nfsferry-workflows-`);
after(() => rmSync(folder, { recursive: true }));

// ---- decide

const kOld = {
  profile_name: { S: 'user1' }, domain_name: { S: 'a' }, domain_id: { S: 'd-a' },
  user_profile_name: { S: 'user1' }, space_name: { S: '' }, replication: { BOOL: true },
  efs_sys_id: { S: 'fs-0a' }, efs_uid: { S: '200005' },
};
const kNew = { ...kOld, efs_sys_id: { S: 'fs-0b' }, efs_uid: { S: '200010' } };
const kSpace = { profile_name: { S: 's' }, user_profile_name: { S: '' }, space_name: { S: 's' } };
const kAbsent = { space_name: undefined, user_profile_name: undefined };
const kNull = { space_name: { NULL: true } };

function record(eventName, OldImage, NewImage) {
  return { eventName, dynamodb: { OldImage, NewImage } };
}

async function decide(records, answer = () => ({})) {
  const values = { RecoveryMachine: 'recovery', LogGroupArn: kLog, FileSystemArnPrefix: kArns };
  const cloud = new LocalCloud(values, { [kStart]: answer });
  const execution = await cloud.execute('recovery/decide.asl.json', records);
  return { ...execution, started: cloud.given(kStart) };
}

async function ledgerDecides(one) {
  const words = ['ledger', 'decide', '-', '--json', '--region', 'eu-west-1', '--account',
    '123456789012', '--log-group-arn', kLog];
  const { code, out, err } = await run(program, words, { input: JSON.stringify(one) });
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

// The machine names both kinds, one of them empty; the program leaves that one out, and a space's
// profile name has no meaning.
function named({ SpaceName, UserProfileName, ...home }) {
  return SpaceName ? { ...home, SpaceName } : { ...home, UserProfileName };
}

const kRecords = {
  'a first creation': record('INSERT', undefined, kNew),
  'a removal': record('REMOVE', kOld, undefined),
  'a re-creation': record('MODIFY', kOld, kNew),
  'a re-creation on the same file system':
    record('MODIFY', kOld, { ...kOld, efs_uid: { S: '200010' } }),
  'the same uid on another file system': record('MODIFY', kOld, { ...kOld, efs_sys_id: { S: 'fs-0b' } }),
  'results that were written':
    record('MODIFY', kOld, { ...kOld, replication_status: { S: 'SUCCESS' } }),
  'a flag that is off': record('MODIFY', { ...kOld, replication: { BOOL: false } }, kNew),
  'a flag that goes off': record('MODIFY', kOld, { ...kNew, replication: { BOOL: false } }),
  'a flag that is absent': record('MODIFY', { ...kOld, replication: undefined }, kNew),
  'a flag that is NULL': record('MODIFY', { ...kOld, replication: { NULL: true } }, kNew),
  'a space': record('MODIFY', { ...kOld, ...kSpace }, { ...kNew, ...kSpace }),
  'a space name that is NULL': record('MODIFY', { ...kOld, ...kNull }, { ...kNew, ...kNull }),
  'names that are absent': record('MODIFY', { ...kOld, ...kAbsent }, { ...kNew, ...kAbsent }),
  'rows without a home':
    record('MODIFY', { ...kOld, efs_uid: undefined }, { ...kOld, efs_uid: { NULL: true } }),
  'a row from another domain':
    record('MODIFY', { ...kOld, domain_name: { S: 'b' }, domain_id: { S: 'd-b' } }, kNew),
};

for (const [name, one] of Object.entries(kRecords)) {
  test(`the machine decides as the program does: ${name}`, async () => {
    const wanted = await ledgerDecides(one);
    const { status, started } = await decide([one]);
    assert.equal(status, 'SUCCEEDED');
    assert.equal(started.length, wanted.copy ? 1 : 0);
    if (!wanted.copy) return;
    assert.equal(started[0].Name, wanted.execution_name);
    const { Source, Target, ...others } = started[0].Input;
    assert.deepEqual({ ...others, Source: named(Source), Target: named(Target) }, wanted.input);
  });
}

test('a home that must not be copied is left to the recovery, which refuses it', async () => {
  const { started } = await decide([record('MODIFY', { ...kOld, efs_uid: { S: '' } }, kNew)]);
  const input = JSON.stringify(started[0].Input);
  const { code, err } = await run(program, ['recover', '--input', '-'], { input });
  assert.equal(code, 2);
  assert.match(err, /Nfsferry\.BadInput: .*Source\.HomeEfsFileSystemUid/);
});

test('a flag that is a text is refused by both', async () => {
  const one = record('MODIFY', { ...kOld, replication: { S: 'false' } }, kNew);
  const { code, err } = await run(program, ['ledger', 'decide', '-'], { input: JSON.stringify(one) });
  assert.equal(code, 2);
  assert.match(err, /OldImage\.replication/);
  const { status, error, started } = await decide([one]);
  assert.deepEqual({ status, error, started },
    { status: 'FAILED', error: 'Nfsferry.BadInput', started: [] });
});

test('what the machine starts is accepted by the program', async () => {
  for (const names of [{}, kSpace, kAbsent]) {
    const { started } = await decide([record('MODIFY', { ...kOld, ...names }, { ...kNew, ...names })]);
    const maps = ['--map', `fs-0a=${folder}/none`, '--map', `fs-0b=${folder}/none`];
    const input = JSON.stringify(started[0].Input);
    const { err } = await run(program, ['recover', '--input', '-', ...maps], { input });
    assert.match(err, /Nfsferry\.SourceMissing/);
  }
});

test('a change has one execution name, another change another', async () => {
  const again = { ...kNew, efs_uid: { S: '200015' } };
  const records = [record('MODIFY', kOld, kNew), record('MODIFY', kOld, kNew),
    record('MODIFY', kOld, again), record('MODIFY', again, kNew)];
  const names = (await decide(records)).started.map(({ Name }) => Name);
  assert.equal(names.length, 4);
  assert.equal(new Set(names).size, 3);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]{1,80}$/);
});

test('a record that is delivered again starts nothing and is no failure', async () => {
  const { status, started } = await decide([record('MODIFY', kOld, kNew)], () => {
    throw failure(kAgain);
  });
  assert.equal(status, 'SUCCEEDED');
  assert.equal(started.length, 1);
});

test('a start that fails is tried again, then fails, so that the record is delivered again',
  async () => {
    const { status, error, started } = await decide([record('MODIFY', kOld, kNew)], () => {
      throw failure('StepFunctions.ServiceUnavailableException');
    });
    assert.equal(status, 'FAILED');
    assert.equal(error, 'StepFunctions.ServiceUnavailableException');
    assert.equal(started.length, 5);
  });

// ---- many

// Homes 200005, 200015, ... of one file system, and where they go in the other.
function homes(count) {
  return Array.from({ length: count }, (_, index) => {
    const source = String(200005 + 10 * index);
    const target = String(200010 + 10 * index);
    mkdirSync(`${folder}/old/${source}`, { recursive: true });
    writeFileSync(`${folder}/old/${source}/notebook`, `of ${source}`);
    mkdirSync(`${folder}/new/${target}`, { recursive: true });
    chownSync(`${folder}/new/${target}`, Number(target), 1001);
    const side = (fs, uid) => ({ DomainName: 'a', UserProfileName: `user${index}`,
      EfsFilesystemArn: kArns + fs, HomeEfsFileSystemUid: uid });
    return { Source: side('fs-0a', source), Target: side('fs-0b', target) };
  });
}

// The nested executions are those of the recovery machine, with the built program as its task.
async function recoverMany(lines, order = {}) {
  let running = 0;
  const seen = { atOnce: 0, failed: [] };
  const recover = async ({ Input: input }) => {
    running += 1;
    seen.atOnce = Math.max(seen.atOnce, running);
    const request = { machine: `${tools}recovery/recovery.asl.json`, input, refuse: {},
      program: [program, '--map', `fs-0a=${folder}/old`, '--map', `fs-0b=${folder}/new`] };
    const { out, err } = await run(process.execPath, [kRunner], { input: JSON.stringify(request) });
    running -= 1;
    assert.notEqual(out, '', err);
    const { status, error, tasks } = JSON.parse(out);
    if (status === 'SUCCEEDED') return { Status: status };
    seen.failed.push({ error, message: tasks.at(-1).given.MessageBody });
    throw failure('States.TaskFailed', error);
  };
  const cloud = new LocalCloud({ RecoveryMachine: 'recovery' }, {
    's3:getObject': () => lines.map((line) => JSON.stringify(line)).join('\n'),
    [kStartAndWait]: recover,
  });
  const input = { Bucket: 'b', Key: 'homes.jsonl', ...order };
  return { ...(await cloud.execute('recovery/many.asl.json', input)), ...seen };
}

const copied = (home) =>
  readFileSync(`${folder}/new/${home.Target.HomeEfsFileSystemUid}/notebook`, 'utf8');

test('many homes are recovered, no more at once than asked for', async () => {
  const lines = homes(5);
  const { status, atOnce } = await recoverMany(lines, { HomesAtOnce: 2 });
  assert.equal(status, 'SUCCEEDED');
  assert.equal(atOnce, 2);
  for (const home of lines) assert.equal(copied(home), `of ${home.Source.HomeEfsFileSystemUid}`);
});

test('a home that fails stops no other, and the whole fails with the number', async () => {
  const lines = homes(3);
  rmSync(`${folder}/old/${lines[0].Source.HomeEfsFileSystemUid}`, { recursive: true });
  const { status, error, cause, failed } = await recoverMany(lines);
  assert.equal(status, 'FAILED');
  assert.equal(error, 'Nfsferry.SomeHomesFailed');
  assert.match(cause, /^2 of 3 homes were recovered/);
  assert.equal(copied(lines[2]), `of ${lines[2].Source.HomeEfsFileSystemUid}`);
  assert.equal(failed.length, 1);
  assert.equal(failed[0].error, 'Nfsferry.SourceMissing');
  assert.deepEqual(failed[0].message.Input, lines[0]);
});

test('more failures than are tolerated end it', async () => {
  const lines = homes(3).map((line) => ({ ...line, Source: {} }));
  const { status, error, failed } =
    await recoverMany(lines, { HomesAtOnce: 1, ToleratedFailurePercentage: 34 });
  assert.equal(status, 'FAILED');
  assert.equal(error, 'States.ExceedToleratedFailureThreshold');
  assert.equal(failed.length, 2);
});
