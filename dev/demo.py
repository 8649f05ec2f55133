"""``python dev demo``: one shared workflow, un-bent and bent in every way there is, as a picture and a report.

It runs on the toy Wan, so the films can be read: each row shows what its bend does to a test card, to a word's map and
to the film.
"""

import copy
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

from . import comfy_host, paths
from .console import say
from .demo_rows import ROWS, SWEPT, Graph, Show, node
from .swap import bent_alone

WORKFLOW = "Bend one word"
FOLDER = paths.ROOT / "demo"
FRAME = -1
"""The frame of films and maps that is shown: what moves shows at its end."""

SEEN, GRID_STEPS = "Translate", "0, 4, 8, 12, 16"
"""The row that is also shown as the viewing nodes show it, and the steps on its grid."""


class Demo:
    """The workflow in a ComfyUI of this process."""

    def __init__(self):
        from .headless import Watched

        self.comfy = Watched()  # before anything of the pack is imported by our name
        from .thumbnails import twin

        self.workflow = recorded(bent_alone(twin(WORKFLOW)))
        self.unbent: dict[str, Any] = {}

    def id(self, class_type: str) -> str:
        return only(self.workflow, class_type)

    def prompt(self, show: Show, bent: bool = True, recorded: bool = True) -> Graph:
        """The workflow with a row's prompt and, where `bent`, its nodes for the bend."""
        prompt = copy.deepcopy(self.workflow)
        patch = prompt[self.id("AttnBendModel")]["inputs"]
        del prompt[patch.pop("bending")[0]]
        prompt[self.id("AttnBendPrompt")]["inputs"]["text"] = show.caption
        if bent:
            prompt |= show.graph
            patch.update(bending=["bend", 0], record_tokens=show.words)
        if recorded:
            prompt["sheet"]["inputs"]["word"] = show.words.split(",")[0]
        else:
            patch["record"] = "none"
            del prompt["seen"], prompt["sheet"]
        return prompt

    def unbent_film(self, show: Show):
        """The film of a row's prompt with nothing bent, `(F, H, W, 3)` in 0 … 1."""
        caption = show.caption
        if caption not in self.unbent:
            begun = time.perf_counter()
            outputs = {"film": (self.id("VAEDecode"), 0)}
            self.unbent[caption] = self.comfy.take(self.prompt(show, bent=False, recorded=False), outputs)["film"]
            say(f"un-bent: {caption}: {time.perf_counter() - begun:.1f} s")
        return self.unbent[caption]

    def run(self, name: str, show: Show) -> tuple[dict[str, Any], Any, list]:
        """Run it bent: what the report says of it, the row on the sheet, and the pictures of the viewing nodes.

        In the report `change` is the mean absolute difference from the un-bent film, whose range is 0 … 1, and `before`
        and `after` are what a program sees in the un-bent and in the bent film.
        """
        from ..host.maps.record_store import record_of
        from .contact_sheet import ShownBend

        unbent = self.unbent_film(show)
        patch, decode, sampler = (self.id(kind) for kind in ("AttnBendModel", "VAEDecode", "KSampler"))
        outputs = {"film": (decode, 0), "maps": (patch, 1), "latent": (sampler, 0), "bending": ("bend", 0)}
        begun = time.perf_counter()
        taken = self.comfy.take(self.prompt(show), outputs | {"over": ("seen", 0), "grid": ("sheet", 0)})
        seconds = time.perf_counter() - begun
        lines = self.comfy.texts.get(patch, "").splitlines()
        record, film = record_of(taken["maps"], taken["latent"]), taken["film"].float()
        steps, layers = map(set, zip(*acted(record), strict=True))
        before, after = seen_in(unbent), seen_in(film)
        result = {
            "name": name,
            "caption": show.caption,
            "bends": [line for line in lines if " × " in line and "⚠" not in line],
            "seconds": round(seconds, 2),
            "layers": len(layers),
            "steps": len(steps),
            "change": float((film - unbent).abs().mean()),
            "before": before,
            "after": after,
            "warnings": [line for line in lines if line.startswith("⚠")],
        }
        everywhere = range(record.step_count), range(record.layer_count)
        maps = (record.mean_map(0, bent, *everywhere)[FRAME].numpy() for bent in (False, True))
        frames = (frames[FRAME].numpy() for frames in (unbent, film))
        shown = ShownBend(name, show.caption, record.words[0], taken["bending"].bends[-1], *maps, *frames)
        say(f"{name}: {seconds:.1f} s; {', '.join(before)} → {', '.join(after) or 'nothing'}")
        return result, shown, [taken[picture][FRAME].numpy() for picture in ("over", "grid")]

    def sweep(self, show: Show):
        """Run it once for each of some values, inside one graph: the sheet, `(H, W, 3)`."""
        prompt = self.prompt(show, recorded=False)
        prompt[self.id("KSampler")]["inputs"]["seed"] = ["bend", 2]
        prompt["films"] = node("AttnBendGrid", images=[self.id("VAEDecode"), 0], cells=["bend", 3])
        return self.comfy.take(prompt, {"sheet": ("films", 1)})["sheet"][0].numpy()


def acted(record) -> list[tuple[int, int]]:
    """The steps and layers in which the bends changed any word's map; all where they changed none."""

    def changed(step: int, layer: int) -> bool:
        words = range(len(record.words))
        maps = [[record.mean_map(word, bent, [step], [layer]) for bent in (False, True)] for word in words]
        return any(not before.equal(after) for before, after in maps)

    places = list(product(range(record.step_count), range(record.layer_count)))
    return [place for place in places if changed(*place)] or places


def seen_in(film) -> list[str]:
    """What a program sees in a film `(F, H, W, 3)`: for each thing what it is and where."""
    from ..toy.measure import sightings

    return [f"{s.colour} {s.shape} at {s.x:.2f}, {s.y:.2f}" for s in sightings(film.movedim(3, 1))]


def demo(folder: Path) -> None:
    """Write `contact_sheet.png` and `report.json`."""
    demo = Demo()
    runs = {name: demo.run(name, show) for name, show in ROWS.items()}
    results, rows, _ = zip(*runs.values(), strict=True)
    last = {
        f"{SEEN}, as Attention Maps and Attention Maps Grid show it": runs[SEEN][2],
        f"{SWEPT.caption}, as Bend Sweep and Bend Grid show it: measured against the un-bent film": [demo.sweep(SWEPT)],
    }
    from .contact_sheet import draw_sheet

    folder.mkdir(exist_ok=True)
    draw_sheet(rows, last).save(folder / "contact_sheet.png")
    report = {
        "workflow": f"{WORKFLOW} (toy).json",
        "prompt": demo.workflow,
        "versions": comfy_host.versions(),
        "bends": results,
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"Wrote {folder / 'contact_sheet.png'} and {folder / 'report.json'}")


def only(prompt: dict, class_type: str) -> str:
    """The id of the one node of a class."""
    (key,) = (key for key, node in prompt.items() if node["class_type"] == class_type)
    return key


def recorded(prompt: Graph) -> Graph:
    """The workflow with the maps of words recorded and shown."""
    patch, decode, sampler = (only(prompt, kind) for kind in ("AttnBendModel", "VAEDecode", "KSampler"))
    prompt[patch]["inputs"].update(record="listed words")
    common = {"maps": [patch, 1], "latent": [sampler, 0], "layers": "all", "color_map": "plasma"}
    over = {"words": "", "show": "side by side", "steps": "all", "normalize": "film", "opacity": 0.6, "captions": True}
    grid = {"axes": "steps × layers", "show": "bent", "steps": GRID_STEPS, "frames": "average", "normalize": "sheet"}
    prompt["seen"] = node("AttnBendMaps", images=[decode, 0], **common, **over)
    prompt["sheet"] = node("AttnBendMapsGrid", **common, **grid)
    return prompt


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    demo(FOLDER)
