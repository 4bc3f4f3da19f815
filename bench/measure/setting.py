"""Two private servers, the trees in one of them, and copies to the other."""

import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
from typing import Sequence

from measure.process import Failure, Run, ask, run_process

ROOT = pathlib.Path(__file__).resolve().parents[2]
GANESHA = ROOT / "tests/support/ganesha"
MIB = 1 << 20
FILES_PER_DIRECTORY = 40
ATTRIBUTE_CACHE_S = 60  # the server's own default
SERVER_LIFE_S = 8 * 3600
PORT_TRIES = 20
SCRATCH_PREFIX = "nfsferry-bench-"

# How bench/make_tree writes each tree.
TREES = {
    "small": lambda options: ["--files", options.files, "--directories",
                              max(2, options.files // FILES_PER_DIRECTORY)],
    "large": lambda options: ["--files", 0, "--large", options.large_files,
                              "--large-mib", options.large_mib],
    "huge": lambda options: ["--files", 0, "--large", 1, "--large-mib", options.huge_mib],
    "home": lambda options: ["--shape", "home", "--files", options.files],
    "directory": lambda options: ["--files", options.directory_files, "--directories", 1],
    "one": lambda _options: ["--files", 1, "--directories", 1],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def delay(round_trip_ms: int) -> list[str]:
    """Options of a proxy that delays."""
    return ["--round-trip-ms", str(round_trip_ms)]


def check_same(source: pathlib.Path, target: pathlib.Path) -> None:
    """Byte by byte, by another program."""
    ask("diff", "-rq", "--no-dereference", source, target)


class Server:
    """A private nfs-ganesha that ends with this process."""

    def __init__(self, setting: "Setting", name: str) -> None:
        self.state = setting.scratch / f"server-{name}"
        self.folder = setting.scratch / f"export-{name}"
        self.folder.mkdir()
        scratch = [] if setting.options.keep else ["--scratch", str(setting.scratch)]
        for _ in range(PORT_TRIES):
            self.port = free_port()
            command = [str(GANESHA), "start", "--dir", str(self.state), "--port", str(self.port),
                       "--export", f"{self.folder}:/{name}", "--owner-pid", str(os.getpid()),
                       "--attr-expiration", str(ATTRIBUTE_CACHE_S),
                       "--max-seconds", str(SERVER_LIFE_S), *scratch]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, check=False)
            if done.returncode != 3:
                break
        if done.returncode != 0:
            raise Failure(done.stderr.strip())
        self.pid = int(done.stdout)

    def restart(self) -> None:
        """Frees the memory of removed files, which the server holds open, and empties its cache."""
        self.pid = int(ask(GANESHA, "restart", "--dir", self.state))

    def stop(self) -> None:
        subprocess.run([str(GANESHA), "stop", "--dir", str(self.state)], check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Proxy:
    """Counts the requests that pass, and does to them what its options say."""

    def __init__(self, program: pathlib.Path, port: int, options: Sequence[str]) -> None:
        command = ["setpriv", "--pdeathsig", "TERM", str(program), "--to", str(port), *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        text=True)
        assert self.process.stdout
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        if not line:
            raise Failure("the proxy did not start")
        self.port = int(line)

    def finish(self) -> int:
        """Ends the proxy; the number of requests that it saw."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=30)
        return int(json.loads(output)["requests"])


class Setting:
    """Servers, trees and copies of the programs, in folders that go away with this process."""

    def __init__(self, options: argparse.Namespace, needed_mib: int) -> None:
        self.options = options
        base = options.exports or pathlib.Path(ask(GANESHA, "base"))
        free = shutil.disk_usage(base).free
        if free < needed_mib * MIB:
            raise Failure(f"{base} has {free // MIB} MiB free, {needed_mib} are needed; "
                          "a smaller --large-mib needs less")
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=base))
        self.local_scratch = self.scratch  # of copies without a server
        self.servers: list[Server] = []
        self.trees: dict[pathlib.Path, dict[str, int]] = {}
        self.serial = 0
        self.before: list[str] = []  # what a copy's command is given to
        try:
            if options.local:
                folder = tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=options.local)
                self.local_scratch = pathlib.Path(folder)
            self.file_system = ask("stat", "-f", "-c", "%T", self.scratch)
            # Copies: nobody's build changes what is measured half-way.
            self.nfsferry = self.copy_program("nfsferry")
            self.rpc_proxy = self.copy_program("tests/support/rpc-proxy")
            self.relay = self.copy_program("bench/relay")
            self.canned = self.copy_program("bench/canned")
            self.source = self.add_server("old")
            self.target = self.add_server("new")
            # What is copied without a server: the same trees, unless a place for them is given.
            self.local_root = self.local_scratch if options.local else self.source.folder
        except BaseException:
            self.close()
            raise

    def copy_program(self, name: str) -> pathlib.Path:
        program = self.options.build / name
        if not program.exists():
            raise Failure(f"{program} is missing: cmake --preset release && "
                          "cmake --build --preset release")
        return pathlib.Path(shutil.copy2(program, self.scratch))

    def add_server(self, name: str) -> Server:
        self.servers.append(Server(self, name))
        return self.servers[-1]

    def close(self) -> None:
        for server in self.servers:
            server.stop()
        for folder in {self.scratch, self.local_scratch}:
            if self.options.keep:
                print(f"bench: kept {folder}", file=sys.stderr)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def tree(self, name: str, root: pathlib.Path | None = None) -> dict[str, int]:
        """What is in a tree of TREES, written when it is first asked for: in the source's exported
        folder, or below another root."""
        folder = (root or self.source.folder) / name
        if folder not in self.trees:
            arguments = map(str, TREES[name](self.options))
            self.trees[folder] = json.loads(ask(ROOT / "bench/make_tree", folder, *arguments))
        return self.trees[folder]

    def fresh_target(self) -> pathlib.Path:
        """A name never used before: the server remembers the old ones."""
        self.serial += 1
        folder = self.target.folder / f"copy-{self.serial}"
        folder.mkdir()
        return folder

    def clear(self, folder: pathlib.Path) -> None:
        shutil.rmtree(folder)
        self.target.restart()

    def nfsferry_copy(self, source: str, target: str, servers: Sequence[int],
                      arguments: Sequence[str]) -> Run:
        """One run of nfsferry, with its report."""
        report = self.scratch / "report.json"
        run = run_process([*self.before, str(self.nfsferry), "copy", source, target, "--quiet",
                           "--report-json", str(report), *arguments, *self.options.copy_options],
                          servers)
        run.report = json.loads(report.read_bytes())
        return run

    def copy_counting_calls(self, tree: str, engine: str) -> Run:
        """A copy whose system calls perf counts, which needs the right to; its times are of both
        programs."""
        counts = self.scratch / "calls.csv"
        self.before = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", str(counts)]
        try:
            run = self.copy(tree, engine=engine)
        finally:
            self.before = []
        run.system_calls = int(counts.read_text("utf-8").splitlines()[-1].split(",")[0])
        return run

    def copy_into(self, folder: pathlib.Path, tree: str, arguments: Sequence[str],
                  through: Sequence[str] | None) -> Run:
        """From server to server: straight, or through proxies with these options, which count."""
        ports = [self.source.port, self.target.port]
        pids = [self.source.pid, self.target.pid]
        proxies: list[Proxy] = []
        try:
            if through is not None:
                proxies += [Proxy(self.rpc_proxy, port, through) for port in ports]
                ports = [proxy.port for proxy in proxies]
                pids += [proxy.pid for proxy in proxies]
            run = self.nfsferry_copy(f"nfs://127.0.0.1:{ports[0]}/old/{tree}",
                                     f"nfs://127.0.0.1:{ports[1]}/new/{folder.name}",
                                     pids, arguments)
        finally:
            requests = [proxy.finish() for proxy in proxies]
        if through is not None:
            run.wire_requests = sum(requests)
            if run.wire_requests != run.reported_requests:
                raise Failure(f"the wire saw {run.wire_requests} requests, the report says "
                              f"{run.reported_requests}")
        return run

    def copy(self, tree: str, *, engine: str = "auto", verify: str | None = None,
             threads: int = 1, arguments: Sequence[str] = (), through: Sequence[str] | None = None,
             cold: bool = False, twice: bool = False) -> Run:
        """A copy into a fresh folder, compared with its source and removed. `cold`: the source's
        server was just started. `twice`: the run is of the second copy into the same folder.
        Without `verify`, what bench/run was told."""
        self.tree(tree)
        folder = self.fresh_target()
        if cold:
            self.source.restart()
        arguments = ["--engine", engine, "--verify", verify or self.options.verify,
                     "--threads", str(threads), *arguments]
        run = self.copy_into(folder, tree, arguments, through)
        if twice:
            again = self.copy_into(folder, tree, arguments, through)
            again.first = run
            run = again
        check_same(self.source.folder / tree, folder)
        self.clear(folder)
        return run
