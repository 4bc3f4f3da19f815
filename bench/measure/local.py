"""From folder to folder of this machine, beside cp and rsync. nfsferry's files are durable when
they take their names, always; cp and rsync ask for that where sync follows. In memory, where the
trees are without --local, durability costs nobody anything. Caches are warm."""

import functools
import shutil

from measure.figures import (Column, Variants, cpu_over, interleaved_by_tree, nfsferry_figures,
                             speed_over, tree_figures)
from measure.process import Run, run_process
from measure.section import (BOTH_TREES, CPU_PER_FILE, CPU_PER_GIB, ELSEWHERE, ENGINES,
                             FILES_PER_SECOND, MIB_PER_SECOND, PEAK, Figures, Section)
from measure.setting import Setting, check_same

RIVALS = {
    "cp -a": 'cp -a --reflink=never -- "$1/." "$2"',
    "cp -a, sync": 'cp -a --reflink=never -- "$1/." "$2" && sync -f -- "$2"',
    "rsync -a": 'rsync -a --whole-file -- "$1/" "$2"',
    "rsync -a, sync": 'rsync -a --whole-file -- "$1/" "$2" && sync -f -- "$2"',
}
KEYS = {"cp -a": "over_cp", "cp -a, sync": "over_cp_sync", "rsync -a, sync": "over_rsync_sync"}


def copy(setting: Setting, tree: str, arguments: list[str] | None, script: str = "") -> Run:
    """By nfsferry with these arguments, or by a script."""
    setting.tree(tree, setting.local_root)
    source = setting.local_root / tree
    folder = setting.local_scratch / "copy"
    folder.mkdir()
    try:
        if arguments is not None:
            run = setting.nfsferry_copy(str(source), str(folder), [],
                                        ["--threads", "1", *arguments])
        else:
            run = run_process(["sh", "-c", script, "sh", str(source), str(folder)])
        check_same(source, folder)
    finally:
        shutil.rmtree(folder)
    return run


def measure_manifest(setting: Setting) -> Figures:
    file = str(setting.scratch / "manifest")
    ways = {"nothing": [], "--manifest": ["--manifest", file],
            "--manifest-sha256": ["--manifest-sha256", file]}
    variants: Variants = {
        f"{tree}, {way}": functools.partial(
            copy, setting, tree, ["--verify", setting.options.verify, *arguments])
        for tree in BOTH_TREES for way, arguments in ways.items()}
    runs = interleaved_by_tree(setting.options.rounds, variants)
    figures: Figures = {}
    for name, own in runs.items():
        tree, _, way = name.partition(", ")
        figures[name] = nfsferry_figures(own, setting.tree(tree, setting.local_root))
        if ways[way]:
            figures[name]["cpu_over_nothing"] = cpu_over(own, runs[f"{tree}, nothing"])
    return figures


def measure_local(setting: Setting) -> Figures:
    ways = {f"nfsferry {engine}": ["--engine", engine, "--verify", "none"] for engine in ENGINES}
    ways["nfsferry --checksum none"] = ["--verify", "none", "--checksum", "none"]
    ways["nfsferry default"] = []
    variants: Variants = {}
    for tree in BOTH_TREES:
        for way, arguments in ways.items():
            variants[f"{tree}, {way}"] = functools.partial(copy, setting, tree, arguments)
        for rival, script in RIVALS.items():
            if shutil.which(rival.split()[0]):
                variants[f"{tree}, {rival}"] = functools.partial(copy, setting, tree, None, script)
    runs = interleaved_by_tree(setting.options.rounds, variants)
    figures: Figures = {}
    for tree in BOTH_TREES:
        held = setting.tree(tree, setting.local_root)
        for way in [*ways, *RIVALS]:
            name = f"{tree}, {way}"
            if name in runs:
                make = nfsferry_figures if way in ways else tree_figures
                figures[name] = make(runs[name], held)
        for way in ways:
            for rival, key in KEYS.items():
                if f"{tree}, {rival}" in runs:
                    figures[f"{tree}, {way}"][key] = \
                        speed_over(runs[f"{tree}, {way}"], runs[f"{tree}, {rival}"])
    return figures


LOCAL = Section(
    "local", "from folder to folder; nfsferry without verification, and its defaults", BOTH_TREES,
    measure_local,
    [FILES_PER_SECOND, MIB_PER_SECOND, CPU_PER_FILE, CPU_PER_GIB, ELSEWHERE, PEAK,
     *(Column(f"times {rival}", key, 2, True) for rival, key in KEYS.items())], is_local=True)
MANIFEST = Section(
    "manifest", "from folder to folder, by what is written of it", BOTH_TREES, measure_manifest,
    [FILES_PER_SECOND, MIB_PER_SECOND, CPU_PER_FILE, CPU_PER_GIB,
     Column("CPU, times nothing's", "cpu_over_nothing", 2, True), ELSEWHERE, PEAK], is_local=True)
