"""``python dev demo``: one shared workflow, un-bent and bent in every way there is, as a picture and a report.

The tiny model has random weights, so its film is noise; what each bend does is seen on a test card and on the word's
own map, and that it reaches the film in the difference.
"""

import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import paths, setup
from .console import Trouble, say
from .demo_rows import ROWS, TOKEN, Graph

WORKFLOW = paths.ROOT / "tests" / "workflows" / "Bend one word.json"
FOLDER = paths.ROOT / "demo"
FILM = {"width": 416, "height": 240, "length": 9}
STEPS = 4
LAYER, STEP, FRAME = 1, 0, 2
"""The site, step and latent frame whose map is shown."""


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
    """The workflow in a ComfyUI of this process, with its film and the word's maps recorded."""

    def __init__(self):
        from .headless import Headless, recorder
        from .swap import tiny

        packs = ["--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending", "attention-bending-dev"]
        self.comfy = Headless("--cpu", *packs)
        self.patch = self.comfy.pack("bending.host.patch")
        self.film, self.chain, self.sightings = None, (), []
        self.comfy.add_node("DemoFilm", recorder(self._keep_film, {"images": ("IMAGE",)}))
        self.comfy.add_node("DemoWatch", recorder(self._watch, {"model": ("MODEL",)}, "MODEL"))
        self.workflow = recorded(tiny(json.loads(WORKFLOW.read_text(encoding="utf-8")), steps=STEPS, **FILM))

    def _keep_film(self, images) -> None:
        self.film = images.float().cpu()

    def _watch(self, model):
        """Behind Patch Model: note the chain that arrives, and see the word's maps while it runs."""
        self.chain = tuple(b for patch in model.model_options.get(self.patch.KEY, ()) for b in patch.bending)
        self.sightings.clear()
        watch = self.patch.Watch(TOKEN, self.sightings.append)
        nothing = self.comfy.pack("bending").Bending()
        return self.comfy.pack("bending.host.attach").patch_model(model, self.patch.Patch(nothing, watch=watch))

    def run(self, graph: Graph | None) -> tuple[float, list[str]]:
        """Run it with these nodes for its bend, or un-bent: seconds, and the lines on the Patch Model node."""
        start = time.perf_counter()
        self.comfy.run(with_bend(self.workflow, graph))
        text = self.comfy.texts.get(only(self.workflow, "AttnBendModel"), "")
        return time.perf_counter() - start, text.splitlines()


def demo(folder: Path) -> None:
    """Write `contact_sheet.png` and `report.json`."""
    from .contact_sheet import Row, draw_sheet

    demo = Demo()
    unbent_seconds, _ = demo.run(None)
    unbent = demo.film
    say(f"un-bent: {unbent_seconds:.1f} s")
    results, rows = [], []
    for name, graph in ROWS.items():
        seconds, lines = demo.run(graph)
        acted = [s for s in demo.sightings if not s.original.equal(s.bent)] or demo.sightings
        shown = next(s for s in demo.sightings if (s.layer, s.step) == (LAYER, STEP))
        difference = (demo.film - unbent).abs()
        ran = [line for line in lines if " × " in line and "⚠" not in line]
        result = Result(
            name,
            ran,
            round(seconds, 2),
            len({s.layer for s in acted}),
            len({s.step for s in acted}),
            float(difference.mean()),
            [line for line in lines if line.startswith("⚠")],
        )
        results.append(result)
        maps = [film[0].mean(0)[FRAME].numpy() for film in (shown.original, shown.bent)]
        middle = difference[len(difference) // 2].mean(-1).numpy()
        rows.append(Row(name, demo.chain[-1], *maps, middle, result.layers, result.steps, result.change))
        say(f"{name}: {seconds:.1f} s; the film changed by {result.change:.4f}")
    folder.mkdir(exist_ok=True)
    caption = (
        f'Shown: the map of "{TOKEN}" at layer {LAYER}, step {STEP},\n'
        f"latent frame {FRAME}, mean of heads; brightness\nis the square root of the attention."
    )
    draw_sheet(rows, unbent[len(unbent) // 2].numpy(), caption, demo.comfy.pack).save(folder / "contact_sheet.png")
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
    """The workflow with its film recorded instead of saved, and the word watched behind Patch Model."""
    patch, decode = only(prompt, "AttnBendModel"), only(prompt, "VAEDecode")
    for node in prompt.values():
        node["inputs"] = {n: ["watch", 0] if v == [patch, 0] else v for n, v in node["inputs"].items()}
    kept = {key: node for key, node in prompt.items() if node["class_type"] not in ("CreateVideo", "SaveVideo")}
    kept["watch"] = {"class_type": "DemoWatch", "inputs": {"model": [patch, 0]}}
    kept["film"] = {"class_type": "DemoFilm", "inputs": {"images": [decode, 0]}}
    return kept


def with_bend(prompt: dict, graph: Graph | None) -> dict:
    """The workflow with other nodes for its bend, or with none."""
    prompt = json.loads(json.dumps(prompt))
    patch = prompt[only(prompt, "AttnBendModel")]["inputs"]
    del prompt[patch.pop("bending")[0]]
    if graph is not None:
        prompt.update(graph)
        patch["bending"] = ["bend", 0]
    return prompt


def versions() -> dict[str, str]:
    import comfyui_version
    import torch

    return {"ComfyUI": comfyui_version.__version__, "torch": torch.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    demo(FOLDER)
