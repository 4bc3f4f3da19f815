"""What the figures are held against."""

import dataclasses
import fnmatch
from typing import Any, Iterator, Sequence

from measure.section import VERIFY

NONE, TRANSFERRED, _ = VERIFY


@dataclasses.dataclass(frozen=True)
class Goal:
    what: str
    section: str
    variants: str  # a pattern
    key: str
    sign: str
    limit: float
    mode: str | None = None  # of --verify, where the goal holds for copies by one mode alone

    def holds(self, value: float) -> bool:
        return {">=": value >= self.limit, "<=": value <= self.limit,
                "<": value < self.limit}[self.sign]

    def judged(self, figure: dict[str, float]) -> float:
        """What must stay below a limit is judged by the largest run, the rest by the median."""
        return figure["most" if self.sign == "<" else "median"]


GOALS = (
    Goal("requests per small file, both sides together", "small", "*", "requests_per_file",
         "<=", 0.25),
    Goal("CPU per small file, times the canned loop's", "small", "*", "cpu_over_canned", "<=", 3,
         NONE),
    Goal("speed at 3 ms of round trip against 0 ms", "latency", "*", "speed_at_3_ms", ">=", 0.85),
    Goal("system calls a request on io_uring", "calls", "*io_uring", "calls_per_request", "<=", 1),
    Goal("CPU per GiB, times relay's, without verification", "large", "*", "cpu_over_relay",
         "<=", 1.3, NONE),
    Goal("CPU per GiB, times relay's, with the default", "large", "*", "cpu_over_relay",
         "<=", 2.1, TRANSFERRED),
    Goal("CPU per GiB, times relay's, with the default", "verify", "large, transferred",
         "cpu_over_relay", "<=", 2.1),
    Goal("more requests per small file with the default", "verify", "small, transferred",
         "extra_requests_per_file", "<=", 0.05),
    Goal("speed of large files with the default against none", "verify", "large, transferred",
         "speed_over_none", ">=", 0.6),
    Goal("two threads, times the speed of one", "threads", "*, 2", "speed_over_one", ">=", 1),
    # Of what does not read back, as cp does not: all ways but the default.
    Goal("times the speed of cp -a, with --verify none", "local", "*nfsferry [!d]*", "over_cp",
         ">=", 1),
    Goal("times the speed of cp -a and sync, with --verify none", "local", "*nfsferry [!d]*",
         "over_cp_sync", ">=", 1),
    Goal("requests per directory, nothing changed", "rerun", "*", "requests_per_directory",
         "<=", 3),
    Goal("times the speed of the first copy, nothing changed", "rerun", "*", "over_first",
         ">=", 20),
    Goal("start to end of one file, without delay, in ms", "start", "*", "overhead_ms", "<", 50),
    Goal("times the speed of nfs-cp", "large", "*", "over_nfs_cp", ">=", 10, NONE),
    Goal("times the speed of cp and sync, over NFS", "large", "*", "over_cp_sync", ">=", 0.25,
         NONE),
    Goal("of the speed that a slow server allows", "slow", "*", "of_allowed", ">=", 0.8),
    Goal("peak memory in MiB, large files", "large", "*", "report_peak_rss_mib", "<", 128),
)


def judge(results: dict[str, Any]) -> Iterator[Sequence[str]]:
    """A row for each goal and variant that has the figure."""
    for goal in GOALS:
        if goal.mode not in (None, results["verify_mode"]):
            continue
        for name, figures in results.get(goal.section, {}).get("variants", {}).items():
            if goal.key in figures and fnmatch.fnmatchcase(name, goal.variants):
                value = goal.judged(figures[goal.key])
                yield (goal.what, f"{goal.section}: {name}", f"{goal.sign} {goal.limit}",
                       f"{value:,.3g}", "holds" if goal.holds(value) else "MISSED")
