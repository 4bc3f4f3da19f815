"""Tables for people, and the machine's description."""

import os
import pathlib
from typing import Any, Iterator, Sequence

from measure.figures import Column, Figure
from measure.goals import NONE, TRANSFERRED, judge
from measure.process import Failure, ask
from measure.section import Section
from measure.setting import MIB


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        yield "  " + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))).rstrip()


def cell(figure: Figure | None, column: Column) -> str:
    if figure is None:
        return ""
    text = f"{figure['median']:,.{column.digits}f}"
    if column.with_range:
        text += f" ({figure['least']:,.{column.digits}f}-{figure['most']:,.{column.digits}f})"
    return text


def tree_line(name: str, tree: dict[str, int]) -> str:
    line = (f"  {name}: {tree['files']:,} files, {tree['bytes'] / MIB:,.0f} MiB, "
            f"{tree['directories']:,} directories")
    links = [f"{tree[key]:,} {key.replace('_', ' ')}" for key in ("symlinks", "hard_links")
             if tree[key]]
    return ", ".join([line, *links])


def section_lines(section: Section, result: dict[str, Any]) -> Iterator[str]:
    yield f"{section.name}: {section.about}"
    for name, tree in result["trees"].items():
        yield tree_line(name, tree)
    rows = [[name, *(cell(figures.get(column.key), column) for column in section.columns)]
            for name, figures in result["variants"].items()]
    yield from table(["way", *(column.heading for column in section.columns)], rows)


def goal_lines(results: dict[str, Any]) -> Iterator[str]:
    yield "goals"
    yield from table(["goal", "way", "wanted", "measured", ""], list(judge(results)))


def first_line(*command: str) -> str:
    try:
        return ask(*command).split("\n")[0]
    except (Failure, OSError):
        return "unknown"


def machine() -> dict[str, Any]:
    model = None
    for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB
    return {"cores": os.cpu_count(), "processor": model, "memory_mib": memory_mib,
            "kernel": os.uname().release, "compiler": first_line("c++", "--version"),
            "ganesha": first_line("ganesha.nfsd", "-v"),
            "libnfs": first_line("dpkg-query", "-W", "-f=${Version}", "libnfs-utils"),
            "load_at_start": os.getloadavg()[0]}


def machine_lines(document: dict[str, Any]) -> Iterator[str]:
    facts = document["machine"]
    yield (f"machine: {facts['cores']} cores ({facts['processor']}), "
           f"{facts['memory_mib'] / 1024:.0f} GiB, Linux {facts['kernel']}")
    yield (f"         {facts['ganesha']}, libnfs-utils {facts['libnfs']}, built with "
           f"{facts['compiler']}")
    yield (f"         exported folders on {document['exports_on']}; load "
           f"{facts['load_at_start']:.2f} at the start, {facts['load_at_end']:.2f} at the end")
    yield f"         --verify {document['verify_mode']}, where a way does not name another mode"


def print_results(document: dict[str, Any], sections: Sequence[Section]) -> None:
    parts = [machine_lines(document)]
    parts += [section_lines(section, document[section.name]) for section in sections
              if section.name in document]
    if document["verify_mode"] in (NONE, TRANSFERRED):
        parts.append(goal_lines(document))
    print("\n\n".join("\n".join(part) for part in parts))
