"""The command table of ``python dev``."""

from collections.abc import Callable
from typing import NamedTuple

from ..toy import evaluate, train
from . import bench, console, demo, serving, setup, testing, workflows


class Command(NamedTuple):
    usage: str
    says: str
    call: Callable[[list[str]], int]


COMMANDS = {
    "setup": Command("setup", "make .venv, fetch ComfyUI, make the tiny models; the others do this first", setup.main),
    "demo": Command("demo", "every mode on the toy Wan: demo/contact_sheet.png and demo/report.json", demo.main),
    "test": Command("test [--slow] [pytest args]", "check the style, then run the rooms of tests", testing.main),
    "serve": Command("serve [ComfyUI args]", "start ComfyUI with the pack installed", serving.main),
    "bench": Command("bench [--help]", "what a bend costs, against un-bent and dense attention", bench.main),
    "train-toy": Command("train-toy [--help]", "make the toy Wan of models/toy from a seed, in hours", train.main),
    "evaluate-toy": Command("evaluate-toy [--help]", "bend the toy in every way: docs/what-bends-do.md", evaluate.main),
    "workflows": Command("workflows", "export example_workflows/ to tests/workflows/ (needs Chromium)", workflows.main),
}

HELP = """usage: python dev <command>

{commands}

The first run needs a package index and some minutes; later ones start at once. Everything is made in
.venv and .host inside this folder; delete those two to start afresh.

COMFYUI_PATH=<folder>     use your own ComfyUI and its Python; nothing in it is changed
COMFYUI_PYTHON=<python>   the Python for it, where it is not its venv, .venv or ../python_embeded
CHROMIUM=<program>        the browser for `workflows` and the browser tests, where it is not on PATH
"""


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code; 2 means that the command line or the machine needs a change."""
    name, *rest = arguments or ["help"]
    command = COMMANDS.get(name)
    if command is None:
        width = max(len(c.usage) for c in COMMANDS.values())
        print(HELP.format(commands="\n".join(f"  {c.usage:<{width}}  {c.says}" for c in COMMANDS.values())))
        asked_for_help = name in ("help", "-h", "--help")
        return 0 if asked_for_help else console.fail(console.Trouble(f"there is no command {name!r}; see above."))
    try:
        return command.call(rest)
    except console.Trouble as trouble:
        return console.fail(trouble)
    except KeyboardInterrupt:
        return 130
