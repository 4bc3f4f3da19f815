"""What the sections share."""

import argparse
import dataclasses
import functools
import json
import pathlib
from typing import Any, Callable, Sequence

from measure.figures import Column, Variants
from measure.process import Run, run_process
from measure.setting import Setting, delay

ENGINES = ("epoll", "io_uring")
BOTH_TREES = ("small", "large")
VERIFY = ("none", "transferred", "all")  # modes; what bench/run is not told is the first
COUNTED = ", counted"  # ends the name of a variant that goes through counting proxies

FILES_PER_SECOND = Column("files/s", "files_per_second", 0, True)
MIB_PER_SECOND = Column("MiB/s", "mib_per_second", 0, True)
CPU_PER_FILE = Column("CPU µs a file", "cpu_us_per_file", 1)
CPU_PER_GIB = Column("CPU s/GiB", "cpu_s_per_gib")
SERVERS_CPU = Column("servers' CPU s", "servers_cpu_s")
ELSEWHERE = Column("cores busy elsewhere", "elsewhere_cpu_share")
REQUESTS_PER_FILE = Column("requests a file", "requests_per_file", 3, True)
PEAK = Column("peak MiB", "report_peak_rss_mib", 0)

Figures = dict[str, dict[str, Any]]  # of each variant


@dataclasses.dataclass(frozen=True)
class Section:
    """One part of what is measured: a table of variants."""
    name: str
    about: str
    trees: Sequence[str]
    measure: Callable[[Setting], Figures]
    columns: Sequence[Column]
    is_local: bool = False

    def result(self, setting: Setting) -> dict[str, Any]:
        variants = self.measure(setting)
        root = setting.local_root if self.is_local else setting.source.folder
        return {"about": self.about,
                "trees": {name: setting.tree(name, root) for name in self.trees},
                "columns": [column.key for column in self.columns],
                "variants": variants}


# What a tree takes in memory, roughly, with its last blocks.
TREE_MIB: dict[str, Callable[[argparse.Namespace], int]] = {
    "small": lambda options: options.files * 12 // 1024,
    "large": lambda options: options.large_files * options.large_mib,
    "huge": lambda options: options.huge_mib,
    "home": lambda options: 16 + options.files * 40 // 1024,
    "directory": lambda options: options.directory_files * 12 // 1024,
    "one": lambda _options: 1,
}


def needed_mib(sections: Sequence[Section], options: argparse.Namespace) -> int:
    """All trees of these sections, a copy of the largest one, and something for the servers."""
    names = {name for section in sections for name in section.trees}
    sizes = [TREE_MIB[name](options) for name in names]
    return sum(sizes) + max(sizes) + 512


def at_delay(name: str, round_trip_ms: int) -> str:
    return f"{name}, {round_trip_ms} ms"


def copies_at_delays(setting: Setting, tree: str, engine: str,
                     round_trips_ms: Sequence[int]) -> Variants:
    return {at_delay(engine, ms): functools.partial(setting.copy, tree, engine=engine,
                                                    through=delay(ms))
            for ms in round_trips_ms}


def floor(setting: Setting, program: pathlib.Path, *arguments: object,
          servers: Sequence[int] = ()) -> Run:
    """A program that prints the CPU time of its middle alone."""
    report = setting.scratch / "floor.json"
    run = run_process([str(program), *map(str, arguments), "--json", str(report)], servers)
    run.report = json.loads(report.read_bytes())
    run.user_s, run.system_s = run.report["user_s"], run.report["system_s"]
    return run
