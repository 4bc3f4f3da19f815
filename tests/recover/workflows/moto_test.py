#!/usr/bin/env python3
"""Runs the recovery's machines on moto, a simulation of the services: a table with its stream,
the machines, a cluster, a queue. The test is the pipe and the cluster: it delivers records, and
runs the built program where a container would start, which answers its task's token over HTTP. And
holds what all machines ask of services against the services' models, which come with moto.

Exit: 0 passed; 1 failed; 77 where moto is not installed.
"""

import copy
import filecmp
import functools
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

try:
    import boto3
    import botocore.loaders
    import botocore.model
    from moto import mock_aws
    from moto.core import set_initial_no_auth_action_count
    from moto.server import ThreadedMotoServer
    from moto.stepfunctions.models import StateMachine
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service, state_task_service_callback)
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[3]
TOOLS = ROOT / "tools"
GANESHA = ROOT / "tests/support/ganesha"
PROGRAM = os.environ["NFSFERRY_PROGRAM"]
WAIT_S = 60
ROLE = "arn:aws:iam::123456789012:role/any"
FILE_SYSTEMS = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/"
TIMEOUTS = ("States.Timeout", "States.HeartbeatTimeout")  # the service names both for a heartbeat
RUNS = {"stepfunctions": {"execute_state_machine": True}}


class UnknownMember(Exception):
    pass


@functools.cache
def model(service):
    return botocore.model.ServiceModel(
        botocore.loaders.Loader().load_service_model(service, "service-2"))


def operation(service, action):
    """A service's operation by the names that resources of machines use."""
    service = {"states": "stepfunctions", "sfn": "stepfunctions"}.get(service, service)
    return model(service).operation_model(action[0].upper() + action[1:])


def fitted(value, shape):
    """Parameters as a machine writes them, with the members' names as the service spells them."""
    if shape.type_name == "structure":
        names = {name.lower(): name for name in shape.members}
        fit = {}
        for member, one in value.items():
            name = names.get(member.removesuffix(".$").lower())
            if name is None:
                raise UnknownMember(f"{shape.name} has no member {member}")
            computed = member.endswith(".$")
            fit[name] = one if computed else fitted(one, shape.members[name])
        missing = set(shape.required_members) - set(fit)
        if missing:
            raise UnknownMember(f"{shape.name} lacks {missing}")
        return fit
    if shape.type_name == "list":
        return [fitted(one, shape.member) for one in value]
    return value


def normalise_parameters(self, parameters, boto_service_name=None, service_action_name=None):
    service = boto_service_name or self._get_boto_service_name()
    action = service_action_name or self.resource.api_action
    fit = fitted(parameters, operation(service, action).input_shape)
    parameters.clear()
    parameters.update(fit)


def normalise_response(_self, response, **_names):
    if isinstance(response, dict):
        for name in list(response):
            response[name[0].upper() + name[1:]] = response.pop(name)
        for one in response.values():
            normalise_response(_self, one)
    elif isinstance(response, list):
        for one in response:
            normalise_response(_self, one)


def evaluate_attempt(self, env, evaluate=state_task_service.StateTaskService._eval_execution):
    if not self._is_integration_pattern():
        return evaluate(self, env)
    token = env.states.context_object.update_task_token()
    env.callback_pool_manager.add(token)
    try:
        return evaluate(self, env)
    finally:
        del env.callback_pool_manager._pool[token]


# moto 5.2 has one token for all attempts of a task, and takes it for ever.
state_task_service_callback.StateTaskServiceCallback._eval_execution = evaluate_attempt
# moto leaves out what the service does for services whose members begin with a small letter.
state_task_service.StateTaskService._normalise_parameters = normalise_parameters
state_task_service.StateTaskService._normalise_response = normalise_response
# moto copies a machine for each execution, with what runs, whose locks cannot be copied.
StateMachine.__deepcopy__ = lambda machine, memo: copy.copy(machine)


def tasks(definition):
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        if "ItemProcessor" in state:
            yield from tasks(state["ItemProcessor"])


class Calls(unittest.TestCase):
    def test_every_member_of_every_call_is_one_of_the_service(self):
        machines = sorted(TOOLS.glob("*/*.asl.json"))
        self.assertEqual(len(machines), 7)
        for file in machines:
            for name, state in tasks(json.loads(file.read_text())):
                words = state["Resource"].removeprefix("arn:aws:states:::").removeprefix("aws-sdk:")
                service, action = words.split(":")[:2]
                parameters = dict(state["Parameters"])
                if isinstance(parameters.get("Input", ""), dict):
                    parameters["Input"] = "{}"  # becomes a text, as MessageBody does
                with self.subTest(machine=file.name, state=name):
                    fitted(parameters, operation(service, action.split(".")[0]).input_shape)

    def test_a_member_that_is_none_is_found(self):
        shape = operation("sagemaker", "updateUserProfile").input_shape
        good = {"DomainId": "d-a", "UserProfileName.$": "$.Profile"}
        self.assertEqual(fitted(good, shape), {"DomainId": "d-a", "UserProfileName": "$.Profile"})
        for bad in (good | {"UserSetting": {}}, {"DomainId": "d-a"},
                    good | {"UserSettings": {"CustomFileSystemConfigs": [{"EfsConfig": {}}]}}):
            with self.assertRaises(UnknownMember):
                fitted(bad, shape)


def row(file_system, uid):
    texts = {"profile_name": "user1", "domain_name": "a", "domain_id": "d-a",
             "user_profile_name": "user1", "efs_sys_id": file_system, "efs_uid": uid}
    typed = {name: {"S": text} for name, text in texts.items()}
    return typed | {"replication": {"BOOL": True}}


def is_ci():
    return os.environ.get("CI", "false") not in ("false", "0")


def wait_for(look):
    """What `look` returns once it is something."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come in time")


class Servers:
    """Both file systems, of one NFS server that is there, stands still, or is gone."""

    def __init__(self, test, folder):
        self.state = folder / "server"
        for _ in range(20):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            started = self.control(
                "start", "--port", str(port), "--owner-pid", str(os.getpid()),
                "--export", f"{folder}/old:/old", "--export", f"{folder}/new:/new")
            if started.returncode != 3:  # the port is another's by now
                break
        test.assertEqual(started.returncode, 0, started.stderr)
        test.addCleanup(self.control, "stop")
        self.pid = int(started.stdout)
        self.roots = {f"fs-{key}": f"nfs://127.0.0.1:{port}/{name}"
                      for key, name in (("0a", "old"), ("0b", "new"))}

    def control(self, command, *words):
        return subprocess.run([GANESHA, command, "--dir", self.state, *words], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)

    def signal(self, number):
        os.kill(self.pid, number)


class Recovery(unittest.TestCase):
    def setUp(self):
        self.mock = mock_aws(config=RUNS)
        self.mock.start()
        self.addCleanup(self.mock.stop)
        server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        server.start()
        self.addCleanup(server.stop)
        self.endpoint = "http://%s:%d" % server.get_host_and_port()
        client = {name: boto3.client(name, region_name="eu-west-1") for name in (
            "dynamodb", "dynamodbstreams", "ec2", "ecs", "sqs", "stepfunctions")}
        self.tables, self.streams, self.ecs = (
            client["dynamodb"], client["dynamodbstreams"], client["ecs"])
        self.sqs, self.machines = client["sqs"], client["stepfunctions"]
        self.deliveries = 0
        self.seen = set()
        self.make_table()
        self.queue = self.sqs.create_queue(QueueName="failures")["QueueUrl"]
        self.cluster = self.ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]
        subnets = client["ec2"].describe_subnets()
        groups = client["ec2"].describe_security_groups()
        self.values = {
            "StudioUserTable": "studioUser",
            "Cluster": self.cluster,
            "TaskDefinition": self.ecs.register_task_definition(
                family="nfsferry", requiresCompatibilities=["FARGATE"], networkMode="awsvpc",
                cpu="1024", memory="2048",
                containerDefinitions=[
                    {"name": "nfsferry", "image": "i", "cpu": 1024, "memory": 2048}],
            )["taskDefinition"]["taskDefinitionArn"],
            "Subnet": subnets["Subnets"][0]["SubnetId"],
            "SecurityGroup": groups["SecurityGroups"][0]["GroupId"],
            "FailureQueueUrl": self.queue,
            "LogGroupArn": "arn:log",
            "FileSystemArnPrefix": FILE_SYSTEMS,
        }
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "old/200005").mkdir(parents=True)
        (self.folder / "old/200005/notebook").write_text("years of work")
        (self.folder / "new/200010").mkdir(parents=True)
        self.roots = {"fs-0a": f"{self.folder}/old", "fs-0b": f"{self.folder}/new"}

    def make_table(self):
        keys = ("profile_name", "domain_name")
        table = self.tables.create_table(
            TableName="studioUser", BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": keys[0], "KeyType": "HASH"},
                       {"AttributeName": keys[1], "KeyType": "RANGE"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        self.stream = table["TableDescription"]["LatestStreamArn"]

    def machine(self, name, **patch):
        """A machine of tools/; patch: members of its task that copies, which is tried twice."""
        text = (TOOLS / f"recovery/{name}.asl.json").read_text()
        for key, value in self.values.items():
            text = text.replace("${" + key + "}", value)
        definition = json.loads(text)
        if name == "recovery":
            definition["States"]["Recover"].update(patch)
            definition["States"]["Recover"]["Retry"][0].update(IntervalSeconds=1, MaxAttempts=1)
        return self.machines.create_state_machine(
            name=name, roleArn=ROLE, definition=json.dumps(definition))["stateMachineArn"]

    def make_machines(self, **patch):
        self.recovery = self.values["RecoveryMachine"] = self.machine("recovery", **patch)
        self.decide = self.machine("decide")

    def records(self):
        shard = self.streams.describe_stream(StreamArn=self.stream)[
            "StreamDescription"]["Shards"][0]["ShardId"]
        begin = self.streams.get_shard_iterator(
            StreamArn=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return self.streams.get_records(ShardIterator=begin["ShardIterator"])["Records"]

    def deliver(self):
        """All records of the stream to the machine that decides, as a pipe does."""
        self.deliveries += 1
        started = self.machines.start_execution(
            stateMachineArn=self.decide, name=f"delivery-{self.deliveries}",
            input=json.dumps(self.records(), default=str))
        return self.ended(started["executionArn"])

    def ended(self, arn):
        def look():
            execution = self.machines.describe_execution(executionArn=arn)
            return execution if execution["status"] != "RUNNING" else None
        return wait_for(look)

    def recoveries(self):
        return self.machines.list_executions(stateMachineArn=self.recovery)["executions"]

    def recreate(self):
        self.tables.put_item(TableName="studioUser", Item=row("fs-0a", "200005"))
        self.tables.put_item(TableName="studioUser", Item=row("fs-0b", "200010"))

    def row(self):
        return self.tables.get_item(TableName="studioUser", Key={
            "profile_name": {"S": "user1"}, "domain_name": {"S": "a"}})["Item"]

    def containers(self):
        return self.ecs.list_tasks(cluster=self.cluster)["taskArns"]

    def submitted(self):
        """Tasks that their machines wait for: before, moto takes no heartbeat of them."""
        return sum(event["type"] == "TaskSubmitted" for execution in self.recoveries()
                   for event in self.machines.get_execution_history(
                       executionArn=execution["executionArn"])["events"])

    def container(self):
        """The environment of the next container that is started, once it is."""
        [new] = wait_for(lambda: set(self.containers()) - self.seen)
        self.seen.add(new)
        wait_for(lambda: self.submitted() >= len(self.seen))
        task = self.ecs.describe_tasks(cluster=self.cluster, tasks=[new])["tasks"][0]
        self.assertEqual(task["launchType"], "FARGATE")
        override = task["overrides"]["containerOverrides"][0]
        self.assertEqual(override["name"], "nfsferry")
        self.command = override["command"]
        return {one["name"]: one["value"] for one in override["environment"]}

    def start(self, environment, *flags):
        """The program, as the container of a task that waits for its answer."""
        maps = [f"--map={name}={root}" for name, root in self.roots.items()]
        given = environment | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "eu-west-1"}
        return subprocess.Popen([PROGRAM, *self.command, *maps, *flags], env=os.environ | given,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run_program(self, environment, code=0):
        program = self.start(environment)
        _, errors = program.communicate(timeout=WAIT_S)
        self.assertEqual(program.returncode, code, errors)
        return errors

    def on_servers(self):
        """The homes behind NFS, for the rest of the test."""
        if not is_ci() and subprocess.run([GANESHA, "check"]).returncode != 0:
            self.skipTest("no NFS server can run here")
        servers = Servers(self, self.folder)
        self.roots = servers.roots
        return servers

    def start_slowly(self, *flags):
        """The program in the next container, once it has copied something and is far from done."""
        for number in range(200):
            (self.folder / f"old/200005/{number}").write_bytes(os.urandom(100_000))
        self.recreate()
        self.deliver()
        program = self.start(self.container(), "--bwlimit", "1MiB", "--heartbeat", "200ms", *flags)
        wait_for(lambda: any((self.folder / "new/200010").glob("[0-9]*")))
        return program

    def expect_that_all_was_copied(self):
        [started] = self.recoveries()
        self.assertEqual(self.ended(started["executionArn"])["status"], "SUCCEEDED")
        self.assertEqual(self.row()["replication_status"], {"S": "SUCCESS"})
        old, new = self.folder / "old/200005", self.folder / "new/200010"
        names = sorted(one.name for one in old.iterdir())
        self.assertEqual(sorted(one.name for one in new.iterdir()), names)
        self.assertEqual(filecmp.cmpfiles(old, new, names, shallow=False), (names, [], []))

    def failures(self):
        """How attempts of the only recovery failed."""
        [started] = self.recoveries()
        events = self.machines.get_execution_history(executionArn=started["executionArn"])["events"]
        return [details["error"] for event in events for name, details in event.items()
                if name in ("taskFailedEventDetails", "taskTimedOutEventDetails")]

    def test_a_profile_that_was_made_again_gets_its_files_and_its_row(self):
        self.make_machines()
        self.recreate()
        self.assertEqual(self.deliver()["status"], "SUCCEEDED")
        environment = self.container()
        self.assertEqual(self.row()["replication_status"], {"S": "PENDING"})
        self.run_program(environment)
        [started] = self.recoveries()
        self.assertEqual(self.ended(started["executionArn"])["status"], "SUCCEEDED")
        self.assertEqual((self.folder / "new/200010/notebook").read_text(), "years of work")
        found = self.row()
        self.assertEqual(found["replication_status"], {"S": "SUCCESS"})
        self.assertEqual(found["files_transferred"], {"S": "1"})
        self.assertEqual(found["bytes_written"], {"S": "13"})
        self.assertRegex(found["total_duration_ms"]["S"], r"^\d+$")
        self.assertEqual(found["efs_uid"], {"S": "200010"})

        # Its own results, and the same records once more, start nothing.
        self.assertEqual(self.deliver()["status"], "SUCCEEDED")
        self.assertEqual(len(self.recoveries()), 1)

    def test_the_program_and_the_machine_name_an_execution_by_the_same_hash(self):
        self.make_machines()
        self.recreate()
        self.deliver()
        [started] = self.recoveries()
        self.assertEqual(started["name"], hashlib.sha256(
            b"user1/fs-0a/200005/fs-0b/200010").hexdigest())
        change = self.records()[1]
        printed = subprocess.run(
            [PROGRAM, "ledger", "decide", "-", "--json"], input=json.dumps(change, default=str),
            check=True, text=True, capture_output=True)
        self.assertEqual(json.loads(printed.stdout)["execution_name"], started["name"])

    def test_a_failure_is_in_the_row_and_in_a_message_with_the_whole_input(self):
        self.make_machines()
        self.recreate()
        self.deliver()
        environment = self.container()
        shutil.rmtree(self.folder / "old/200005")
        self.run_program(environment, 3)
        [started] = self.recoveries()
        ended = self.ended(started["executionArn"])
        self.assertEqual(ended["status"], "FAILED")
        self.assertEqual(self.row()["replication_status"], {"S": "ERROR"})
        [message] = self.sqs.receive_message(QueueUrl=self.queue)["Messages"]
        body = json.loads(message["Body"])
        self.assertEqual(body["Error"], "Nfsferry.SourceMissing")
        self.assertEqual(body["Input"], json.loads(ended["input"]))
        self.assertEqual(body["Input"], json.loads(environment["NFSFERRY_INPUT"]))

    def test_a_container_that_is_killed_is_followed_by_one_that_ends_the_work(self):
        self.make_machines(HeartbeatSeconds=4)
        killed = self.start_slowly()
        killed.kill()
        killed.communicate()
        self.run_program(self.container())
        self.expect_that_all_was_copied()

    def test_a_server_that_goes_away_is_a_failure_that_passes(self):
        servers = self.on_servers()
        self.make_machines()
        program = self.start_slowly("--timeout", "1s")
        self.assertEqual(servers.control("kill9").returncode, 0)
        _, errors = program.communicate(timeout=WAIT_S)
        self.assertEqual(program.returncode, 75, errors)
        environment = self.container()
        self.assertEqual(self.failures(), ["Nfsferry.Transient"])
        self.assertEqual(self.row()["replication_status"], {"S": "PENDING"})
        self.assertEqual(servers.control("restart").returncode, 0)
        self.run_program(environment)
        self.expect_that_all_was_copied()

    def test_a_server_that_stands_still_is_no_sign_of_life(self):
        """The task times out; who copied is told so when it gets on, and leaves the rest."""
        servers = self.on_servers()
        self.make_machines(HeartbeatSeconds=5)
        program = self.start_slowly()
        servers.signal(signal.SIGSTOP)
        environment = self.container()
        self.assertIsNone(program.poll())
        [failure] = self.failures()
        self.assertIn(failure, TIMEOUTS)
        servers.signal(signal.SIGCONT)
        _, errors = program.communicate(timeout=WAIT_S)
        self.assertEqual(program.returncode, 75, errors)
        self.assertIn("the workflow no longer waits for it", errors)
        self.run_program(environment)
        self.expect_that_all_was_copied()

    def test_the_task_needs_each_action_of_its_policy_and_no_other(self):
        """With signatures checked and actions held against a policy."""
        actions = re.findall(r"- (states:SendTask\w+)",
                             (TOOLS / "recovery/template.yaml").read_text())
        self.assertEqual(len(actions), 3)
        self.make_machines()
        self.recreate()
        self.deliver()
        given = self.container()
        gone = given["NFSFERRY_INPUT"].replace("200005", "200006")
        people = boto3.client("iam", region_name="eu-west-1")
        people.create_user(UserName="task")
        key = people.create_access_key(UserName="task")["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        checked = set_initial_no_auth_action_count(0)(self.run_program)
        codes = {"none": 0, "none, and no source": 3, "states:SendTaskFailure": 3,
                 "states:SendTaskHeartbeat": 4, "states:SendTaskSuccess": 75}
        for number, (missing, code) in enumerate(codes.items(), start=2):
            with self.subTest(missing=missing):
                self.machines.start_execution(
                    stateMachineArn=self.recovery, name=f"by-hand-{number}",
                    input=gone if code == 3 else given["NFSFERRY_INPUT"])
                environment = self.container()
                people.put_user_policy(
                    UserName="task", PolicyName="answer", PolicyDocument=json.dumps({
                        "Version": "2012-10-17",
                        "Statement": [{"Effect": "Allow", "Resource": "*",
                                       "Action": [one for one in actions if one != missing]}]}))
                errors = checked(environment | keys, code)
                if missing in actions:
                    self.assertIn(missing.removeprefix("states:"), errors)
                else:
                    self.assertNotIn("SendTask", errors)
        errors = checked(environment | keys | {"AWS_SECRET_ACCESS_KEY": "another"}, 4)
        self.assertIn("SendTaskHeartbeat", errors)

    def test_a_container_that_gives_no_sign_of_life_is_started_again_then_a_failure(self):
        self.make_machines(HeartbeatSeconds=1)
        self.recreate()
        self.deliver()
        [started] = self.recoveries()
        self.assertEqual(self.ended(started["executionArn"])["status"], "FAILED")
        self.assertEqual(len(self.containers()), 2)
        self.assertEqual(self.row()["replication_status"], {"S": "ERROR"})
        [message] = self.sqs.receive_message(QueueUrl=self.queue)["Messages"]
        self.assertIn(json.loads(message["Body"])["Error"], TIMEOUTS)


if __name__ == "__main__":
    logging.disable()  # moto logs each error that a machine handles
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ[name] = "made-up"
    unittest.main()
