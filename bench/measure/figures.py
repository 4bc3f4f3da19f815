"""Medians and ranges of many runs."""

import dataclasses
import statistics
import sys
from typing import Any, Callable, Sequence

from measure.process import Run
from measure.setting import MIB

GIB_OF_MIB = 1024

Figure = dict[str, float]  # median, least, most
Variants = dict[str, Callable[[], Run]]
Runs = dict[str, list[Run]]


@dataclasses.dataclass(frozen=True)
class Column:
    """How a table shows one figure of each variant."""
    heading: str
    key: str
    digits: int = 2
    with_range: bool = False


def progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def summary(values: Sequence[float]) -> Figure:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def interleaved(rounds: int, variants: Variants) -> Runs:
    """Every variant once a round, after one round that does not count; the order turns, and every
    second round goes backwards. A change of the machine's load so meets all of them, and none
    always inherits what the same one has left, such as memory that is still the machine's."""
    runs: Runs = {name: [] for name in variants}
    names = list(variants)
    for at in range(rounds + 1):
        for name in names if at % 2 == 0 else reversed(names):
            run = variants[name]()
            if at > 0:
                runs[name].append(run)
        progress(f"  round {at} of {rounds}" if at else "  warm-up")
        names = names[1:] + names[:1]
    return runs


def interleaved_by_tree(rounds: int, variants: Variants) -> Runs:
    """The same with one tree after the other, where variants are called "TREE, WAY": who copies
    large files behind small ones would pay for memory that the machine has taken back."""
    runs: Runs = {}
    for tree in dict.fromkeys(name.partition(",")[0] for name in variants):
        runs |= interleaved(rounds, {name: run for name, run in variants.items()
                                     if name.partition(",")[0] == tree})
    return runs


def shared_figures(runs: Sequence[Run]) -> dict[str, Any]:
    return {"wall_s": summary([run.wall_s for run in runs]),
            "cpu_s": summary([run.cpu_s for run in runs]),
            "user_s": summary([run.user_s for run in runs]),
            "system_s": summary([run.system_s for run in runs]),
            "servers_cpu_s": summary([run.servers_cpu_s for run in runs]),
            "elsewhere_cpu_share": summary([run.elsewhere_cpu_s / run.wall_s for run in runs]),
            "peak_rss_mib": summary([run.peak_rss_mib for run in runs])}


def names_in(tree: dict[str, int]) -> int:
    return tree["files"] + tree["symlinks"] + tree["hard_links"]


def tree_figures(runs: Sequence[Run], tree: dict[str, int]) -> dict[str, Any]:
    """Of runs that copied a tree, whatever program did it."""
    files, mib = names_in(tree), tree["bytes"] / MIB
    return shared_figures(runs) | {
        "files_per_second": summary([files / run.wall_s for run in runs]),
        "mib_per_second": summary([mib / run.wall_s for run in runs]),
        "cpu_us_per_file": summary([run.cpu_s * 1e6 / files for run in runs]),
        "cpu_s_per_gib": summary([run.cpu_s * GIB_OF_MIB / mib for run in runs])}


def nfsferry_figures(runs: Sequence[Run], tree: dict[str, int]) -> dict[str, Any]:
    figures = tree_figures(runs, tree)
    figures["report_duration_ms"] = summary([run.report["duration_ms"] for run in runs])
    figures["report_peak_rss_mib"] = \
        summary([run.report["nfsferry"]["peak_rss_bytes"] / MIB for run in runs])
    figures["requests_per_file"] = summary([run.requests / names_in(tree) for run in runs])
    return figures


def speed_over(ours: Sequence[Run], theirs: Sequence[Run]) -> Figure:
    """How many times as fast ours are, as the ratio of the runs of one round."""
    return summary([their.wall_s / our.wall_s for our, their in zip(ours, theirs)])


def cpu_over(ours: Sequence[Run], theirs: Sequence[Run], scale: float = 1) -> Figure:
    return summary([our.cpu_s / their.cpu_s * scale for our, their in zip(ours, theirs)])
