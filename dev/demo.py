"""``python dev demo``: one shared workflow, un-bent and bent in every way there is, as a picture and a report.

The tiny model has random weights, so its film is noise; what each bend does is seen on a test card and on the word's
own map, as Patch Model records it, and that it reaches the film in the difference.
"""

import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import paths, setup
from .console import Trouble, say
from .demo_rows import OTHER, ROWS, TOKEN, Graph, node

WORKFLOW = paths.ROOT / "tests" / "workflows" / "Bend one word.json"
FOLDER = paths.ROOT / "demo"
FILM = {"width": 416, "height": 240, "length": 9}
STEPS = 4
LAYER, STEP, FRAME = 1, 0, 2
"""The site, step and latent frame whose map is shown."""

SEEN = "Translate"
"""The row that is also shown as the viewing nodes show it."""


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    if arguments:
        raise Trouble(f"demo takes no arguments, but got {' '.join(arguments)}.")
    host = setup.ensure()
    return subprocess.run(host.module("dev.demo"), cwd=paths.ROOT).returncode


@dataclass
class Result:
    """One run of the workflow. `change` is the mean absolute difference from the un-bent film, whose range is 0 … 1."""

    name: str
    bends: list[str]
    seconds: float
    layers: int
    steps: int
    change: float
    warnings: list[str]


class Demo:
    """The workflow in a ComfyUI of this process; `pictures` are those of its last run, by name."""

    def __init__(self):
        from .headless import Headless, recorder
        from .swap import tiny

        packs = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending", "attention-bending-dev"]
        self.comfy = Headless("--cpu", *packs)
        self.bending, self.record = None, None
        self.pictures = {}
        takes_pictures = {"images": ("IMAGE",), "name": ("STRING",)}
        self.comfy.add_node("DemoBending", recorder(self._keep_bending, {"bending": ("BENDING",)}))
        self.comfy.add_node("DemoRecord", recorder(self._find, {"maps": ("ATTENTION_MAPS",), "latent": ("LATENT",)}))
        self.comfy.add_node("DemoPictures", recorder(self._keep_pictures, takes_pictures))
        self.workflow = recorded(tiny(json.loads(WORKFLOW.read_text(encoding="utf-8")), steps=STEPS, **FILM))

    def _keep_bending(self, bending) -> None:
        self.bending = bending

    def _keep_pictures(self, images, name) -> None:
        self.pictures[name] = images.float().cpu()

    def _find(self, maps, latent) -> None:
        self.record = self.comfy.pack("bending.host.shelf").record_of(maps, latent)

    def acted(self) -> tuple[set[int], set[int]]:
        """The layers and steps in which the bends changed any word's map; all where they changed none."""
        record, places = self.record, [(step, layer) for step in range(STEPS) for layer in range(self.layers)]
        films = {place: [self.film_at(word, *place) for word in range(len(record.words))] for place in places}
        acted = [place for place, pairs in films.items() if any(not a.equal(b) for a, b in pairs)] or places
        return {layer for _, layer in acted}, {step for step, _ in acted}

    def film_at(self, word: int, step: int, layer: int) -> tuple:
        """A word's map `(F, h, w)` before and after the bends."""
        return tuple(self.record.film(word, bent, (step,), (layer,)) for bent in (False, True))

    @property
    def layers(self) -> int:
        return self.record.layer_count

    def run(self, graph: Graph | None) -> tuple[float, list[str]]:
        """Run it with these nodes for its bend, or un-bent: seconds, and the lines on the Patch Model node."""
        start = time.perf_counter()
        self.comfy.run(with_bend(self.workflow, graph))
        text = self.comfy.texts.get(only(self.workflow, "AttnBendModel"), "")
        return time.perf_counter() - start, text.splitlines()

    def sweep(self) -> None:
        """Run it once for each of some values, inside one graph, and keep the sheet."""
        self.comfy.run(with_sweep(self.workflow))


def demo(folder: Path) -> None:
    """Write `contact_sheet.png` and `report.json`."""
    from .contact_sheet import Row, draw_sheet

    demo = Demo()
    unbent_seconds, _ = demo.run(None)
    unbent = demo.pictures["film"]
    say(f"un-bent: {unbent_seconds:.1f} s")
    results, rows = [], []
    for name, graph in ROWS.items():
        seconds, lines = demo.run(graph)
        layers, steps = demo.acted()
        difference = (demo.pictures["film"] - unbent).abs()
        ran = [line for line in lines if " × " in line and "⚠" not in line]
        result = Result(
            name,
            ran,
            round(seconds, 2),
            len(layers),
            len(steps),
            float(difference.mean()),
            [line for line in lines if line.startswith("⚠")],
        )
        results.append(result)
        maps = [film[FRAME].numpy() for film in demo.film_at(0, STEP, LAYER)]
        middle = difference[len(difference) // 2].mean(-1).numpy()
        rows.append(Row(name, demo.bending.bends[-1], *maps, middle, result.layers, result.steps, result.change))
        if name == SEEN:
            seen = [demo.pictures[of][len(demo.pictures[of]) // 2].numpy() for of in ("maps", "grid")]
        say(f"{name}: {seconds:.1f} s; the film changed by {result.change:.4f}")
    demo.sweep()
    swept = [demo.pictures["sweep"][0].numpy()]
    folder.mkdir(exist_ok=True)
    caption = (
        f'Shown: the map of "{TOKEN}" at layer {LAYER}, step {STEP},\n'
        f"latent frame {FRAME}, mean of heads; brightness\nis the square root of the attention."
    )
    last = {
        f"{SEEN}, as Attention Maps and Attention Maps Grid show it": seen,
        "Amplify ALL, as Bend Sweep and Bend Grid show it: the films, measured against the un-bent one": swept,
    }
    sheet = draw_sheet(rows, unbent[len(unbent) // 2].numpy(), caption, demo.comfy.pack, last)
    sheet.save(folder / "contact_sheet.png")
    report = {
        "workflow": WORKFLOW.name,
        "settings": {"token": TOKEN, "steps": STEPS, **FILM, "prompt": demo.workflow},
        "versions": versions(),
        "unbent": {"seconds": round(unbent_seconds, 2)},
        "bends": [asdict(result) for result in results],
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"Wrote {folder / 'contact_sheet.png'} and {folder / 'report.json'}")


def only(prompt: dict, class_type: str) -> str:
    """The id of the one node of a class."""
    (found,) = (key for key, node in prompt.items() if node["class_type"] == class_type)
    return found


def recorded(prompt: dict) -> dict:
    """The workflow with its film kept instead of saved, and the maps of the words recorded and shown."""
    patch, decode, sampler = (only(prompt, kind) for kind in ("AttnBendModel", "VAEDecode", "KSampler"))
    kept = {key: each for key, each in prompt.items() if each["class_type"] not in ("CreateVideo", "SaveVideo")}
    kept[patch]["inputs"].update(record="listed words", record_tokens=f"{TOKEN}, {OTHER}")
    maps = {"maps": [patch, 1], "latent": [sampler, 0]}
    look = {"layers": "all", "steps": "all", "color_map": "plasma"}
    over = {"words": "", "show": "side by side", "normalize": "film", "opacity": 0.8, "captions": True}
    grid = {"word": TOKEN, "axes": "steps × layers", "show": "bent", "frames": "average", "normalize": "sheet"}
    kept["record"] = node("DemoRecord", **maps)
    kept["seen"] = node("AttnBendMaps", **maps, **look, **over)  # not over the film, which is noise
    kept["sheet"] = node("AttnBendMapsGrid", **maps, **look, **grid)
    for name, source in (("film", decode), ("maps", "seen"), ("grid", "sheet")):
        kept[f"keep {name}"] = node("DemoPictures", images=[source, 0], name=name)
    return kept


def with_bend(prompt: dict, graph: Graph | None) -> dict:
    """The workflow with other nodes for its bend, or with none."""
    prompt = json.loads(json.dumps(prompt))
    patch = prompt[only(prompt, "AttnBendModel")]["inputs"]
    del prompt[patch.pop("bending")[0]]
    if graph is not None:
        prompt.update(graph)
        prompt["keep bending"] = node("DemoBending", bending=["bend", 0])
        patch["bending"] = ["bend", 0]
    return prompt


def with_sweep(prompt: dict) -> dict:
    """The workflow with its one bend swept, small and short, and nothing recorded."""
    prompt = json.loads(json.dumps(prompt))
    patch, sampler, decode = (only(prompt, kind) for kind in ("AttnBendModel", "KSampler", "VAEDecode"))
    kept = {key: each for key, each in prompt.items() if not key.startswith(("keep", "record", "seen", "sheet"))}
    bend = kept[patch]["inputs"]["bending"][0]
    kept[bend]["inputs"].update(token="ALL", strength=1.0)
    kept["sweep"] = node("AttnBendSweep", bending=[bend, 0], parameter_1="factor", values_1="0.5, 0.9, 1.1, 2, 4")
    kept[patch]["inputs"].update(bending=["sweep", 0], record="none")
    kept[sampler]["inputs"].update(seed=["sweep", 2], steps=2)
    kept["sheet"] = node("AttnBendGrid", images=[decode, 0], cells=["sweep", 3])
    kept["keep sweep"] = node("DemoPictures", images=["sheet", 1], name="sweep")
    size = next(each["inputs"] for each in kept.values() if "length" in each["inputs"])
    size.update(width=208, height=128)
    return kept


def versions() -> dict[str, str]:
    import comfyui_version
    import torch

    return {"ComfyUI": comfyui_version.__version__, "torch": torch.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    demo(FOLDER)
