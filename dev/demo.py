"""``python dev demo``: one shared workflow, un-bent and bent in each of the nine modes, as a picture and a report.

The tiny model has random weights, so its film is noise; what each mode does is seen on a test card and on the word's
own map, and that it reaches the film in the difference.
"""

import json
import platform
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import paths, setup
from .console import Trouble, say

WORKFLOW = paths.ROOT / "tests" / "workflows" / "Bend one word.json"
FOLDER = paths.ROOT / "demo"
FILM = {"width": 416, "height": 240, "length": 9}
STEPS = 4
TOKEN = "kiss"
LAYER, STEP, FRAME = 1, 0, 1
"""The site, step and latent frame whose map is shown."""

MODES = {
    "AttnBendAmplify": {"factor": 2.5},
    "AttnBendRegionalMask": {"x1": 0.0, "y1": 0.0, "x2": 0.5, "y2": 1.0, "feather": 0.2, "invert": False},
    "AttnBendBlur": {"sigma": 2.0, "kernel_size": 0},
    "AttnBendSharpen": {"amount": 4.0, "sigma": 1.0, "clamp": True},
    "AttnBendTranslate": {"x": 0.25, "y": 0.0, "padding": "border"},
    "AttnBendRotate": {"angle": 30.0, "padding": "border", "center_x": 0.5, "center_y": 0.5},
    "AttnBendSpatialScale": {"factor": 1.8, "padding": "border", "center_x": 0.5, "center_y": 0.5},
    "AttnBendFlip": {"axis": "horizontal"},
    "AttnBendFrequencyFilter": {"kind": "low", "low": 0.1, "high": 0.25, "rolloff": 0.1, "keep_mean": True},
}


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    if arguments:
        raise Trouble(f"demo takes no arguments, but got {' '.join(arguments)}.")
    host = setup.ensure()
    return subprocess.run(host.module("dev.demo"), cwd=paths.ROOT).returncode


@dataclass
class Result:
    """One run of the workflow. `change` is the mean absolute difference from the un-bent film, whose range is 0 … 1."""

    mode: str
    parameters: dict[str, Any]
    bend: str
    seconds: float
    layers: int
    steps: int
    change: float
    warnings: list[str]


def demo(folder: Path) -> None:
    """Write `contact_sheet.png` and `report.json`."""
    from .contact_sheet import Row, draw_sheet
    from .headless import Headless, recorder
    from .swap import tiny

    comfy = Headless(
        "--cpu", "--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending", "attention-bending-dev"
    )
    patch = comfy.pack("bending.host.patch")
    attach = comfy.pack("bending.host.attach")
    operators = comfy.pack("bending.operators").OPERATORS
    films, sightings, reports = [], [], []

    def watch(model):
        see = patch.Watch(TOKEN, sightings.append)
        return attach.patch_model(model, patch.Patch(comfy.pack("bending").Bending(), watch=see))

    comfy.add_node("DemoFilm", recorder(lambda images: films.append(images.float().cpu()), {"images": ("IMAGE",)}))
    comfy.add_node("DemoWatch", recorder(watch, {"model": ("MODEL",)}, "MODEL"))
    base = _demo_workflow(tiny(json.loads(WORKFLOW.read_text(encoding="utf-8")), steps=STEPS, **FILM))

    def run(mode: str | None) -> float:
        start = time.perf_counter()
        comfy.run(_with_mode(base, mode))
        reports.append("\n".join(comfy.texts.get(node, "") for node in _nodes(base, "AttnBendModel")))
        return time.perf_counter() - start

    unbent_seconds = run(None)
    unbent = films[-1]
    say(f"un-bent: {unbent_seconds:.1f} s")
    results, rows = [], []
    for mode in MODES:
        sightings.clear()
        seconds = run(mode)
        node = comfy.nodes.NODE_CLASS_MAPPINGS[mode]
        shown = next(s for s in sightings if (s.layer, s.step) == (LAYER, STEP))
        acted = [s for s in sightings if not s.original.equal(s.bent)]
        difference = (films[-1] - unbent).abs()
        result = Result(
            mode,
            MODES[mode],
            reports[-1].splitlines()[0],
            round(seconds, 2),
            len({s.layer for s in acted}),
            len({s.step for s in acted}),
            float(difference.mean()),
            [line for line in reports[-1].splitlines() if line.startswith("⚠")],
        )
        results.append(result)
        maps = [m[0].mean(0)[FRAME].numpy() for m in (shown.original, shown.bent)]
        middle = len(unbent) // 2
        operator = operators[node.operator.key](**MODES[mode])
        rows.append(
            Row(operator, *maps, difference[middle].mean(-1).numpy(), result.layers, result.steps, result.change)
        )
        say(f"{node.operator.name}: {seconds:.1f} s, {result.bend}; the film changed by {result.change:.4f}")
    folder.mkdir(exist_ok=True)
    caption = (
        f'Shown: the map of "{TOKEN}" at layer {LAYER}, step {STEP},\n'
        f"latent frame {FRAME}, mean of heads; brightness\nis the square root of the attention."
    )
    draw_sheet(rows, unbent[len(unbent) // 2].numpy(), caption).save(folder / "contact_sheet.png")
    report = {
        "workflow": WORKFLOW.name,
        "settings": {"token": TOKEN, "steps": STEPS, **FILM, "prompt": base},
        "versions": _versions(comfy),
        "unbent": {"seconds": round(unbent_seconds, 2)},
        "bends": [asdict(result) for result in results],
    }
    (folder / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"Wrote {folder / 'contact_sheet.png'} and {folder / 'report.json'}")


def _nodes(prompt: dict, class_type: str) -> list[str]:
    return [key for key, node in prompt.items() if node["class_type"] == class_type]


def _demo_workflow(prompt: dict) -> dict:
    """The workflow with its film recorded instead of saved, and the word watched behind Patch Model."""
    (patch,) = _nodes(prompt, "AttnBendModel")
    (decode,) = _nodes(prompt, "VAEDecode")
    for node in prompt.values():
        for name, value in node["inputs"].items():
            if value == [patch, 0]:
                node["inputs"][name] = ["watch", 0]
    kept = {key: node for key, node in prompt.items() if node["class_type"] not in ("CreateVideo", "SaveVideo")}
    kept["watch"] = {"class_type": "DemoWatch", "inputs": {"model": [patch, 0]}}
    kept["film"] = {"class_type": "DemoFilm", "inputs": {"images": [decode, 0]}}
    return kept


def _with_mode(prompt: dict, mode: str | None) -> dict:
    """The workflow with its bend exchanged for `mode`, or bypassed."""
    prompt = json.loads(json.dumps(prompt))
    (bend,) = (key for key, node in prompt.items() if node["class_type"] in MODES)
    if mode is None:
        del prompt[bend]
        del prompt[_nodes(prompt, "AttnBendModel")[0]]["inputs"]["bending"]
        return prompt
    common = {
        "token": TOKEN,
        "strength": 1.0,
        "start_percent": 0.0,
        "end_percent": 1.0,
        "layers": "all",
        "renormalize": True,
    }
    prompt[bend] = {"class_type": mode, "inputs": {**common, **MODES[mode]}}
    return prompt


def _versions(comfy) -> dict[str, str]:
    import comfyui_version
    import torch

    return {"ComfyUI": comfyui_version.__version__, "torch": torch.__version__, "python": platform.python_version()}


if __name__ == "__main__":
    demo(FOLDER)
