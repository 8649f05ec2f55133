"""Recorded maps in files: Save Attention Maps and Load Attention Maps."""

import json
import os
from pathlib import Path

import folder_paths
from comfy.cli_args import args
from comfy_api.latest import io

from ..bending.errors import BendError
from ..bending.maps.files import is_map_file, load, save
from ..bending.maps.report_text import about
from ..host.maps.record_store import record_of
from .common import CATEGORY, MapsWire, is_inside, maps_inputs, relative, shown_text
from .saving import new_file
from .texts import described_schema

FOLDER = "attention_maps"
"""Of the output folder: where maps are saved unless another prefix is given, and looked for."""


class AttnBendSaveMaps(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendSaveMaps",
            display_name="Save Attention Maps",
            category=f"{CATEGORY}/files",
            search_aliases=["attention bending", "export maps", "safetensors", "record"],
            inputs=[*maps_inputs(), io.String.Input("filename_prefix", default="attention_maps/maps")],
            outputs=[io.String.Output("path")],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, maps, filename_prefix, latent=None) -> io.NodeOutput:
        record = record_of(maps, latent)
        output = folder_paths.get_output_directory()
        file = new_file(filename_prefix, output, ".safetensors")
        save(record, file, cls.notes())
        path = f"{relative(file, output)} [output]"
        size = file.stat().st_size / 2**20
        text = f"{path}, {size:.1f} MB\n{', '.join(record.words)}"
        return io.NodeOutput(path, ui=shown_text(cls, text))

    @classmethod
    def notes(cls) -> dict[str, str]:
        """The graph, as ComfyUI's own nodes save it: the page opens the workflow of a file that is dropped on it."""
        if args.disable_metadata:
            return {}
        notes = {"prompt": cls.hidden.prompt, **(cls.hidden.extra_pnginfo or {})}
        return {name: json.dumps(note) for name, note in notes.items() if note is not None}


class AttnBendLoadMaps(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendLoadMaps",
            display_name="Load Attention Maps",
            category=f"{CATEGORY}/files",
            search_aliases=["attention bending", "import maps", "open maps", "safetensors", "record"],
            inputs=[io.Combo.Input("file", options=map_files())],
            outputs=[MapsWire.Output("maps"), io.String.Output("about")],
        )

    @classmethod
    def validate_inputs(cls, file=None) -> bool | str:
        if file is None:  # it comes by a wire, and is checked when it is there
            return True
        try:
            is_there = os.path.isfile(_path(file))  # also a name that no file can have
        except ValueError:
            is_there = False
        return is_there or f"there is no file {file!r} in ComfyUI's folders. Choose another."

    @classmethod
    def fingerprint_inputs(cls, file=None) -> tuple[int, int] | float:
        """Changes with the file, by its time and size, as its content may be gigabytes."""
        if file is None:  # unknown yet, and so never the same
            return float("nan")
        status = _path(file).stat()
        return status.st_mtime_ns, status.st_size

    @classmethod
    def execute(cls, file) -> io.NodeOutput:
        record = load(_path(file))
        return io.NodeOutput(record, about(record))


def map_files() -> list[str]:
    """The files of maps to choose from, as ComfyUI annotates them; other safetensors files are left out."""
    inputs, outputs = folder_paths.get_input_directory(), folder_paths.get_output_directory()
    given = [relative(file, inputs) for file in _found(inputs)]
    saved = [f"{relative(file, outputs)} [output]" for file in _found(os.path.join(outputs, FOLDER))]
    return [*given, *saved]


def _found(folder: str) -> list[Path]:
    paths = (Path(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".safetensors"))
    return sorted(path for path in paths if is_inside(folder, path) and is_map_file(path))


def _path(file: str) -> Path:
    """Raises BendError for a file outside ComfyUI's folders."""
    name, folder = folder_paths.annotated_filepath(file)
    folder = folder or folder_paths.get_input_directory()
    path = os.path.abspath(os.path.join(folder, name))
    if not is_inside(folder, path):  # which ComfyUI itself refuses since 0.27
        raise BendError(f"Invalid file path: {file!r}. Choose a file in ComfyUI's folders.")
    return Path(path)


MAP_FILES = [AttnBendSaveMaps, AttnBendLoadMaps]
