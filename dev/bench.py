"""``python dev bench``: what a bend costs, against the same attention un-bent and against building its map.

--device cpu|cuda   where (default cpu); on a GPU bfloat16 and the full sizes, else float32 and small ones
--scenario NAME     only this one
--full              also 480p and 720p at 81 frames, as far as memory allows
--smallest          only a size that takes seconds and says nothing about speed
--json FILE         the rows, for machines
--write-docs        docs/performance.json, .md and .png anew
"""

import argparse
import json
import logging
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from . import comfy_host, paths, setup
from .console import Trouble, say

SCENARIOS = (
    "words-1",
    "words-4",
    "words-16",
    "words-64",
    "all-translate",
    "all-rotate",
    "all-rotate-frames",
    "all-flip",
    "all-blur",
    "all-sharpen",
    "all-frequency",
    "record-4",
    "inactive",
)
SOME = ("words-1", "words-4", "all-rotate")
AIMS = (
    "all-rotate, an angle moving",
    "all-rotate, a mask",
    "all-blur, a mask",
    "word-translate, a mask",
    "word-translate, 17 masks",
    "word-rotate, an angle moving",
)
STEPS = ("every-layer", "inactive", "record-4")

SMALL = (2, 5, 6)
USUAL = (5, 30, 52)
"""480p with 17 frames: what two cores do in a fraction of a second, and large enough not to fit a cache."""

HD, SD = (21, 45, 80), (21, 30, 52)
"""720p and 480p with 81 frames."""

GROWTH = ((1, 30, 52), (9, 30, 52), (5, 15, 26), (5, 45, 80))
"""Beside USUAL: fewer and more frames, lower and higher resolution."""


class Case(NamedTuple):
    """What makes one row; `effort` is how often each part is timed: un-bent and bent, dense, other kernels."""

    level: str
    model: str
    grid: tuple[int, int, int]
    scenario: str
    effort: tuple[int, int, int]


def cases(device: str, full: bool = False, smallest: bool = False) -> list[Case]:
    """The cases of one run, in the order of the table."""
    if smallest:
        calls = [Case("call", "small", SMALL, name, (2, 2, 2)) for name in SCENARIOS]
        calls += [Case("aim", "small", SMALL, name, (2, 0, 0)) for name in AIMS]
        return calls + [Case("step", "small", SMALL, name, (2, 2, 2)) for name in STEPS]
    large = [Case("call", "1.3B", SD, name, (3, 2, 0)) for name in SCENARIOS]
    large += [
        Case("call", model, grid, name, (3, 2, 0))
        for model, grid in (("1.3B", HD), ("14B", SD), ("14B", HD))
        for name in SOME
    ]
    if device == "cuda":
        large = [case._replace(effort=(21, 7, 21)) for case in large]
        growth = [Case("call", "1.3B", grid, "words-4", (21, 7, 0)) for grid in GROWTH]
        return large + growth + [Case("step", "1.3B", SD, name, (7, 3, 0)) for name in STEPS]
    usual = [Case("call", "1.3B", USUAL, name, (15 if name == SOME[0] else 7, 7, 2)) for name in SCENARIOS]
    usual += [Case("call", "1.3B", grid, "words-4", (7, 3, 0)) for grid in GROWTH]
    usual += [Case("aim", "1.3B", USUAL, name, (9, 0, 0)) for name in AIMS]
    usual += [Case("call", "14B", (2, 30, 52), name, (7, 3, 0)) for name in SOME]
    usual += [Case("step", "1.3B", (3, 15, 26), name, (21, 2, 0)) for name in STEPS]
    usual += [Case("step", "small", (3, 15, 26), "record-4", (41, 0, 0))]
    return usual + (large if full else [])


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    parse(arguments)
    host = setup.ensure()
    environment = {"KINETO_LOG_LEVEL": "99", **os.environ}  # the profiler that counts memory is else talkative
    return subprocess.run(
        host.module("attention_bending.dev.bench", *arguments), cwd=paths.ROOT, env=environment
    ).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev bench", description="What a bend costs.", allow_abbrev=False)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="on a GPU bfloat16, else float32")
    parser.add_argument("--scenario", choices=(*SCENARIOS, *AIMS, STEPS[0]), metavar="NAME", help="only this one")
    parser.add_argument("--full", action="store_true", help="also 480p and 720p at 81 frames")
    parser.add_argument("--smallest", action="store_true", help="a size that takes seconds, to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there")
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.* anew")
    asked = parser.parse_args(arguments)
    if asked.write_docs and (asked.scenario or asked.smallest):
        raise Trouble("--write-docs needs all rows. Leave out --scenario and --smallest.")
    return asked


def bench(asked: argparse.Namespace) -> None:
    """Measure, print, and write what was asked for. ComfyUI must not have been imported yet."""
    comfy_host.start(asked.device)
    logging.disable(logging.WARNING)  # a bend that is never reached is warned about, and is what `inactive` measures
    import torch

    from . import bench_page
    from .bench_meter import machine

    if asked.device == "cuda" and not torch.cuda.is_available():
        raise Trouble("there is no CUDA device that this torch can use. Leave out --device cuda.")
    device = torch.device(asked.device)
    every = cases(asked.device, asked.full, asked.smallest)
    chosen = [case for case in every if asked.scenario in (None, case.scenario)]
    with torch.inference_mode():
        result: dict[str, Any] = {"machine": machine(device), "rows": []}
        say(bench_page.about(result["machine"]))
        if bench_page.is_busy(result["machine"]):
            say("It is busy, and threads that wait for each other pay for it: OMP_NUM_THREADS=1 is steadier.")
        print(bench_page.HEADER)
        for row in measure(chosen, device):
            result["rows"].append(row)
            print(bench_page.line(row), flush=True)
    say("Goals")
    print(bench_page.goals_as_text(result["rows"], asked.device))
    if asked.json:
        write_json(asked.json, result)
    if asked.write_docs:
        write_json(bench_page.FILES[asked.device], result)
        bench_page.write()
        say(f"Wrote {bench_page.PAGE.relative_to(paths.ROOT)}, its JSON and its picture")


def measure(chosen: list[Case], device) -> Iterator[dict[str, Any]]:
    """The rows of these cases, as they stand in the JSON. The tensors of one model and grid are made once."""
    from .bench_call import Inputs, Rounds, measure_aim, measure_call
    from .bench_step import SMALL as SMALL_WAN
    from .bench_step import Step, large, measure_step

    subject, made_for = None, None
    for case in chosen:
        place = (case.level == "step", *case[1:3])
        if made_for != place:
            subject, made_for = None, place  # let go of the old tensors before new ones are made
            if case.level != "step":
                subject = Inputs.random(case.model, case.grid, device)
            else:
                size = SMALL_WAN if case.model == "small" else large(30 if device.type == "cuda" else 2)
                subject = Step(size, case.grid, device)
        measure_one = {"call": measure_call, "aim": measure_aim, "step": measure_step}[case.level]
        row = asdict(measure_one(subject, case.scenario, Rounds(*case.effort)))
        yield {**row, "grid": list(row["grid"])}


def write_json(file: Path, result: dict[str, Any]) -> None:
    """One row a line."""
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in result["rows"])
    machine = json.dumps(result["machine"], ensure_ascii=False)
    file.write_text(f'{{"machine": {machine},\n "rows": [\n{rows}\n]}}\n', encoding="utf-8")


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    bench(parse(arguments))
