"""Several connections to one server: of one session together, or with a session each."""

import functools
import pathlib

from measure.figures import Column, Variants, interleaved_by_tree, speed_over, tree_figures
from measure.process import Failure, Run
from measure.section import (CPU_PER_GIB, MIB_PER_SECOND, SERVERS_CPU, Figures, Section, at_delay,
                             floor)
from measure.setting import MIB, Proxy, Server, Setting, delay

CONNECTIONS = (2, 4)
IN_FLIGHT = 16
ROUND_TRIPS_MS = (0, 3)
DIRECTIONS = ("read", "write")
ONE, EACH = "one session", "a session each"


def run_flows(setting: Setting, program: pathlib.Path, server: Server, round_trip_ms: int,
              direction: str, folder: str, *rest: object) -> Run:
    proxy = Proxy(setting.rpc_proxy, server.port, delay(round_trip_ms)) if round_trip_ms else None
    try:
        port = proxy.port if proxy else server.port
        run = floor(setting, program, direction, f"nfs://127.0.0.1:{port}{folder}", *rest,
                    servers=[server.pid])
    finally:
        if proxy:
            proxy.finish()
    run.wall_s = run.report["wall_s"]
    return run


def flows(setting: Setting, program: pathlib.Path, direction: str, connections: int, way: str,
          round_trip_ms: int) -> Run:
    """One large file, over so many connections."""
    setting.tree("large")
    mib = setting.options.large_mib
    counts = mib, connections, 1 if way == ONE else connections, IN_FLIGHT
    if direction == "read":
        return run_flows(setting, program, setting.source, round_trip_ms, direction, "/old/large",
                         "large-0", *counts)
    folder = setting.fresh_target()
    run = run_flows(setting, program, setting.target, round_trip_ms, direction,
                    f"/new/{folder.name}", "file", *counts)
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
    one_file = {"files": 1, "symlinks": 0, "hard_links": 0,
                "bytes": setting.options.large_mib * MIB}
    figures: Figures = {name: tree_figures(own, one_file) for name, own in runs.items()}
    for name, own in runs.items():
        if EACH in name:
            figures[name]["over_one_session"] = speed_over(own, runs[name.replace(EACH, ONE)])
    return figures


TRUNKING = Section(
    "trunking", "connections of one session, or a session each (bench/trunking)", ["large"],
    measure_trunking,
    [MIB_PER_SECOND, Column("of one session", "over_one_session", 2, True), CPU_PER_GIB,
     Column("server's CPU s", SERVERS_CPU.key)])
