"""The command table of ``python dev``."""

import importlib
import subprocess
from typing import NamedTuple

from . import console, paths, setup


class Command(NamedTuple):
    usage: str
    says: str
    module: str
    """Imported when it is called: its `main` takes the arguments and returns the exit code.

    One without has a `run`, which is called in ComfyUI's Python, and a `parse`, which refuses wrong arguments before.
    """


COMMANDS = {
    "setup": Command("setup", "make .venv, fetch ComfyUI, make the tiny models; the others do this first", ".setup"),
    "demo": Command("demo", "every mode on the toy Wan: demo/contact_sheet.png and demo/report.json", ".demo"),
    "test": Command(
        "test [--slow] [--host VERSION] [pytest args]",
        "check the style, then run the rooms of tests; in another ComfyUI of dev/comfyui/, if one is named",
        ".testing",
    ),
    "serve": Command("serve [ComfyUI args]", "start ComfyUI with the pack installed", ".serving"),
    "bench": Command("bench [--help]", "what a bend costs, against un-bent and dense attention", ".bench"),
    "page-bench": Command(
        "page-bench [--write-docs]",
        "how soon the page answers, and what its panels cost (needs Chromium)",
        ".bench_hands",
    ),
    "gpu-pack": Command(
        "gpu-pack [--help]", "an archive to run the CUDA tests and the benchmark offline, on a GPU", ".gpu_pack"
    ),
    "train-toy": Command("train-toy [--help]", "make the toy Wan of models/toy from a seed, in hours", "..toy.train"),
    "evaluate-toy": Command(
        "evaluate-toy [--help]", "bend the toy in every way: docs/what-bends-do.md", "..toy.evaluate"
    ),
    "workflows": Command(
        "workflows [--help]", "export example_workflows/ to tests/workflows/ (needs Chromium)", ".workflows"
    ),
}

HELP = """usage: python dev <command>

{commands}

The first run needs a package index and some minutes; later ones start at once. Everything is made in
.venv and .host inside this folder; delete those two to start afresh.

COMFYUI_PATH=<folder>             use your own ComfyUI and its Python; nothing in it is changed
COMFYUI_PYTHON=<python>           the Python for it, where it is not its venv, .venv or ../python_embeded
ATTENTION_BENDING_HOST=<version>  another ComfyUI of dev/comfyui/, for every command; made in .host/<version>
CHROMIUM=<program>                the browser for `workflows` and the browser tests, where it is not on PATH
"""


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; 2 means that the command line or the machine needs a change."""
    name, *rest = arguments or ["help"]
    command = COMMANDS.get(name)
    if command is None:
        print(HELP.format(commands=console.aligned([("", c.usage, c.says) for c in COMMANDS.values()])))
        asked_for_help = name in ("help", "-h", "--help")
        return 0 if asked_for_help else console.fail(console.Trouble(f"there is no command {name!r}; see above."))
    try:
        if rest and command.usage == name:
            raise console.Trouble(f"{name} takes no arguments, but got {' '.join(rest)}.")
        module = importlib.import_module(command.module, __package__)
        if hasattr(module, "main"):
            return module.main(rest)
        if hasattr(module, "parse"):
            module.parse(rest)
        return subprocess.run(setup.ensure().module(module.__name__, *rest), cwd=paths.ROOT).returncode
    except console.Trouble as trouble:
        return console.fail(trouble)
    except KeyboardInterrupt:
        return 130
