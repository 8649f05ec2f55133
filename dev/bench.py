"""``python dev bench``: what a bend costs, against the same attention un-bent and against building its map."""

import argparse
import logging
import os
from pathlib import Path

from . import comfy_host, paths
from .console import Trouble, aligned, say


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev bench", description="What a bend costs.", allow_abbrev=False)
    add = parser.add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu", help="on a GPU bfloat16 at full size, else float32 too")
    add("--scenario", metavar="NAME", help="only this one")
    add("--full", action="store_true", help="also 480p and 720p at 81 frames, as far as memory allows")
    add("--smallest", action="store_true", help="only a size that takes seconds and says nothing about speed")
    add("--json", type=Path, metavar="FILE", help="write the rows there, for machines")
    add("--missing", action="store_true", help="only what docs/performance.json has no row of yet; it is added there")
    add("--write-docs", action="store_true", help="write docs/performance.json, .md and .png anew")
    asked = parser.parse_args(arguments)
    if asked.write_docs and (asked.scenario or asked.smallest):
        raise Trouble("--write-docs needs all rows. Leave out --scenario and --smallest.")
    if asked.missing and asked.smallest:
        raise Trouble("--missing is about the rows of the documents. Leave out --smallest.")
    return asked


def run(arguments: list[str]) -> None:
    """Measure, print, and write what was asked for, in ComfyUI's Python. ComfyUI must not have been imported yet."""
    asked = parse(arguments)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler that counts memory is else talkative
    comfy_host.start_on(asked.device)
    logging.disable(logging.WARNING)  # a bend that is never reached is warned about, and is what `inactive` measures
    import torch

    if asked.device == "cuda" and not torch.cuda.is_available():
        raise Trouble("there is no CUDA device that this torch can use. Leave out --device cuda.")
    from . import bench_page as page
    from .bench_cases import cases
    from .bench_meter import machine, rows

    every = cases(asked.device, asked.full, asked.smallest)
    chosen = [case for case in every if asked.scenario in (None, case.scenario)]
    if not chosen:
        names = "\n".join(f"    {name}" for name in dict.fromkeys(case.scenario for case in every))
        raise Trouble(f"this run has no scenario {asked.scenario!r}. It has:\n{names}")
    result = page.read_json(page.FILES[asked.device]) if asked.missing else {"machines": [], "rows": []}
    here = machine(torch.device(asked.device))
    say(page.ABOUT.format(**here))
    if here["threads"] > 1 and here["load"] > 0.5 * os.cpu_count():
        say("It is busy, and threads that wait for each other pay for it: OMP_NUM_THREADS=1 is steadier.")
    known = {page.name(row) for row in result["rows"]}
    chosen = [case for case in chosen if page.name(case._asdict()) not in known]
    result["machines"] += [here] if chosen else []
    order = [page.name(case._asdict()) for case in every]
    for row in rows(chosen, torch.device(asked.device)):
        result["rows"].append({**row, "machine": len(result["machines"]) - 1})
        result["rows"].sort(key=lambda row: order.index(page.name(row)))
        say("  ".join(page.cells(row)))
        if asked.write_docs:  # at once: a run that is ended goes on with --missing
            page.write_json(page.FILES[asked.device], result)
    for title, table in (
        ("All", page.lines(result["rows"])),
        ("Counted, in place of a GPU", page.lines(result["rows"], counted=True)),
        ("Goals", page.goal_lines(result["rows"], asked.device)),
    ):
        say(title)
        print(aligned(table) if table else page.NOTHING)
    if asked.json:
        page.write_json(asked.json, result)
    if asked.write_docs:
        page.write()
        say(f"Wrote {page.PAGE.relative_to(paths.ROOT)}, its JSON and its picture")
