"""What the nodes share: their category, the BENDING wire, and the inputs that every mode has."""

import os
from collections.abc import Sequence
from pathlib import Path

from comfy_api.input import CurveInput
from comfy_api.latest import io, ui

from ..bending.bend import Bend, Bending
from ..bending.operators import Operator
from ..host.display import show_text
from .texts import described_schema
from .widgets import number, text, toggle

CATEGORY = "model/patch/attention bending"
BendingWire = io.Custom("BENDING")
MapsWire = io.Custom("ATTENTION_MAPS")
ProbesWire = io.Custom("CONCEPT_PROBES")


class ModeNode(io.ComfyNode):
    """One mode: a node that turns its widgets into a bend and puts it behind the bending it is given."""

    operator: type[Operator]

    @classmethod
    def schema(cls, node_id: str, aliases: list[str], own: list[io.Input]) -> io.Schema:
        """The node's declaration: `own` are its own inputs, between the token and those that all modes have."""
        return described_schema(
            node_id=node_id,
            display_name=f"Bend: {cls.operator.name}",
            category=f"{CATEGORY}/bends",
            search_aliases=["attention bending", "cross attention", cls.operator.key, *aliases],
            inputs=[
                io.String.Input("token", default="", placeholder="kiss, red rose, word#2, ALL, PROMPT, PADDING, END"),
                *own,
                number(Bend, "strength"),
                *percent_inputs(),
                text(Bend, "layers"),
                toggle(Bend, "renormalize", advanced=True),
                BendingWire.Input("bending", optional=True),
            ],
            outputs=[BendingWire.Output("bending")],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def make(cls, **parameters) -> Operator:
        """The operator from the node's own inputs."""
        return cls.operator(**parameters)

    @classmethod
    def execute(
        cls, token, strength, start_percent, end_percent, layers, renormalize, bending=None, **parameters
    ) -> io.NodeOutput:
        bend = Bend(
            cls.make(**parameters),
            token,
            strength,
            start_percent,
            end_percent,
            layers,
            renormalize,
            origin=cls.hidden.unique_id,
        )
        return io.NodeOutput((bending or Bending()) + Bending((bend,)))


def percent_inputs() -> list[io.Input]:
    """Advanced: Nodes 2.0 keeps them behind a button, since the strip of layers × time sets them by a drag."""
    return [number(Bend, *names, advanced=True) for names in (("start", "start_percent"), ("end", "end_percent"))]


def maps_inputs() -> list[io.Input]:
    return [MapsWire.Input("maps"), io.Latent.Input("latent", optional=True)]


def shown_text(node: type[io.ComfyNode], text: str) -> ui.PreviewText:
    """Show a text on a node while its workflow runs, and give it as the node's `ui`, which no page shows by itself."""
    show_text(node.hidden.unique_id, text)
    return ui.PreviewText(text)


def relative(file: str | Path, folder: str) -> str:
    """A file's path from a folder, with slashes on every system."""
    return Path(os.path.relpath(file, folder)).as_posix()


def is_inside(folder: str | Path, file: str | Path) -> bool:
    """Whether a file lies in a folder, links followed: `folder_paths.is_within_directory`, which 0.24 has not."""
    try:
        return Path(file).resolve().is_relative_to(Path(folder).resolve())
    except ValueError:  # a null byte
        return False


def curve_input() -> io.Input:
    """A bare socket, and nothing where it is not connected: the page would give a CURVE an editor and a ramp."""
    return io.Custom("CURVE").Input("curve", optional=True, extra_dict={"forceInput": True})


def sampled(curve) -> tuple[float, ...]:
    """A CURVE's heights at even places from 0 to 1, fine enough for any number of steps or frames."""
    return tuple(CurveInput.from_raw(curve).to_lut(1025).tolist())


def each(**lists: Sequence) -> list[dict]:
    """What a node that takes lists is given, one by one, as ComfyUI itself does it: a short list's last is repeated."""
    length = max(map(len, lists.values()))
    return [{name: values[min(i, len(values) - 1)] for name, values in lists.items()} for i in range(length)]


def is_whole(number: float) -> bool:
    return float(number).is_integer()
