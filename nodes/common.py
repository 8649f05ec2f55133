"""What the nodes share: their category, the BENDING wire, and the inputs that every mode has."""

import os
from pathlib import Path

from comfy_api.input import CurveInput
from comfy_api.latest import io, ui

from ..bending.bend import Bend, Bending
from ..bending.operators import Operator
from ..host.display import show_text

CATEGORY = "model/patch/attention bending"
BendingWire = io.Custom("BENDING")
MapsWire = io.Custom("ATTENTION_MAPS")


class ModeNode(io.ComfyNode):
    """One mode: a node that turns its widgets into a bend and puts it behind the bending it is given."""

    operator: type[Operator]

    @classmethod
    def schema(cls, node_id: str, looks: str, aliases: list[str], own: list[io.Input]) -> io.Schema:
        """The node's declaration: `looks` says in a sentence what the mode does to a film, `own` are its own inputs."""
        return io.Schema(
            node_id=node_id,
            display_name=f"Bend: {cls.operator.name}",
            category=CATEGORY,
            description=looks,
            search_aliases=["attention bending", "cross attention", cls.operator.key, *aliases],
            inputs=[
                io.String.Input(
                    "token",
                    default="",
                    placeholder="kiss, red rose, word#2, ALL, PROMPT, PADDING, END",
                    tooltip="The words to bend, as they are in the prompt: a comma list of words and phrases, every "
                    "occurrence unless you write word#2. ALL is every token, PROMPT the prompt's own, PADDING and "
                    "END what the encoder adds. Quotes take the rest as it is.",
                ),
                *own,
                strength_input(),
                *percent_inputs(),
                layers_input(),
                io.Boolean.Input(
                    "renormalize",
                    default=True,
                    tooltip="Scale every place's attention back to a total of 1 after this bend. Keeps strong bends "
                    "stable; a mask or gain on ALL is left as it is.",
                ),
                BendingWire.Input(
                    "bending",
                    optional=True,
                    tooltip="Bends that come before this one; this one acts on what they leave.",
                ),
            ],
            outputs=[BendingWire.Output("bending", tooltip="The bends before, and this one after them.")],
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


def strength_input() -> io.Input:
    return io.Float.Input(
        "strength",
        default=1.0,
        min=0.0,
        max=1.0,
        step=0.05,
        tooltip="How much of the bend, from 0 (none: the film is the same to the bit) to 1 (all of it).",
    )


def percent_inputs() -> list[io.Input]:
    return [
        io.Float.Input(
            name,
            default=default,
            min=0.0,
            max=1.0,
            step=0.001,
            tooltip=f"{says}, as a fraction of the sampling by noise level: 0 is pure noise, 1 the finished film. It "
            f"means "
            "the same moment for any sampler and number of steps.",
        )
        for name, default, says in (
            ("start_percent", 0.0, "When the bend begins"),
            ("end_percent", 1.0, "When it ends, itself excluded unless 1"),
        )
    ]


def layers_input() -> io.Input:
    return io.String.Input(
        "layers",
        default="all",
        tooltip="The model's blocks that are bent: all, early, middle, late (thirds), or numbers such as 0-5, 13, "
        "-1. The first block is 0, the last -1.",
    )


def maps_inputs() -> list[io.Input]:
    return [
        MapsWire.Input("maps", tooltip="Recorded maps: of the Patch Model that recorded them, or loaded from a file."),
        io.Latent.Input(
            "latent",
            optional=True,
            tooltip="The latent of the sampler that used this Patch Model, as it came out: it says which run is meant. "
            "Maps that were loaded need none.",
        ),
    ]


def said(node: type[io.ComfyNode], text: str) -> ui.PreviewText:
    """Show a text on a node while its workflow runs, and give it as the node's `ui`, which no page shows by itself."""
    show_text(node.hidden.unique_id, text)
    return ui.PreviewText(text)


def relative(file: str | Path, folder: str) -> str:
    """A file's path from a folder, with slashes on every system."""
    return Path(os.path.relpath(file, folder)).as_posix()


def curve_input(tooltip: str) -> io.Input:
    """A bare socket, and nothing where it is not connected: the page would give a CURVE an editor and a ramp."""
    return io.Custom("CURVE").Input("curve", optional=True, tooltip=tooltip, extra_dict={"forceInput": True})


def sampled(curve) -> tuple[float, ...]:
    """A CURVE's heights at even places from 0 to 1, fine enough for any number of steps or frames."""
    return tuple(CurveInput.from_raw(curve).to_lut(1025).tolist())


def is_whole(number: float) -> bool:
    return float(number).is_integer()
