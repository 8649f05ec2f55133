"""``python dev evaluate-toy --language``: scenes, weights and Words Here on the toy, and what is seen in the films.

Results are kept after each film in .host/toy/language.jsonl: stopped, it goes on where it was.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..bending.bend import Bend, Bending
from ..bending.maps.heard import words_here
from ..bending.operators import Amplify
from ..bending.text.scenes import parse_scenes
from ..dev import comfy_host, paths
from ..dev.console import say
from . import measure
from .kept import read

RESULTS = paths.HOST / "toy" / "language.jsonl"

FRAMES = (9, 5, 7)
"""Latent frames of the films of three scenes."""

SCENES = (
    "a red circle | a green circle | a blue circle",
    "a yellow star | a blue star | a red star",
)
WHOLE_FILM = (
    "a circle\nScene 1: red\nScene 2: green\nScene 3: blue",
    "a star\nScene 1: yellow\nScene 2: blue\nScene 3: red",
)
"""The same with the thing told once: what stands above the first head is heard in the whole film."""

COLOURS = (("red", "green", "blue"), ("yellow", "blue", "red"))
"""Of both, what the scenes ask for."""

UNBENT, TIMELINE = "un-bent", "Bend Timeline"
SILENCED = "END and PADDING silenced, too"
LOUDER = "END and PADDING silenced, scenes twice as loud and not renormalized"
ATTENTION, ENCODER = "attention", "encoder"

MIDDLES = (1 / 6, 1 / 2, 5 / 6)
"""Of three scenes, in fractions of the film."""

WEIGHED = "a (red:{}) circle on the left and a blue star on the right"
WEIGHTS = ("-1.2", "0", "1>0", "1>-1.2")

ASKED = (
    "a red circle on the left and a blue star on the right",
    "a white triangle at the top and a purple square at the bottom",
)
"""Captions of which Words Here is asked what is heard on their things."""


@dataclass(frozen=True)
class Take:
    """A film to be made: its text, what is done with its scenes or weights, and how long it is, in latent frames."""

    text: str
    way: str = UNBENT
    frames: int = 3

    def film(self, seed: int) -> str:
        """Names its film of that seed in the results' file."""
        return f"{self.text} | {self.way} | {self.frames} | {seed}"


def takes() -> Iterator[Take]:
    """All of them."""
    longest = max(FRAMES)
    for way in (UNBENT, TIMELINE, SILENCED, LOUDER):
        yield from (Take(text, way, longest) for text in SCENES)
    yield Take(WEIGHED.format(1))
    for weight in WEIGHTS:
        ways = (ATTENTION,) if ">" in weight else (ATTENTION, ENCODER)
        yield from (Take(WEIGHED.format(weight), way) for way in ways)
    for way in (UNBENT, TIMELINE):
        yield from (Take(text, way, longest) for text in WHOLE_FILM)
    for frames in FRAMES[1:]:
        yield from (Take(text, way, frames) for way in (UNBENT, TIMELINE) for text in SCENES)


class Language:
    """The toy in this process, and the results so far by film."""

    def __init__(self, steps: int, file: Path = RESULTS):
        from ..host.text.prompt_encoding import encode_prompt
        from ..host.toy import load_toy
        from .films import Films

        model, self.clip, vae = load_toy()
        self.films = Films(model, self.clip, vae, lambda clip, text: encode_prompt(clip, text)[0])
        self.steps, self.file = steps, file
        file.parent.mkdir(parents=True, exist_ok=True)
        self.done = {row["name"]: row for row in read(file)}

    def run(self, take: Take, seeds: Sequence[int]) -> None:
        """Make and look at the films of a take that are missing, all at once."""
        missing = [seed for seed in seeds if take.film(seed) not in self.done]
        if not missing:
            return
        conditioning, model = self._prepared(take)
        films = self.films.films(conditioning, missing, model, steps=self.steps, frames=take.frames)
        for seed, film in zip(missing, films, strict=True):
            self._keep({"name": take.film(seed), "steps": self.steps, **seen(film)})

    def ask(self, caption: str, seed: int) -> None:
        """Ask what is heard on each thing of a film, and note the ranks by lift of its own colour and shape."""
        from ..host.maps.record_store import Handle, record_of
        from ..host.maps.recording import Recording
        from ..host.run.attach import patch_model
        from ..host.run.patch import Patch

        if (name := asked(caption, seed)) in self.done:
            return
        handle = Handle("1", 2**26)
        recording = Recording(handle, "prompt words", "", False)
        model = patch_model(self.films.model, Patch(Bending(), True, "1", recording))
        latents = self.films.latents(caption, [seed], model, steps=self.steps)
        record = record_of(handle, {"samples": latents})
        (film,) = self.films.decoded(latents)
        ranks = []
        for blob in measure.blobs(film[len(film) // 2], torch.tensor(measure.field(film)[1])):
            heard = [each.word for each in words_here(record, blob.x, blob.y, record.grid.frames // 2, 0.1)]
            ranks.append([heard.index(word) + 1 for word in (measure.colour_of(blob.rgb), blob.shape) if word in heard])
        self._keep({"name": name, "steps": self.steps, "ranks": ranks})

    def _keep(self, row: dict[str, Any]) -> None:
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
        self.done[row["name"]] = row

    def _prepared(self, take: Take) -> tuple[list, Any]:
        """A take's conditioning, and the model patched as it says, or None."""
        from ..host.run.attach import patch_model
        from ..host.run.patch import Patch
        from ..host.text.own_bends import encode_scenes, encode_weighed

        if take.way in (ATTENTION, ENCODER):
            conditioning, _, bending = encode_weighed(self.clip, take.text, take.way)
        else:
            conditioning, _, bending = encode_scenes(self.clip, parse_scenes(take.text), "", "attention", 0.0, 0.0)
        if take.way in (UNBENT, ENCODER):
            bending = Bending()
        if take.way in (SILENCED, LOUDER):
            bending += Bending((Bend(Amplify(0.0), "END, PADDING"),))
        if take.way == LOUDER:
            bending += Bending((Bend(Amplify(2.0), "@1, @2, @3", renormalize=False),))
        return conditioning, patch_model(self.films.model, Patch(bending)) if bending else None


def asked(caption: str, seed: int) -> str:
    """Names in the results' file what Words Here said of a film."""
    return f"{caption} | Words Here | {seed}"


def seen(film: Tensor) -> dict[str, Any]:
    """What stands in the middle picture of each third of a film `(F, 3, H, W)`, and in the last, the largest first;
    and how far the last picture is from the first, the mean over its values.
    """
    field = torch.tensor(measure.field(film)[1])
    pictures = [film[int(len(film) * place)] for place in MIDDLES] + [film[-1]]
    things = [sorted(measure.blobs(picture, field), key=lambda blob: -blob.area) for picture in pictures]
    return {
        "things": [[{"x": blob.x, "rgb": blob.rgb, "shape": blob.shape} for blob in blobs] for blobs in things],
        "turn": (film[-1] - film[0]).abs().mean().item(),
    }


def evaluate(seeds: int, steps: int) -> None:
    """Make and look at what is not there yet."""
    comfy_host.start_on("cpu")
    logging.disable(logging.WARNING)  # a scene that few frames hear is warned about, and is a result here
    with torch.inference_mode():
        language = Language(steps)
        for caption in ASKED:
            for seed in range(seeds):
                language.ask(caption, seed)
        for take in takes():
            begun = time.monotonic()
            language.run(take, range(seeds))
            say(f"{take.film(0)} …: {time.monotonic() - begun:.0f} s")
