"""Sweeps: one bending over the values of its parameters, a film each, and the sheet on which they play."""

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..bending.errors import BendError
from ..bending.explore import sweep
from ..bending.pictures import films_grid
from .common import CATEGORY, BendingWire, shown_text
from .seeing import film_preview
from .texts import described_schema

CellsWire = io.Custom("SWEEP_CELLS")


def axis_inputs(number: int, parameter: str, values: str, optional: bool) -> list[io.Input]:
    return [
        io.String.Input(
            f"parameter_{number}",
            default=parameter,
            placeholder="angle, bend 2: angle, layers, seed",
            optional=optional,
        ),
        io.String.Input(f"values_{number}", default=values, placeholder="0.25:4:8 log", optional=optional),
    ]


class AttnBendSweep(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendSweep",
            display_name="Bend Sweep",
            category=f"{CATEGORY}/explore",
            search_aliases=["attention bending", "xy plot", "x/y/z plot", "grid", "batch", "parameter", "vary"],
            inputs=[
                BendingWire.Input("bending"),
                *axis_inputs(1, "strength", "0.25:1:4", optional=False),
                *axis_inputs(2, "", "", optional=True),
                io.Boolean.Input("baseline", default=True, optional=True),
                io.Int.Input("limit", default=64, min=1, max=10000, optional=True),
                io.Int.Input(
                    "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, optional=True
                ),
            ],
            outputs=[
                BendingWire.Output("bending", is_output_list=True),
                io.String.Output("label", is_output_list=True),
                io.Int.Output("seed", is_output_list=True),
                CellsWire.Output("cells"),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,  # the list stays on the node, also where all comes from the cache
        )

    @classmethod
    def execute(
        cls, bending, parameter_1, values_1, parameter_2="", values_2="", baseline=True, limit=64, seed=0
    ) -> io.NodeOutput:
        axes = sweep.axes(bending, (parameter_1, values_1), (parameter_2, values_2))
        cells = sweep.expand(bending, axes, baseline, seed, limit)
        bendings, seeds = ([getattr(point, name) for point in cells.points] for name in ("bending", "seed"))
        return io.NodeOutput(bendings, [*cells.labels], seeds, cells, ui=shown_text(cls, str(cells)))


class AttnBendGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendGrid",
            display_name="Bend Grid",
            category=f"{CATEGORY}/explore",
            search_aliases=["attention bending", "contact sheet", "xy plot", "compare", "ssim", "metrics", "montage"],
            is_input_list=True,
            inputs=[
                io.Image.Input("images"),
                CellsWire.Input("cells", optional=True),
                io.String.Input("label", optional=True, force_input=True),
                io.Boolean.Input("numbers", default=True, optional=True),
            ],
            outputs=[io.Image.Output("film"), io.Image.Output("still"), io.String.Output("json")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, cells=None, label=None, numbers=(True,)) -> io.NodeOutput:
        sheet = films_grid.collect(images, cls._only("cells", cells or [None]), label or ())
        film, still = (films_grid.draw(sheet, moving, cls._only("numbers", numbers)) for moving in (True, False))
        return io.NodeOutput(film, still, sheet.as_json(), ui=film_preview(film, 16))

    @staticmethod
    def _only(name: str, values: Sequence) -> Any:
        if any(value != values[0] for value in values):
            raise BendError(
                f"{name} is a list of {len(values)}, and a sheet has one. A Bend Sweep that is given a list of "
                f"bendings makes a sweep of each: give every one a Bend Sweep and a Bend Grid of its own."
            )
        return values[0]


SWEEPS = [AttnBendSweep, AttnBendGrid]
