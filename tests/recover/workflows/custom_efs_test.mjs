// The machines that give user profiles and domains directories on a file system of their own. A
// folder stands in for the file system, and the built program makes the directories in it.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, beforeEach, test } from 'node:test';
import { failure, LocalCloud } from './local_cloud.mjs';

const kStartAndWait = 'states:startExecution.sync:2';
const kTask = 'ecs:runTask.sync';
const sagemaker = (action) => `aws-sdk:sagemaker:${action}`;

let root;
const roots = [];
beforeEach(() => {
  root = mkdtempSync(`${tmpdir()}/nfsferry-custom-efs-`);
  roots.push(root);
});
after(() => roots.forEach((one) => rmSync(one, { recursive: true })));

// A service that has these domains: {ID: {vpc, profiles: [name, ...]}}. Its pages hold two things.
// answers: what it does in place of that.
function cloudOf(domains, answers = {}) {
  const page = (all, token = '0') => {
    const next = Number(token) + 2;
    const more = next < all.length ? { NextToken: String(next) } : {};
    return [all.slice(Number(token), next), more];
  };
  const values = {
    FileSystemRoot: root, FileSystem: 'fs-0a', Uid: '200001', Gid: '1001', Mode: '0700',
    SharedMode: '0770', Cluster: 'c', TaskDefinition: 't', Subnet: 's', SecurityGroup: 'g',
    ProfilesMachine: 'profiles', DomainProfilesMachine: 'domain-profiles',
    SharedDirectoryMachine: 'shared-directory',
  };
  const cloud = new LocalCloud(values, {
    [sagemaker('describeUserProfile')]: () => ({ Status: 'InService' }),
    [sagemaker('updateUserProfile')]: () => ({}),
    [sagemaker('updateDomain')]: () => ({}),
    [sagemaker('describeDomain')]: ({ DomainId }) =>
      ({ Status: 'InService', VpcId: domains[DomainId].vpc }),
    [sagemaker('listUserProfiles')]: ({ DomainIdEquals, NextToken }) => {
      const [names, more] = page(domains[DomainIdEquals].profiles, NextToken);
      return { UserProfiles: names.map((UserProfileName) => ({ UserProfileName })), ...more };
    },
    [sagemaker('listDomains')]: ({ NextToken }) => {
      const [ids, more] = page(Object.keys(domains), NextToken);
      return { Domains: ids.map((DomainId) => ({ DomainId })), ...more };
    },
    [kStartAndWait]: ({ StateMachineArn, Input }) =>
      cloud.runNested(`custom-efs/${StateMachineArn}.asl.json`, Input),
    ...answers,
  });
  return cloud;
}

const run = (cloud, machine, input) => cloud.execute(`custom-efs/${machine}.asl.json`, input);
const attached = (cloud) =>
  cloud.given(sagemaker('updateUserProfile')).map((given) => given.UserProfileName).sort();

function expectDirectory(name, mode = 0o700) {
  const { uid, gid, mode: found } = statSync(`${root}/${name}`);
  assert.deepEqual([uid, gid, found & 0o7777], [200001, 1001, mode], name);
}

test('a profile that was created gets a directory and has it attached', async () => {
  const cloud = cloudOf({});
  const { status } = await run(cloud, 'profiles', { DomainId: 'd-a', Profiles: ['ann'] });
  assert.equal(status, 'SUCCEEDED');
  expectDirectory('ann');
  assert.deepEqual(cloud.given(sagemaker('updateUserProfile')), [{
    DomainId: 'd-a',
    UserProfileName: 'ann',
    UserSettings: {
      CustomPosixUserConfig: { Uid: 200001, Gid: 1001 },
      CustomFileSystemConfigs:
        [{ EfsFileSystemConfig: { FileSystemId: 'fs-0a', FileSystemPath: '/ann' } }],
    },
  }]);
});

test('the same again changes nothing and is no failure', async () => {
  const input = { DomainId: 'd-a', Profiles: ['ann', 'bob'] };
  for (let count = 0; count < 2; count += 1) {
    assert.equal((await run(cloudOf({}), 'profiles', input)).status, 'SUCCEEDED');
    expectDirectory('ann');
    expectDirectory('bob');
  }
});

test('a profile that is still being made is waited for', async () => {
  const states = ['Pending', 'Pending', 'InService'];
  const cloud = cloudOf({}, { [sagemaker('describeUserProfile')]: () => ({ Status: states.shift() }) });
  const { status } = await run(cloud, 'profiles', { DomainId: 'd-a', Profiles: ['ann'] });
  assert.equal(status, 'SUCCEEDED');
  assert.deepEqual(attached(cloud), ['ann']);
});

test('a profile that failed is told, and stops no other', async () => {
  const cloud = cloudOf({}, { [sagemaker('describeUserProfile')]: ({ UserProfileName: name }) =>
    ({ Status: name === 'ann' ? 'Failed' : 'InService' }) });
  const { status, error, cause } =
    await run(cloud, 'profiles', { DomainId: 'd-a', Profiles: ['ann', 'bob'] });
  assert.equal(status, 'FAILED');
  assert.equal(error, 'Nfsferry.ProfilesNotAttached');
  assert.deepEqual(JSON.parse(cause), [
    { Profile: 'ann', Attached: false, Error: 'Nfsferry.ProfileNotReady',
      Cause: 'the profile is Failed' },
    { Profile: 'bob', Attached: true },
  ]);
  assert.deepEqual(attached(cloud), ['bob']);
});

test('a profile that is in use is tried again', async () => {
  let tries = 0;
  const cloud = cloudOf({}, { [sagemaker('updateUserProfile')]: () => {
    tries += 1;
    if (tries < 3) throw failure('SageMaker.ResourceInUseException');
    return {};
  } });
  const { status } = await run(cloud, 'profiles', { DomainId: 'd-a', Profiles: ['ann'] });
  assert.equal(status, 'SUCCEEDED');
  assert.equal(tries, 3);
});

test('where the directories cannot be made, nothing is attached', async () => {
  rmSync(root, { recursive: true });
  const cloud = cloudOf({});
  const { status, error, cause } =
    await run(cloud, 'profiles', { DomainId: 'd-a', Profiles: ['ann'] });
  roots.pop();
  assert.equal(status, 'FAILED');
  assert.equal(error, 'States.TaskFailed');
  assert.match(cause, /exit 4/);
  assert.equal(cloud.given(kTask).length, 3);
  assert.deepEqual(attached(cloud), []);
});

for (const count of [0, 1, 2, 3, 5]) {
  test(`all ${count} profiles of a domain, two a page, each in one task a page`, async () => {
    const profiles = Array.from({ length: count }, (_, index) => `user-${index}`);
    const cloud = cloudOf({ 'd-a': { profiles } });
    const { status } = await run(cloud, 'domain-profiles', { DomainId: 'd-a' });
    assert.equal(status, 'SUCCEEDED');
    assert.deepEqual(attached(cloud), profiles);
    assert.equal(cloud.given(kTask).length, Math.ceil(count / 2));
    profiles.forEach((name) => expectDirectory(name));
  });
}

test('a page that failed stops no other page, and the whole fails', async () => {
  const cloud = cloudOf({ 'd-a': { profiles: ['ann', 'bob', 'cat'] } }, {
    [sagemaker('describeUserProfile')]: ({ UserProfileName: name }) =>
      ({ Status: name === 'ann' ? 'Deleting' : 'InService' }),
  });
  const { status, error, cause } = await run(cloud, 'domain-profiles', { DomainId: 'd-a' });
  assert.equal(status, 'FAILED');
  assert.equal(error, 'States.TaskFailed');
  assert.match(cause, /Nfsferry\.ProfilesNotAttached.*the profile is Deleting/);
  assert.deepEqual(attached(cloud), ['bob', 'cat']);
});

test('a domain gets one directory to share', async () => {
  const cloud = cloudOf({ 'd-a': {} });
  const { status } = await run(cloud, 'shared-directory', { DomainId: 'd-a' });
  assert.equal(status, 'SUCCEEDED');
  expectDirectory('d-a', 0o770);
  assert.deepEqual(cloud.given(sagemaker('updateDomain')), [{
    DomainId: 'd-a',
    DefaultUserSettings: {
      CustomPosixUserConfig: { Uid: 200001, Gid: 1001 },
      CustomFileSystemConfigs:
        [{ EfsFileSystemConfig: { FileSystemId: 'fs-0a', FileSystemPath: '/d-a' } }],
    },
  }]);
});

test('a domain that is being deleted is left alone', async () => {
  const cloud = cloudOf({}, { [sagemaker('describeDomain')]: () => ({ Status: 'Deleting' }) });
  const { status, error, cause } = await run(cloud, 'shared-directory', { DomainId: 'd-a' });
  assert.equal(status, 'FAILED');
  assert.equal(error, 'Nfsferry.DomainNotReady');
  assert.equal(cause, 'the domain d-a is Deleting');
  assert.deepEqual(cloud.given(sagemaker('updateDomain')), []);
});

const kDomains = {
  'd-a': { vpc: 'vpc-1', profiles: ['ann', 'bob', 'cat'] },
  'd-b': { vpc: 'vpc-2', profiles: ['dan'] },
  'd-c': { vpc: 'vpc-1', profiles: [] },
  'd-d': { vpc: 'vpc-1', profiles: ['eve'] },
};

test('every profile of every domain of a VPC, and none of another', async () => {
  const cloud = cloudOf(kDomains);
  const { status } = await run(cloud, 'vpc-domains', { VpcId: 'vpc-1', Give: 'own' });
  assert.equal(status, 'SUCCEEDED');
  assert.deepEqual(attached(cloud), ['ann', 'bob', 'cat', 'eve']);
  assert.equal(existsSync(`${root}/dan`), false);
});

test('every domain of a VPC gets a directory to share', async () => {
  const cloud = cloudOf(kDomains);
  const { status } = await run(cloud, 'vpc-domains', { VpcId: 'vpc-1', Give: 'shared' });
  assert.equal(status, 'SUCCEEDED');
  for (const id of ['d-a', 'd-c', 'd-d']) expectDirectory(id, 0o770);
  assert.equal(existsSync(`${root}/d-b`), false);
});

test('a domain that failed stops no other, and the whole fails', async () => {
  const cloud = cloudOf(kDomains, { [sagemaker('updateDomain')]: ({ DomainId }) => {
    if (DomainId === 'd-a') throw failure('SageMaker.ResourceLimitExceededException');
    return {};
  } });
  const { status, error, cause } =
    await run(cloud, 'vpc-domains', { VpcId: 'vpc-1', Give: 'shared' });
  assert.equal(status, 'FAILED');
  assert.equal(error, 'Nfsferry.DomainsNotDone');
  assert.match(cause, /"d-a".*ResourceLimitExceeded/);
  expectDirectory('d-d', 0o770);
});

test('what is neither its own nor shared is refused before anything is done', async () => {
  const cloud = cloudOf(kDomains);
  const { status, error } = await run(cloud, 'vpc-domains', { VpcId: 'vpc-1', Give: 'all' });
  assert.deepEqual({ status, error }, { status: 'FAILED', error: 'Nfsferry.BadInput' });
  assert.deepEqual(cloud.calls, []);
});
