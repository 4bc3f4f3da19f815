"""Many small files from server to server, and one."""

import functools

from measure.figures import (Column, Variants, cpu_over, interleaved, interleaved_by_tree,
                             nfsferry_figures, shared_figures, speed_over, summary)
from measure.section import (COUNTED, CPU_PER_FILE, ELSEWHERE, ENGINES, FILES_PER_SECOND,
                             MIB_PER_SECOND, PEAK, REQUESTS_PER_FILE, SERVERS_CPU, Figures,
                             Section, at_delay, copies_at_delays, floor)
from measure.setting import MIB, Setting, delay

CANNED_FILES = 100_000  # enough for a steady figure
ROUND_TRIPS_MS = (0, 1, 3)
EFS = {"32 slots, 50 operations": ["--slots", "32", "--operations", "50"],
       "1 slot, 16 operations": ["--slots", "1", "--operations", "16"]}

SLOW = {"small": 10_000, "large": 200}  # changes a second that the server takes


def measure_small(setting: Setting) -> Figures:
    variants: Variants = {}
    for engine in ENGINES:
        copy = functools.partial(setting.copy, "small", engine=engine)
        variants[engine] = copy
        variants[engine + COUNTED] = functools.partial(copy, through=delay(0))
    variants["canned"] = functools.partial(floor, setting, setting.canned, "--files", CANNED_FILES)
    runs = interleaved(setting.options.rounds, variants)
    tree = setting.tree("small")
    canned = runs["canned"]
    figures: Figures = {}
    for engine in ENGINES:
        figures[engine] = nfsferry_figures(runs[engine], tree)
        counted = nfsferry_figures(runs[engine + COUNTED], tree)
        figures[engine]["requests_per_file"] = counted["requests_per_file"]
        figures[engine]["cpu_over_canned"] = \
            cpu_over(runs[engine], canned, CANNED_FILES / tree["files"])
    figures["canned"] = shared_figures(canned) | {
        "cpu_us_per_file": summary([run.report["cpu_us_per_file"] for run in canned])}
    return figures


def measure_latency(setting: Setting) -> Figures:
    variants: Variants = {}
    for engine in ENGINES:
        variants |= copies_at_delays(setting, "small", engine, ROUND_TRIPS_MS)
    runs = interleaved(setting.options.rounds, variants)
    tree = setting.tree("small")
    figures = {name: nfsferry_figures(own, tree) for name, own in runs.items()}
    for engine in ENGINES:
        near = runs[at_delay(engine, 0)]
        for ms in ROUND_TRIPS_MS[1:]:
            name = at_delay(engine, ms)
            figures[name][f"speed_at_{ms}_ms"] = speed_over(runs[name], near)
    return figures


def measure_slow(setting: Setting) -> Figures:
    """The proxy answers DELAY to what would change more a second. A small file takes five such
    operations (OPEN, WRITE, SETATTR, COMMIT, RENAME), a large one a WRITE for each MiB."""
    runs = interleaved_by_tree(setting.options.rounds, {
        f"{tree}, {rate:,} changes/s": functools.partial(
            setting.copy, tree, through=["--mode", "efs", "--write-rate", str(rate)])
        for tree, rate in SLOW.items()})
    figures: Figures = {}
    for name, own in runs.items():
        tree = name.partition(",")[0]
        held = setting.tree(tree)
        least_s = (5 * held["files"] if tree == "small" else held["bytes"] / MIB) / SLOW[tree]
        figures[name] = nfsferry_figures(own, held)
        figures[name]["of_allowed"] = summary([least_s / run.wall_s for run in own])
    return figures


def measure_efs(setting: Setting) -> Figures:
    variants: Variants = {
        granted: functools.partial(setting.copy, "small", through=["--mode", "efs", *arguments])
        for granted, arguments in EFS.items()}
    runs = interleaved(setting.options.rounds, variants)
    tree = setting.tree("small")
    return {granted: nfsferry_figures(own, tree) for granted, own in runs.items()}


def measure_start(setting: Setting) -> Figures:
    """Without delay the round trips of a copy of one file cost next to nothing: what is left is
    the overhead. How many there are in a row tells the delay."""
    variants: Variants = {}
    for engine in ENGINES:
        variants[engine] = functools.partial(setting.copy, "one", engine=engine)
        variants |= copies_at_delays(setting, "one", engine, ROUND_TRIPS_MS)
    runs = interleaved(setting.options.rounds, variants)
    tree = setting.tree("one")
    figures: Figures = {}
    for name, own in runs.items():
        figures[name] = nfsferry_figures(own, tree)
        figures[name]["wall_ms"] = summary([run.wall_s * 1000 for run in own])
    for engine in ENGINES:
        figures[engine]["overhead_ms"] = figures[engine]["wall_ms"]
        near = runs[at_delay(engine, 0)]
        for ms in ROUND_TRIPS_MS[1:]:
            name = at_delay(engine, ms)
            figures[name]["round_trips"] = summary(
                [(far.wall_s - close.wall_s) * 1000 / ms for far, close in zip(runs[name], near)])
    return figures


SMALL = Section(
    "small", "many small files; canned is the floor", ["small"], measure_small,
    [FILES_PER_SECOND, CPU_PER_FILE, Column("times canned", "cpu_over_canned", 2, True),
     SERVERS_CPU, ELSEWHERE, REQUESTS_PER_FILE, PEAK])
LATENCY = Section(
    "latency", "the same through a proxy on both sides", ["small"], measure_latency,
    [FILES_PER_SECOND, Column("of 0 ms, at 1", "speed_at_1_ms", 2, True),
     Column("of 0 ms, at 3", "speed_at_3_ms", 2, True), CPU_PER_FILE, SERVERS_CPU, ELSEWHERE])
SLOW_SERVER = Section(
    "slow", "a server that takes so many changes a second and answers DELAY to the rest", SLOW,
    measure_slow,
    [FILES_PER_SECOND, MIB_PER_SECOND, Column("of what it allows", "of_allowed", 2, True),
     REQUESTS_PER_FILE, CPU_PER_FILE, ELSEWHERE])
EFS_LIKE = Section(
    "efs", "the same between proxies that behave as Amazon EFS is documented to", ["small"],
    measure_efs, [FILES_PER_SECOND, REQUESTS_PER_FILE, ELSEWHERE])
START = Section(
    "start", "one small file; round trips in a row as the delay tells", ["one"], measure_start,
    [Column("ms", "wall_ms", 1, True), Column("round trips in a row", "round_trips", 1, True),
     Column("requests", "requests_per_file", 0), ELSEWHERE])
