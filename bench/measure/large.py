"""Large files from server to server; and what small and large files are compared in alike:
verification, threads, cold caches."""

import functools
import shutil
from typing import Any, Sequence

from measure.figures import (Column, Runs, Variants, cpu_over, interleaved, interleaved_by_tree,
                             nfsferry_figures, speed_over, summary, tree_figures)
from measure.process import Run, run_process
from measure.section import (BOTH_TREES, CPU_PER_FILE, CPU_PER_GIB, ELSEWHERE, ENGINES,
                             FILES_PER_SECOND, MIB_PER_SECOND, PEAK, REQUESTS_PER_FILE,
                             SERVERS_CPU, VERIFY, Figures, Section, at_delay, copies_at_delays,
                             floor)
from measure.setting import MIB, Proxy, Setting, check_same, delay

FAR_MS = (1, 3)
NFS_CP = "nfs-cp"
THREADS: dict[str, dict[str, Any]] = {
    "1": {"threads": 1}, "2": {"threads": 2},
    "1 on 2 connections": {"threads": 1, "arguments": ["--connections", "2"]}}
THREADED_TREES = (*BOTH_TREES, "huge", "home", "directory")


def relay(setting: Setting) -> Run:
    return floor(setting, setting.relay, "--mib", setting.tree("large")["bytes"] // MIB)


def nfs_cp(setting: Setting, round_trip_ms: int | None = None) -> Run:
    """Debian's nfs-cp reads files over NFSv4.0 to a path of this machine, one after the other."""
    setting.tree("large")
    place = setting.scratch / "nfs-cp-copy"
    place.mkdir()
    port, pids = setting.source.port, [setting.source.pid]
    proxy = None
    try:
        if round_trip_ms is not None:
            proxy = Proxy(setting.rpc_proxy, port, delay(round_trip_ms))
            port, pids = proxy.port, [*pids, proxy.pid]
        script = ('for ((n = 0; n < $1; ++n)); do '
                  'nfs-cp "nfs://127.0.0.1/old/large/large-$n?version=4&nfsport=$2" "$3/large-$n" '
                  '|| exit; done')
        run = run_process(["bash", "-c", script, "bash", str(setting.options.large_files),
                           str(port), str(place)], pids)
    finally:
        if proxy:
            proxy.finish()
    check_same(setting.source.folder / "large", place)
    shutil.rmtree(place)
    return run


def cp_and_sync(setting: Setting) -> Run:
    setting.tree("large")
    folder = setting.fresh_target()
    source = setting.source.folder / "large"
    script = 'cp -r --reflink=never -- "$1/." "$2" && sync -f -- "$2"'
    run = run_process(["sh", "-c", script, "sh", str(source), str(folder)])
    check_same(source, folder)
    shutil.rmtree(folder)
    return run


def large_variants(setting: Setting) -> Variants:
    variants: Variants = {}
    for engine in ENGINES:
        variants[engine] = functools.partial(setting.copy, "large", engine=engine)
        variants |= copies_at_delays(setting, "large", engine, FAR_MS)
    variants["cp and sync"] = functools.partial(cp_and_sync, setting)
    if shutil.which(NFS_CP):
        variants[NFS_CP] = functools.partial(nfs_cp, setting)
        variants[at_delay(NFS_CP, FAR_MS[-1])] = functools.partial(nfs_cp, setting, FAR_MS[-1])
    variants["relay"] = functools.partial(relay, setting)
    return variants


def measure_large(setting: Setting) -> Figures:
    runs = interleaved(setting.options.rounds, large_variants(setting))
    tree = setting.tree("large")
    ours = [name for name in runs if name.partition(",")[0] in ENGINES]
    figures = {name: (nfsferry_figures if name in ours else tree_figures)(own, tree)
               for name, own in runs.items()}
    for engine in ENGINES:
        figures[engine]["cpu_over_relay"] = cpu_over(runs[engine], runs["relay"])
        figures[engine]["over_cp_sync"] = speed_over(runs[engine], runs["cp and sync"])
    if NFS_CP in runs:
        for engine in ENGINES:
            for name, rival in ((engine, NFS_CP),
                                (at_delay(engine, FAR_MS[-1]), at_delay(NFS_CP, FAR_MS[-1]))):
                figures[name]["over_nfs_cp"] = speed_over(runs[name], runs[rival])
    return figures


def each_tree(setting: Setting, ways: dict[str, dict[str, object]],
              trees: Sequence[str] = BOTH_TREES) -> Variants:
    """Copies of small and of large files in a few ways: "small, WAY" and "large, WAY"."""
    return {f"{tree}, {way}": functools.partial(setting.copy, tree, **arguments)
            for tree in trees for way, arguments in ways.items()}


def figures_of(setting: Setting, runs: Runs) -> Figures:
    return {name: nfsferry_figures(own, setting.tree(name.partition(",")[0]))
            for name, own in runs.items()}


def measure_verify(setting: Setting) -> Figures:
    variants = each_tree(setting, {mode: {"verify": mode} for mode in VERIFY})
    variants["large, relay"] = functools.partial(relay, setting)
    runs = interleaved_by_tree(setting.options.rounds, variants)
    relayed = runs.pop("large, relay")
    figures = figures_of(setting, runs)
    files = setting.tree("small")["files"]
    for mode in VERIFY[1:]:
        for tree in BOTH_TREES:
            figures[f"{tree}, {mode}"]["speed_over_none"] = \
                speed_over(runs[f"{tree}, {mode}"], runs[f"{tree}, none"])
        figures[f"small, {mode}"]["extra_requests_per_file"] = summary(
            [(verified.requests - plain.requests) / files
             for verified, plain in zip(runs[f"small, {mode}"], runs["small, none"])])
    for mode in VERIFY:
        figures[f"large, {mode}"]["cpu_over_relay"] = cpu_over(runs[f"large, {mode}"], relayed)
    return figures


def measure_threads(setting: Setting) -> Figures:
    runs = interleaved_by_tree(setting.options.rounds, each_tree(setting, THREADS, THREADED_TREES))
    figures = figures_of(setting, runs)
    for tree in THREADED_TREES:
        one, *others = (f"{tree}, {way}" for way in THREADS)
        for way in others:
            figures[way]["speed_over_one"] = speed_over(runs[way], runs[one])
    return figures


def measure_calls(setting: Setting) -> Figures:
    runs = interleaved_by_tree(setting.options.rounds, {
        f"{tree}, {engine}": functools.partial(setting.copy_counting_calls, tree, engine)
        for tree in BOTH_TREES for engine in ENGINES})
    return {name: {"system_calls": summary([float(run.system_calls or 0) for run in own]),
                   "calls_per_request": summary([(run.system_calls or 0) / run.requests
                                                 for run in own])}
            for name, own in runs.items()}


def measure_cold(setting: Setting) -> Figures:
    ways = {"warm": {}, "cold": {"cold": True}}
    # Who is warm has served this tree before.
    runs = interleaved_by_tree(setting.options.rounds, each_tree(setting, ways))
    figures = figures_of(setting, runs)
    for tree in BOTH_TREES:
        figures[f"{tree}, cold"]["speed_over_warm"] = \
            speed_over(runs[f"{tree}, cold"], runs[f"{tree}, warm"])
    return figures


LARGE = Section(
    "large", "large files; relay is the floor", ["large"], measure_large,
    [MIB_PER_SECOND, CPU_PER_GIB, Column("times relay", "cpu_over_relay", 2, True), SERVERS_CPU,
     ELSEWHERE, PEAK, Column("times nfs-cp", "over_nfs_cp", 2, True),
     Column("times cp and sync", "over_cp_sync", 2, True)])
VERIFIED = Section(
    "verify", "by mode of --verify; transferred is the default", BOTH_TREES, measure_verify,
    [FILES_PER_SECOND, MIB_PER_SECOND, Column("of none", "speed_over_none", 2, True),
     REQUESTS_PER_FILE, CPU_PER_FILE, CPU_PER_GIB, Column("times relay", "cpu_over_relay", 2, True),
     ELSEWHERE, PEAK])
THREADED = Section(
    "threads", "--threads 1 and 2, --connections 2", THREADED_TREES, measure_threads,
    [FILES_PER_SECOND, MIB_PER_SECOND, Column("of one thread", "speed_over_one", 2, True),
     CPU_PER_FILE, CPU_PER_GIB, SERVERS_CPU, ELSEWHERE, PEAK])
CALLS = Section(
    "calls", "system calls, start and end of the program among them", BOTH_TREES, measure_calls,
    [Column("system calls", "system_calls", 0, True),
     Column("a request", "calls_per_request", 2, True)])
COLD = Section(
    "cold", "the source's server just started (its caches are empty)", BOTH_TREES, measure_cold,
    [FILES_PER_SECOND, MIB_PER_SECOND, Column("of warm", "speed_over_warm", 2, True),
     SERVERS_CPU, ELSEWHERE])
