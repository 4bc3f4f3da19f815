"""One process from start to end, with what it used."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
import time
from typing import Any, Sequence

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
TIMEOUT_S = 900


class Failure(Exception):
    """A message for the user; the run ends."""


@dataclasses.dataclass
class Run:
    """What one process used. `report` is nfsferry's, or what a floor printed."""
    wall_s: float
    user_s: float
    system_s: float
    peak_rss_mib: float
    servers_cpu_s: float = 0.0   # of both servers and the proxies
    elsewhere_cpu_s: float = 0.0  # of everything else on the machine, this script included
    report: dict[str, Any] = dataclasses.field(default_factory=dict)
    wire_requests: int | None = None  # counted by proxies
    first: "Run | None" = None  # of a second pass: the first one
    system_calls: int | None = None  # counted by perf

    @property
    def cpu_s(self) -> float:
        return self.user_s + self.system_s

    @property
    def requests(self) -> int:
        """As counted on the wire, or as reported."""
        if self.wire_requests is not None:
            return self.wire_requests
        return self.reported_requests

    @property
    def reported_requests(self) -> int:
        return sum(self.report["nfsferry"]["requests"].values())


def machine_busy_s() -> float:
    """CPU time spent since boot by everything on this machine, interrupts included."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) * TICK_S


def process_cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def run_process(command: Sequence[str], servers: Sequence[int] = ()) -> Run:
    """Runs a command to its end and takes its resource use from the kernel."""
    busy = machine_busy_s()
    theirs = sum(map(process_cpu_s, servers))
    with tempfile.TemporaryFile() as said:
        begin = time.monotonic()
        # setpriv becomes the command, which then ends with this script, whatever ends that.
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command],
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        signal.alarm(TIMEOUT_S)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            signal.alarm(0)
        wall_s = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()[-2000:]
            raise Failure(f"{' '.join(command)}\nended with {process.returncode}: {text}")
    run = Run(wall_s, used.ru_utime, used.ru_stime, used.ru_maxrss / 1024)
    run.servers_cpu_s = sum(map(process_cpu_s, servers)) - theirs
    busy = machine_busy_s() - busy
    run.elsewhere_cpu_s = max(0.0, busy - run.servers_cpu_s - run.cpu_s)
    return run


def ask(*command: str | pathlib.Path) -> str:
    """What a short command prints."""
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()
