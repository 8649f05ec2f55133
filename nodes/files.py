"""Bendings in files and texts: Load Bending, Load Bending from Text and Save Bending."""

import os
from pathlib import Path

import folder_paths
from comfy_api.latest import io

from ..bending.bend import Bending
from ..bending.errors import BendError
from ..bending.files import Loaded, is_bending_file, load, parse, presets, replace_words, save
from .common import CATEGORY, BendingWire, is_inside, relative, shown_text
from .saving import new_file
from .texts import described_schema

FOLDER = "attention_bending"
"""Of the user folder: where bendings are saved, and looked for."""

PRESET = "preset: "
USER = " [user]"
_ENDINGS = (".yaml", ".yml", ".json")
_SHOWN = 20_000


class AttnBendLoad(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendLoad",
            display_name="Load Bending",
            category=f"{CATEGORY}/files",
            search_aliases=["attention bending", "preset", "recipe", "yaml", "json", "import bends"],
            inputs=[
                io.Combo.Input("file", options=bending_files()),
                io.String.Input("words", default="", optional=True, placeholder="kiss=rose, sunset=sea"),
                BendingWire.Input("bending", optional=True),
            ],
            outputs=[BendingWire.Output("bending"), io.String.Output("about")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # its text is told anew, also where it comes from the cache
        )

    @classmethod
    def validate_inputs(cls, file=None) -> bool | str:
        if file is None:  # it comes by a wire, and is checked when it is there
            return True
        try:
            is_there = os.path.isfile(path_of(file))
        except ValueError:
            is_there = False
        return is_there or f"there is no file {file!r} among the presets or in ComfyUI's folders. Choose another."

    @classmethod
    def fingerprint_inputs(cls, file=None, **_) -> tuple[int, int] | float:
        """Changes with the file, by its time and size."""
        if file is None:  # unknown yet, and so never the same
            return float("nan")
        status = path_of(file).stat()
        return status.st_mtime_ns, status.st_size

    @classmethod
    def execute(cls, file, words="", bending=None) -> io.NodeOutput:
        return _told(cls, load(path_of(file)), words, bending)


class AttnBendLoadText(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendLoadText",
            display_name="Load Bending from Text",
            category=f"{CATEGORY}/files",
            search_aliases=["attention bending", "recipe", "yaml", "json", "paste bends", "inline", "study"],
            inputs=[
                io.String.Input("text", default="", multiline=True),
                io.String.Input("words", default="", optional=True, placeholder="kiss=rose, sunset=sea"),
                BendingWire.Input("bending", optional=True),
            ],
            outputs=[BendingWire.Output("bending"), io.String.Output("about")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # as Load Bending's
        )

    @classmethod
    def execute(cls, text, words="", bending=None) -> io.NodeOutput:
        return _told(cls, parse(text), words, bending)


def _told(node: type[io.ComfyNode], loaded: Loaded, words: str, before: Bending | None) -> io.NodeOutput:
    """What was loaded, with other words, behind the bends `before`; and what it says of itself."""
    renamed = replace_words(loaded.bending, words)
    about = str(Loaded(renamed, loaded.about, loaded.notes))
    return io.NodeOutput((before or Bending()) + renamed, about, ui=shown_text(node, about))


class AttnBendSave(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendSave",
            display_name="Save Bending",
            category=f"{CATEGORY}/files",
            search_aliases=["attention bending", "preset", "recipe", "yaml", "json", "export bends"],
            inputs=[
                BendingWire.Input("bending"),
                io.String.Input("filename_prefix", default="bending"),
                io.Combo.Input("format", options=["yaml", "json"]),
                io.String.Input("about", default="", multiline=True, optional=True),
            ],
            outputs=[io.String.Output("path")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, bending, filename_prefix, format, about="") -> io.NodeOutput:
        home = user_folder()
        file = new_file(filename_prefix, home, f".{format}")
        text = save(bending, file, about)
        path = f"{relative(file, home)}{USER}"
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        shown = f"{path}\n\n{shown}"
        return io.NodeOutput(path, ui=shown_text(cls, shown))


def user_folder() -> str:
    """The folder of saved bendings; ComfyUI's page can reach it, as it does the workflows beside it."""
    return os.path.join(folder_paths.get_user_directory(), "default", FOLDER)


def bending_files() -> list[str]:
    """What can be chosen: presets, saved bendings, and files of the input folder that look like bends."""
    home, inputs = user_folder(), folder_paths.get_input_directory()
    return [
        *(f"{PRESET}{title}" for title in presets()),
        *(f"{relative(file, home)}{USER}" for file in _found(home)),
        *(relative(file, inputs) for file in _found(inputs)),
    ]


def _found(folder: str) -> list[Path]:
    paths = (Path(at, name) for at, _, names in os.walk(folder) for name in names if name.lower().endswith(_ENDINGS))
    inside = (path for path in sorted(paths) if is_inside(folder, path))
    return [path for path in inside if is_bending_file(path)]


def path_of(file: str) -> Path:
    """Raises BendError for a preset that is not there, and for a file outside ComfyUI's folders."""
    if file.startswith(PRESET):
        if (title := file.removeprefix(PRESET)) not in presets():
            raise BendError(f"there is no preset {title!r}. Choose one of {', '.join(presets())}.")
        return presets()[title]
    folder = user_folder() if file.endswith(USER) else folder_paths.get_input_directory()
    path = os.path.abspath(os.path.join(folder, file.removesuffix(USER)))
    if not is_inside(folder, path) or not path.lower().endswith(_ENDINGS):
        raise BendError(f"Invalid file path: {file!r}. Choose a .yaml or .json file in ComfyUI's folders.")
    return Path(path)


FILES = [AttnBendLoad, AttnBendLoadText, AttnBendSave]
