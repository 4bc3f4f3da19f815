"""Several connections to one server: of one session together, or with a session each."""

import functools
import json
import pathlib
from typing import Sequence

from measure.figures import Column, Variants, interleaved_by_tree, speed_over, summary
from measure.process import Failure, Run, run_process
from measure.section import Figures, Section, at_delay
from measure.setting import MIB, Proxy, Server, Setting, delay

CONNECTIONS = (2, 4)
IN_FLIGHT = 16
ROUND_TRIPS_MS = (0, 3)
DIRECTIONS = ("read", "write")
ONE, EACH = "one session", "a session each"


def run_flows(setting: Setting, command: Sequence[str], server: Server, folder: str,
              rest: Sequence[str], round_trip_ms: int) -> Run:
    report = setting.scratch / "trunking.json"
    proxy = Proxy(setting.rpc_proxy, server.port, delay(round_trip_ms)) if round_trip_ms else None
    try:
        port = proxy.port if proxy else server.port
        run = run_process([*command, f"nfs://127.0.0.1:{port}{folder}", *rest, str(report)],
                          [server.pid])
    finally:
        if proxy:
            proxy.finish()
    run.report = json.loads(report.read_bytes())
    run.wall_s, run.user_s, run.system_s = (run.report[key] for key in ("wall_s", "user_s",
                                                                         "system_s"))
    return run


def flows(setting: Setting, program: pathlib.Path, direction: str, connections: int, way: str,
          round_trip_ms: int) -> Run:
    """One large file, over so many connections."""
    setting.tree("large")
    mib = setting.options.large_mib
    sessions = 1 if way == ONE else connections
    counts = [str(count) for count in (mib, connections, sessions, IN_FLIGHT)]
    command = [str(program), direction]
    if direction == "read":
        return run_flows(setting, command, setting.source, "/old/large", ["large-0", *counts],
                         round_trip_ms)
    folder = setting.fresh_target()
    run = run_flows(setting, command, setting.target, f"/new/{folder.name}", ["file", *counts],
                    round_trip_ms)
    if (folder / "file").stat().st_size != mib * MIB:
        raise Failure("trunking wrote a file of another size")
    setting.clear(folder)
    return run


def measure_trunking(setting: Setting) -> Figures:
    program = setting.copy_program("bench/trunking")
    variants: Variants = {}
    for direction in DIRECTIONS:
        for connections in CONNECTIONS:
            for ms in ROUND_TRIPS_MS:
                for way in (ONE, EACH):
                    name = at_delay(f"{direction}, {connections} connections, {way}", ms)
                    variants[name] = functools.partial(flows, setting, program, direction,
                                                       connections, way, ms)
    runs = interleaved_by_tree(setting.options.rounds, variants)
    mib = setting.options.large_mib
    figures: Figures = {}
    for name, own in runs.items():
        figures[name] = {"mib_per_second": summary([mib / run.wall_s for run in own]),
                         "cpu_s_per_gib": summary([run.cpu_s * 1024 / mib for run in own]),
                         "servers_cpu_s": summary([run.servers_cpu_s for run in own])}
        if EACH in name:
            figures[name]["over_one_session"] = speed_over(own, runs[name.replace(EACH, ONE)])
    return figures


TRUNKING = Section(
    "trunking", "connections of one session, or a session each (bench/trunking)", ["large"],
    measure_trunking,
    [Column("MiB/s", "mib_per_second", 0, True),
     Column("of one session", "over_one_session", 2, True), Column("CPU s/GiB", "cpu_s_per_gib"),
     Column("server's CPU s", "servers_cpu_s")])
