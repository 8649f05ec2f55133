"""``python dev bench``: what a bend costs, against the same attention un-bent and against building its map."""

import argparse
import json
import logging
import os
import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from . import comfy_host, paths, setup
from .console import Trouble, say


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    parse(arguments)
    command = setup.ensure().module("attention_bending.dev.bench", *arguments)
    environment = {"KINETO_LOG_LEVEL": "99", **os.environ}  # the profiler that counts memory is else talkative
    return subprocess.run(command, cwd=paths.ROOT, env=environment).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev bench", description="What a bend costs.", allow_abbrev=False)
    add = parser.add_argument
    add("--device", choices=("cpu", "cuda"), default="cpu", help="on a GPU bfloat16 and full sizes, else float32")
    add("--scenario", metavar="NAME", help="only this one")
    add("--full", action="store_true", help="also 480p and 720p at 81 frames, as far as memory allows")
    add("--smallest", action="store_true", help="only a size that takes seconds and says nothing about speed")
    add("--json", type=Path, metavar="FILE", help="write the rows there, for machines")
    add("--write-docs", action="store_true", help="write docs/performance.json, .md and .png anew")
    asked = parser.parse_args(arguments)
    if asked.write_docs and (asked.scenario or asked.smallest):
        raise Trouble("--write-docs needs all rows. Leave out --scenario and --smallest.")
    return asked


def run(arguments: list[str]) -> None:
    """Measure, print, and write what was asked for, in ComfyUI's Python. ComfyUI must not have been imported yet."""
    asked = parse(arguments)
    comfy_host.start_on(asked.device)
    logging.disable(logging.WARNING)  # a bend that is never reached is warned about, and is what `inactive` measures
    import torch

    from . import bench_page
    from .bench_cases import cases
    from .bench_meter import machine

    if asked.device == "cuda" and not torch.cuda.is_available():
        raise Trouble("there is no CUDA device that this torch can use. Leave out --device cuda.")
    every = cases(asked.device, asked.full, asked.smallest)
    chosen = [case for case in every if asked.scenario in (None, case.scenario)]
    if not chosen:
        names = "\n".join(f"    {name}" for name in dict.fromkeys(case.scenario for case in every))
        raise Trouble(f"this run has no scenario {asked.scenario!r}. It has:\n{names}")
    device = torch.device(asked.device)
    result = {"machine": machine(device), "rows": []}
    say(bench_page.about(result["machine"]))
    if result["machine"]["threads"] > 1 and (result["machine"]["load"] or 0) > 0.5 * os.cpu_count():
        say("It is busy, and threads that wait for each other pay for it: OMP_NUM_THREADS=1 is steadier.")
    with torch.inference_mode():
        for row in measure(chosen, device):
            if not result["rows"]:
                print(bench_page.line({name: name for name in bench_page.cells(row)}))
            result["rows"].append(row)
            print(bench_page.line(bench_page.cells(row)), flush=True)
    say("Goals")
    print(bench_page.goals_as_text(result["rows"], asked.device))
    if asked.json:
        bench_page.write_json(asked.json, result)
    if asked.write_docs:
        bench_page.write_json(bench_page.FILES[asked.device], result)
        write_docs()
        say(f"Wrote {bench_page.PAGE.relative_to(paths.ROOT)}, its JSON and its picture")


def write_docs() -> None:
    """The page's tables and its picture, from the JSON files that are there."""
    from .bench_page import FILES, PAGE, fill
    from .bench_plot import draw

    results = {device: json.loads(file.read_text(encoding="utf-8")) for device, file in FILES.items() if file.is_file()}
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    draw(results).savefig(PAGE.with_suffix(".png"), dpi=100)


def measure(cases: Iterable, device) -> Iterator[dict]:
    """The row of each Case, as it stands in the JSON. The tensors of one model and grid are made once."""
    from .bench_call import Inputs, measure_aim, measure_call
    from .bench_step import Step, measure_step

    measures = {"call": measure_call, "aim": measure_aim, "step": measure_step}
    for (whole_step, model, grid), group in groupby(cases, lambda case: (case.level == "step", case.model, case.grid)):
        subject = (Step if whole_step else Inputs)(model, grid, device)
        for case in group:
            yield measures[case.level](subject, case)
        del subject  # before the next tensors are made
