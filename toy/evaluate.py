"""``python dev evaluate-toy``: bend the toy in every way, look at the films, and write down what happened.

--seeds N     films for each caption and bend (default 2)
--only MODE   one mode, or several
--plain       only bends in all layers and steps, full and renormalised
--steps N     of the sampler (default 20)
--page        only write docs/what-bends-do.md anew from the results there are

Results are kept after each film in .host/toy/evaluation.jsonl: stopped, it goes on where it was.
"""

import argparse
import json
import logging
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..dev import paths, setup
from ..dev.console import say
from . import cases, comfy_host

RESULTS = paths.HOST / "toy" / "evaluation.jsonl"


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    parse(arguments)
    host = setup.ensure()
    return subprocess.run(host.module("attention_bending.toy.evaluate", *arguments), cwd=paths.ROOT).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev evaluate-toy", description="What bends do.", allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="films for each caption and bend")
    parser.add_argument("--only", nargs="+", choices=tuple(cases.SETTINGS), metavar="MODE", help="some modes")
    parser.add_argument("--plain", action="store_true", help="only bends in all layers and steps")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="of the sampler")
    parser.add_argument("--page", action="store_true", help="only write the page anew")
    return parser.parse_args(arguments)


class Evaluation:
    """The toy in this process, and the results so far by film."""

    def __init__(self, steps: int, file: Path = RESULTS):
        from ..bending.bend import Bending
        from ..host.run.attach import patch_model
        from ..host.run.patch import Patch
        from ..host.text.prompt_encoding import encode_prompt
        from ..host.toy import load_toy
        from .films import Studio

        self.patched = lambda model, bends: patch_model(model, Patch(Bending(bends), True))
        self.studio = Studio(*load_toy(), lambda clip, text: encode_prompt(clip, text)[0])
        self.steps, self.file = steps, file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.unbent: dict[tuple[str, int], list] = {}
        self.done = {row["name"]: row for row in read(file)}

    def run(self, case: cases.Case, subject: cases.Subject, seeds: int) -> list[dict[str, Any]]:
        """A row for each film of a bend: made and measured, all that are missing at once, or as it was in the file."""
        names = {f"{case.name} | {subject.caption} | {seed}": seed for seed in range(seeds)}
        if missing := {name: seed for name, seed in names.items() if name not in self.done}:
            model = self.patched(self.studio.model, make(case, subject))
            films = self.studio.films(subject.caption, list(missing.values()), model, steps=self.steps)
            with self.file.open("a", encoding="utf-8") as out:
                for (name, seed), film in zip(missing.items(), films, strict=True):
                    row = {"name": name, "case": asdict(case), "caption": subject.caption, "seed": seed}
                    row |= compare(self.look(subject, seed), self.see(film), subject)
                    out.write(json.dumps(row) + "\n")
                    self.done[name] = row
        return [self.done[name] for name in names]

    def look(self, subject: cases.Subject, seed: int) -> list:
        """What is seen in the un-bent film."""
        key = (subject.caption, seed)
        if key not in self.unbent:
            self.unbent[key] = self.see(self.studio.film(subject.caption, seed, steps=self.steps))
        return self.unbent[key]

    def see(self, film) -> list:
        from .measure import sightings

        return sightings(film)


def make(case: cases.Case, subject: cases.Subject):
    """The case's Bends for a subject, a tuple."""
    from ..bending.bend import Bend
    from ..bending.operators import Amplify

    start, end = case.window
    token = cases.TARGETS[case.target](subject.thing)
    bend = Bend(operator(case, subject), token, case.strength, start, end, case.layers, case.renormalize)
    if case.louder == 1:
        return (bend,)
    return bend, replace(bend, operator=Amplify(case.louder), token=", ".join(token.text for token in bend.tokens))


def operator(case: cases.Case, subject: cases.Subject):
    """The case's operator; Swap's other word is the subject's other thing's."""
    import torch

    from ..bending import operators
    from ..bending.frames.mask_video import MaskVideo

    setting = dict(case.setting)
    if case.mode == "paint":
        mask = torch.zeros(8, 8)
        mask[slice(4, 8) if setting["half"] == "bottom" else slice(None)] = 1.0
        if setting["half"] == "right":
            mask[:, :4] = 0.0
        setting = {"mask": MaskVideo(mask)}
    if case.mode == "swap":
        setting["other"] = cases.TARGETS[case.target](subject.other)
    return (operators.OPERATORS | operators.OTHERS)[case.mode](**setting)


def compare(before: list, after: list, subject: cases.Subject) -> dict[str, Any]:
    """What became of the subject and, where there is one, of the other thing.

    `drawn`    the un-bent film shows the subject as its caption says, else its row counts for nothing
    `present`  it is still there; then how far it moved (fractions of the frame), the ratio of areas, and whether its
               colour and shape stayed
    """
    one = next((s for s in before if (s.colour, s.shape) == subject.thing[:2]), None)
    if one is None:
        return {"drawn": False}
    others = [s for s in before if s is not one]
    pairs = match([one, *others], after)
    row: dict[str, Any] = {"drawn": True, "count": len(after), **change(one, pairs[0])}
    if others:
        row["other"] = change(others[0], pairs[1])
    return row


def change(before, after) -> dict[str, Any]:
    """The difference that a bend made to one thing; `went` and `goes` are its ways from first to last frame."""
    if after is None:
        return {"present": False, "was": (before.x, before.y)}
    return {
        "present": True,
        "was": (before.x, before.y),
        "x": after.x,
        "y": after.y,
        "dx": after.x - before.x,
        "dy": after.y - before.y,
        "area": after.area / before.area,
        "colour": after.colour == before.colour and after.off < 0.3,
        "shape": after.shape == before.shape,
        "is": (after.colour, after.shape),
        "rgb": after.rgb,
        "fit": after.fit,
        "went": (before.dx, before.dy),
        "goes": (after.dx, after.dy),
    }


def match(before: list, after: list) -> list:
    """For each sighting before the one after that is likest to it, or None; each is given once."""
    from scipy.optimize import linear_sum_assignment

    if not after:
        return [None] * len(before)
    unlike = [
        [
            ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5 + 0.5 * (a.colour != b.colour) + 0.25 * (a.shape != b.shape)
            for a in after
        ]
        for b in before
    ]
    found = dict(zip(*linear_sum_assignment(unlike), strict=True))
    return [after[found[number]] if number in found else None for number in range(len(before))]


def read(file: Path) -> list[dict[str, Any]]:
    """The rows of a results' file; a last line that a stop cut short is left out."""
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def evaluate(asked: argparse.Namespace) -> None:
    """Make and measure what is not there yet, saying how long the rest will take."""
    import torch

    comfy_host.start("cpu")
    logging.disable(logging.WARNING)  # a bend that changes nothing is warned about, and is a result here
    with torch.inference_mode():
        evaluation = Evaluation(asked.steps)
        bends = [
            (case, subject)
            for case in cases.cases()
            if (not asked.only or case.mode in asked.only) and (case.plain or not asked.plain)
            for subject in cases.SUBJECTS
            if cases.fits(case, subject)
        ]
        begun, made, told = time.monotonic(), 0, ""
        for number, (case, subject) in enumerate(bends, 1):
            known = len(evaluation.done)
            evaluation.run(case, subject, asked.seeds)
            made += len(evaluation.done) > known
            if made and case.name != told:
                told = case.name
                left = (time.monotonic() - begun) / made * (len(bends) - number) / 60
                say(f"{number}/{len(bends)} bends, {left:.0f} min left: {case.name}")


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    options = parse(arguments)
    if not options.page:
        evaluate(options)
    from .evaluate_page import write

    write(read(RESULTS))
