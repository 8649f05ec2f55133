"""``python dev demo``: one shared workflow, un-bent and bent in every way there is, as a picture and a report.

It runs on the toy Wan, so the films can be read: each row shows what its bend does to a test card, to a word's map and
to the film.
"""

import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import paths, setup
from .console import Trouble, say
from .demo_rows import ROWS, SWEPT, Graph, Show, node

WORKFLOW = paths.ROOT / "tests" / "workflows" / "Bend one word (toy).json"
FOLDER = paths.ROOT / "demo"
FRAME = -1
"""The frame of films and maps that is shown: what moves shows at its end."""

SEEN, GRID_STEPS = "Translate", "0, 4, 8, 12, 16"
"""The row that is also shown as the viewing nodes show it, and the steps on its grid."""

RECORDING = ("record", "seen", "sheet", "keep maps", "keep grid")
"""The nodes that take a record."""


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    if arguments:
        raise Trouble(f"demo takes no arguments, but got {' '.join(arguments)}.")
    host = setup.ensure()
    return subprocess.run(host.module("attention_bending.dev.demo"), cwd=paths.ROOT).returncode


@dataclass
class Result:
    """One run of the workflow. `change` is the mean absolute difference from the un-bent film, whose range is 0 … 1.

    `before` and `after` are what a program sees in the un-bent and in the bent film.
    """

    name: str
    caption: str
    bends: list[str]
    seconds: float
    layers: int
    steps: int
    change: float
    before: list[str]
    after: list[str]
    warnings: list[str]


class Demo:
    """The workflow in a ComfyUI of this process; `pictures` are those of its last run, by name."""

    def __init__(self):
        from .headless import Headless, recorder

        packs = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending"]
        self.comfy = Headless("--cpu", *packs)
        self.bending, self.record = None, None
        self.pictures = {}
        self.unbent = {}
        takes_pictures = {"images": ("IMAGE",), "name": ("STRING",)}
        self.comfy.add_node("DemoBending", recorder(self._keep_bending, {"bending": ("BENDING",)}))
        self.comfy.add_node("DemoRecord", recorder(self._find, {"maps": ("ATTENTION_MAPS",), "latent": ("LATENT",)}))
        self.comfy.add_node("DemoPictures", recorder(self._keep_pictures, takes_pictures))
        self.workflow = recorded(json.loads(WORKFLOW.read_text(encoding="utf-8")))

    def _keep_bending(self, bending) -> None:
        self.bending = bending

    def _keep_pictures(self, images, name) -> None:
        self.pictures[name] = images.float().cpu()

    def _find(self, maps, latent) -> None:
        from ..host.maps.record_store import record_of

        self.record = record_of(maps, latent)

    def acted(self) -> tuple[set[int], set[int]]:
        """The layers and steps in which the bends changed any word's map; all where they changed none."""
        record = self.record
        places = [(step, layer) for step in range(record.step_count) for layer in range(record.layer_count)]
        acted = [
            (step, layer)
            for step, layer in places
            if any(
                not record.mean_map(word, False, [step], [layer]).equal(record.mean_map(word, True, [step], [layer]))
                for word in range(len(record.words))
            )
        ]
        return {layer for _, layer in acted or places}, {step for step, _ in acted or places}

    def maps(self) -> list:
        """The first word's map `(h, w)` before and after the bends, as the mean of all layers and steps."""
        record = self.record
        everywhere = range(record.step_count), range(record.layer_count)
        return [record.mean_map(0, bent, *everywhere)[FRAME].numpy() for bent in (False, True)]

    def run(self, caption: str, words: str, graph: Graph | None) -> tuple[float, list[str]]:
        """Run it with these nodes for its bend, or un-bent: seconds, and the lines on the Patch Model node."""
        start = time.perf_counter()
        self.comfy.run(with_bend(self.workflow, caption, words, graph))
        text = self.comfy.texts.get(only(self.workflow, "AttnBendModel"), "")
        return time.perf_counter() - start, text.splitlines()

    def unbent_film(self, caption: str):
        """The film of a caption with nothing bent, `(F, H, W, 3)` in 0 … 1."""
        if caption not in self.unbent:
            seconds, _ = self.run(caption, "ALL", None)
            self.unbent[caption] = self.pictures["film"]
            say(f"un-bent: {caption}: {seconds:.1f} s")
        return self.unbent[caption]

    def sweep(self, show: Show) -> None:
        """Run it once for each of some values, inside one graph, and keep the sheet."""
        self.comfy.run(with_sweep(self.workflow, show))


def seen_in(film) -> list[str]:
    """What a program sees in a film `(F, H, W, 3)`: for each thing what it is and where."""
    from ..toy.measure import sightings

    return [f"{s.colour} {s.shape} at {s.x:.2f}, {s.y:.2f}" for s in sightings(film.movedim(3, 1))]


def demo(folder: Path) -> None:
    """Write `contact_sheet.png` and `report.json`."""
    demo = Demo()
    from .contact_sheet import ShownBend, draw_sheet  # after ComfyUI has loaded the pack

    results, rows = [], []
    for name, show in ROWS.items():
        unbent = demo.unbent_film(show.caption)
        seconds, lines = demo.run(show.caption, show.words, show.graph)
        layers, steps = demo.acted()
        film = demo.pictures["film"]
        result = Result(
            name,
            show.caption,
            [line for line in lines if " × " in line and "⚠" not in line],
            round(seconds, 2),
            len(layers),
            len(steps),
            float((film - unbent).abs().mean()),
            seen_in(unbent),
            seen_in(film),
            [line for line in lines if line.startswith("⚠")],
        )
        results.append(result)
        frames = [each[FRAME].numpy() for each in (unbent, film)]
        rows.append(ShownBend(name, show.caption, demo.record.words[0], demo.bending.bends[-1], *demo.maps(), *frames))
        if name == SEEN:
            seen = [demo.pictures[of][FRAME].numpy() for of in ("maps", "grid")]
        say(f"{name}: {seconds:.1f} s; {', '.join(result.before)} → {', '.join(result.after) or 'nothing'}")
    demo.sweep(SWEPT)
    swept = [demo.pictures["sweep"][0].numpy()]
    folder.mkdir(exist_ok=True)
    last = {
        f"{SEEN}, as Attention Maps and Attention Maps Grid show it": seen,
        f"{SWEPT.caption}, as Bend Sweep and Bend Grid show it: measured against the un-bent film": swept,
    }
    draw_sheet(rows, last).save(folder / "contact_sheet.png")
    report = {
        "workflow": WORKFLOW.name,
        "prompt": demo.workflow,
        "versions": versions(),
        "bends": [asdict(result) for result in results],
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"Wrote {folder / 'contact_sheet.png'} and {folder / 'report.json'}")


def only(prompt: dict, class_type: str) -> str:
    """The id of the one node of a class."""
    (found,) = (key for key, node in prompt.items() if node["class_type"] == class_type)
    return found


def recorded(prompt: dict) -> dict:
    """The workflow with its film kept instead of saved, and the maps of words recorded and shown."""
    patch, decode, sampler = (only(prompt, kind) for kind in ("AttnBendModel", "VAEDecode", "KSampler"))
    kept = {key: each for key, each in prompt.items() if each["class_type"] not in ("CreateVideo", "SaveVideo")}
    kept[patch]["inputs"].update(record="listed words")
    maps = {"maps": [patch, 1], "latent": [sampler, 0]}
    look = {"layers": "all", "color_map": "plasma"}
    over = {"words": "", "show": "side by side", "steps": "all", "normalize": "film", "opacity": 0.6, "captions": True}
    grid = {"axes": "steps × layers", "show": "bent", "steps": GRID_STEPS, "frames": "average", "normalize": "sheet"}
    kept["record"] = node("DemoRecord", **maps)
    kept["seen"] = node("AttnBendMaps", images=[decode, 0], **maps, **look, **over)
    kept["sheet"] = node("AttnBendMapsGrid", **maps, **look, **grid)
    for name, source in (("film", decode), ("maps", "seen"), ("grid", "sheet")):
        kept[f"keep {name}"] = node("DemoPictures", images=[source, 0], name=name)
    return kept


def with_bend(prompt: dict, caption: str, words: str, graph: Graph | None) -> dict:
    """The workflow with another prompt and other nodes for its bend; with none, nothing is recorded."""
    prompt = json.loads(json.dumps(prompt))
    patch = prompt[only(prompt, "AttnBendModel")]["inputs"]
    del prompt[patch.pop("bending")[0]]
    prompt[only(prompt, "AttnBendPrompt")]["inputs"]["text"] = caption
    if graph is None:
        return unrecorded(prompt)
    patch["record_tokens"] = words
    prompt["sheet"]["inputs"]["word"] = words.split(",")[0]
    prompt.update(graph)
    prompt["keep bending"] = node("DemoBending", bending=["bend", 0])
    patch["bending"] = ["bend", 0]
    return prompt


def unrecorded(prompt: dict) -> dict:
    """The workflow with nothing recorded."""
    prompt[only(prompt, "AttnBendModel")]["inputs"]["record"] = "none"
    return {key: each for key, each in prompt.items() if key not in RECORDING}


def with_sweep(prompt: dict, show: Show) -> dict:
    """The workflow with a sweep for its bend, and nothing recorded."""
    kept = unrecorded(with_bend(prompt, show.caption, show.words, show.graph))
    sampler, decode = (only(kept, kind) for kind in ("KSampler", "VAEDecode"))
    kept[sampler]["inputs"]["seed"] = ["bend", 2]
    kept["films"] = node("AttnBendGrid", images=[decode, 0], cells=["bend", 3])
    kept["keep sweep"] = node("DemoPictures", images=["films", 1], name="sweep")
    return kept


def versions() -> dict[str, str]:
    import comfyui_version
    import torch

    return {"ComfyUI": comfyui_version.__version__, "torch": torch.__version__, "python": platform.python_version()}


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    demo(FOLDER)
