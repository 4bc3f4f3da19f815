"""Trees of other shapes: a home, one large directory; and a tree copied again."""

import functools

from measure.figures import Column, Variants, interleaved, nfsferry_figures, summary
from measure.section import (COUNTED, CPU_PER_FILE, ELSEWHERE, ENGINES, FILES_PER_SECOND,
                             MIB_PER_SECOND, PEAK, REQUESTS_PER_FILE, SERVERS_CPU, Figures, Section)
from measure.setting import Setting, delay


def measure_home(setting: Setting) -> Figures:
    return measure_shape(setting, "home")


def measure_directory(setting: Setting) -> Figures:
    return measure_shape(setting, "directory")


def measure_shape(setting: Setting, tree: str) -> Figures:
    """Without verification on both engines, and as a user has it who gives no option."""
    variants: Variants = {
        f"{engine}, none": functools.partial(setting.copy, tree, engine=engine, verify="none")
        for engine in ENGINES}
    variants["default"] = functools.partial(setting.copy, tree, verify="transferred")
    runs = interleaved(setting.options.rounds, variants)
    return {name: nfsferry_figures(own, setting.tree(tree)) for name, own in runs.items()}


def measure_rerun(setting: Setting) -> Figures:
    variants: Variants = {}
    for engine in ENGINES:
        copy = functools.partial(setting.copy, "small", engine=engine, twice=True)
        variants[engine] = copy
        variants[engine + COUNTED] = functools.partial(copy, through=delay(0))
    runs = interleaved(setting.options.rounds, variants)
    tree = setting.tree("small")
    directories = tree["directories"] + 1  # the root
    figures: Figures = {}
    for engine in ENGINES:
        own = runs[engine]
        figures[engine] = nfsferry_figures(own, tree)
        figures[engine]["first_wall_ms"] = summary([run.first.wall_s * 1000 for run in own])
        figures[engine]["wall_ms"] = summary([run.wall_s * 1000 for run in own])
        figures[engine]["over_first"] = summary([run.first.wall_s / run.wall_s for run in own])
        figures[engine]["requests_per_directory"] = summary(
            [run.requests / directories for run in runs[engine + COUNTED]])
    return figures


SHAPE_COLUMNS = [FILES_PER_SECOND, MIB_PER_SECOND, CPU_PER_FILE, SERVERS_CPU, ELSEWHERE,
                 REQUESTS_PER_FILE, PEAK]
HOME = Section("home", "a Studio-like home", ["home"], measure_home, SHAPE_COLUMNS)
DIRECTORY = Section("directory", "all files in one directory", ["directory"], measure_directory,
                    SHAPE_COLUMNS)
RERUN = Section(
    "rerun", "unchanged small files, copied again", ["small"], measure_rerun,
    [Column("ms, first", "first_wall_ms", 0, True), Column("ms, again", "wall_ms", 1, True),
     Column("times faster", "over_first", 1, True),
     Column("requests a directory", "requests_per_directory", 3, True), CPU_PER_FILE, ELSEWHERE,
     PEAK])
