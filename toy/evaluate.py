"""``python dev evaluate-toy``: bend the toy in every way, look at the films, and write down what happened.

Results are kept after each film in .host/toy/evaluation.jsonl: stopped, it goes on where it was.
"""

import argparse
import json
import logging
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..dev import comfy_host, paths
from ..dev.console import say
from . import cases
from .compare import compare
from .kept import read

RESULTS = paths.HOST / "toy" / "evaluation.jsonl"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev evaluate-toy", description="What bends do.", allow_abbrev=False)
    add = parser.add_argument
    add("--seeds", type=int, default=2, metavar="N", help="films for each caption and bend (default 2)")
    add("--only", nargs="+", choices=tuple(cases.SETTINGS), metavar="MODE", help="one mode, or several")
    add("--plain", action="store_true", help="only bends in all layers and steps, full and renormalised")
    add("--steps", type=int, default=20, metavar="N", help="of the sampler (default 20)")
    add("--page", action="store_true", help="only write docs/what-bends-do.md anew from the results there are")
    add("--language", action="store_true", help="scenes, weights and Words Here instead of bends")
    return parser.parse_args(arguments)


class Evaluation:
    """The toy in this process, and the results so far by film."""

    def __init__(self, steps: int, file: Path = RESULTS):
        from ..bending.bend import Bending
        from ..host.run.attach import patch_model
        from ..host.run.patch import Patch
        from ..host.text.prompt_encoding import encode_prompt
        from ..host.toy import load_toy
        from .films import Films
        from .measure import sightings

        self.patched = lambda model, bends: patch_model(model, Patch(Bending(bends), True))
        self.films = Films(*load_toy(), lambda clip, text: encode_prompt(clip, text)[0])
        self.see = sightings
        self.steps, self.file = steps, file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.unbent: dict[tuple[str, int], list] = {}
        self.done = {row["name"]: row for row in read(file)}

    def run(self, case: cases.Case, subject: cases.Subject, seeds: int) -> list[dict[str, Any]]:
        """A row for each film of a bend: made and measured, all that are missing at once, or as it was in the file."""
        names = {f"{case.name} | {subject.caption} | {seed}": seed for seed in range(seeds)}
        if missing := {name: seed for name, seed in names.items() if name not in self.done}:
            model = self.patched(self.films.model, cases.bends_of(case, subject))
            films = self.films.films(subject.caption, list(missing.values()), model, steps=self.steps)
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
            self.unbent[key] = self.see(self.films.film(subject.caption, seed, steps=self.steps))
        return self.unbent[key]


def evaluate(options: argparse.Namespace) -> None:
    """Make and measure what is not there yet, saying how long the rest will take."""
    import torch

    comfy_host.start_on("cpu")
    logging.disable(logging.WARNING)  # a bend that changes nothing is warned about, and is a result here
    with torch.inference_mode():
        evaluation = Evaluation(options.steps)
        bends = [
            (case, subject)
            for case in cases.cases()
            if (not options.only or case.mode in options.only) and (case.plain or not options.plain)
            for subject in cases.SUBJECTS
            if cases.fits(case, subject)
        ]
        begun, new, reported = time.monotonic(), 0, ""
        for number, (case, subject) in enumerate(bends, 1):
            known = len(evaluation.done)
            evaluation.run(case, subject, options.seeds)
            new += len(evaluation.done) > known
            if new and case.name != reported:
                reported = case.name
                left = (time.monotonic() - begun) / new * (len(bends) - number) / 60
                say(f"{number}/{len(bends)} bends, {left:.0f} min left: {case.name}")


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    options = parse(arguments)
    if options.language:
        from . import language, language_page

        if not options.page:
            language.evaluate(options.seeds, options.steps)
        language_page.write(read(language.RESULTS))
        return
    if not options.page:
        evaluate(options)
    from .page import write

    write(read(RESULTS))
