"""``python dev workflows``: write the example workflows' twins on the toy, and the API form of every one;
the lists of inputs in the help pages, the tables of models, the nodes' English texts; and the templates that the page
offers to start with.

Only ComfyUI's page can turn an editor's file into the form that its server runs, so the page does it.
"""

import argparse
import json
from functools import partial
from pathlib import Path

from . import help_inputs, locales, model_pages, paths
from .arranging import arrange
from .browser import CHROMIUM_CURE, find_chromium, open_editor
from .console import Trouble, say
from .server import server

SNAPSHOT = "object_info.json"
"""Lies among the exports, but is none."""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python dev workflows", description="Twins, exports, pictures.", allow_abbrev=False
    )
    says = "draw the pictures anew instead: the workflows', by their names, and the help pages', by nodes"
    parser.add_argument("--pictures", nargs="*", metavar="NAME", help=says)
    says = "lay out anew before: all workflows and twins, or those that are named"
    parser.add_argument("--layout", nargs="*", metavar="NAME", help=says)
    options = parser.parse_args(arguments)
    if options.pictures is None and find_chromium() is None:
        raise Trouble(f"The workflows cannot be exported: {CHROMIUM_CURE}")
    return options


def to_json(prompt: dict) -> str:
    """The text of an exported file: the same for the same workflow, and readable as a change."""
    return json.dumps(prompt, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def write_twins() -> None:
    """Make the twins' files anew; one whose original is gone goes too."""
    from . import twins  # needs torch, without which `python dev` starts

    texts = twins.files()
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    for file in paths.EXAMPLES.glob(f"*{twins.MARK}.json"):
        if file not in texts:
            say(f"{file.name}: removed, its original is gone")
            file.unlink()


def export_all(files: list[Path]) -> None:
    """Open each file in the page and write what the page makes of it; Trouble where nodes are missing."""
    with server() as running, open_editor(running) as editor:
        for file in files:
            editor.load(json.loads(file.read_text(encoding="utf-8")), file.stem)
            if missing := editor.missing_nodes():
                raise Trouble(
                    f"{file.name} has nodes that ComfyUI does not know: {', '.join(missing)}.\n"
                    "If they are the pack's own, it did not load; `python dev serve` shows why."
                )
            (paths.EXPORTS / file.name).write_text(to_json(editor.export()), encoding="utf-8")
            say(f"{file.name}")
    for export in sorted(paths.EXPORTS.glob("*.json")):
        if export.name != SNAPSHOT and not (paths.EXAMPLES / export.name).exists():
            say(f"{export.name}: removed, its editor file is gone")
            export.unlink()


def draw(comfy, names: list[str]) -> None:
    """Draw the pictures of workflows and of help pages that are named, or all."""
    from . import help_pictures, thumbnails
    from .twins import MARK
    from .workflow_table import ALIKE

    drawn = {name: partial(thumbnails.picture, comfy, name) for name in thumbnails.TEMPLATES}
    files = {name: [paths.EXAMPLES / f"{name}{end}.jpg" for end in ("", MARK)[: 2 - (name in ALIKE)]] for name in drawn}
    drawn |= help_pictures.pictures(comfy)
    if unknown := [name for name in names if name not in drawn]:
        raise Trouble(f"There is no picture of {', '.join(unknown)}; there are: {', '.join(drawn)}.")
    for name in names or drawn:
        picture = drawn[name]()
        for file in files.get(name, [help_inputs.PAGES / "images" / f"{name}.png"]):
            picture.save(file, quality=90, optimize=True)
            say(f"{file.relative_to(paths.ROOT)}  {file.stat().st_size / 1000:.1f} kB")


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python."""
    options = parse(arguments)
    names = options.pictures
    from . import start_here  # it needs torch, without which `python dev` starts
    from .headless import Watched

    comfy = Watched()  # before anything of the pack is imported by our name
    if names is not None:
        draw(comfy, names)
        return
    nodes = [node for name, node in comfy.nodes.NODE_CLASS_MAPPINGS.items() if name.startswith("AttnBend")]
    help_inputs.write(nodes)
    locales.write(nodes)
    model_pages.write()
    write_twins()
    if options.layout is not None:
        arrange(options.layout)
    start_here.write()
    export_all(sorted(paths.EXAMPLES.glob("*.json")))
