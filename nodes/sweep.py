"""Sweeps: one bending over the values of its parameters, a film each, and the sheet on which they play."""

from comfy_api.latest import io

from ..bending.explore import sweep
from ..bending.pictures import films_grid
from .common import CATEGORY, BendingWire, said
from .seeing import film_preview

CellsWire = io.Custom("SWEEP_CELLS")


def axis_inputs(number: int, parameter: str, values: str, optional: bool, says: str) -> list[io.Input]:
    return [
        io.String.Input(
            f"parameter_{number}",
            default=parameter,
            placeholder="angle, bend 2: angle, layers, seed",
            optional=optional,
            tooltip=f"{says}: a parameter of a bend, such as angle or bend 2: angle; strength, layers, heads, frames, "
            "token, start, end, pass or renormalize; steps or percent, a window of time; or seed.",
        ),
        io.String.Input(
            f"values_{number}",
            default=values,
            placeholder="0.25:4:8 log",
            optional=optional,
            tooltip="Its values. 0.25:4:8 is eight evenly spaced, with log behind it in even ratios; or a list: 0, 30, "
            "60. Words and layers with semicolons between: kiss; sunset; ALL, or 0-5; 13-18. Windows: 0-2; 7-9 in "
            "steps, 0%-30% in percents.",
        ),
    ]


class AttnBendSweep(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendSweep",
            display_name="Bend Sweep",
            category=CATEGORY,
            description="One bending at many values: everything behind this node runs once for each, un-bent first, "
            "and Bend Grid lays the films beside each other.",
            search_aliases=["attention bending", "xy plot", "x/y/z plot", "grid", "batch", "parameter", "vary"],
            inputs=[
                BendingWire.Input("bending", tooltip="The bends to vary, as they would go to Patch Model."),
                *axis_inputs(1, "strength", "0.25:1:4", False, "What varies across the sheet"),
                *axis_inputs(2, "", "", True, "What varies down the sheet, or nothing"),
                io.Boolean.Input(
                    "baseline",
                    default=True,
                    optional=True,
                    tooltip="Make the un-bent film too, first of all: what the others are compared with. One for each "
                    "seed, where seeds vary.",
                ),
                io.Int.Input(
                    "limit",
                    default=64,
                    min=1,
                    max=10000,
                    optional=True,
                    tooltip="The most films: a sweep that would make more is refused before the first is sampled.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    optional=True,
                    tooltip="The seed of all films, unless seed is what varies.",
                ),
            ],
            outputs=[
                BendingWire.Output("bending", is_output_list=True, tooltip="A bending for each film, to Patch Model."),
                io.String.Output(
                    "label", is_output_list=True, tooltip="A name for each film, such as angle 30 · layers 0-5."
                ),
                io.Int.Output("seed", is_output_list=True, tooltip="A seed for each film, to the sampler's seed."),
                CellsWire.Output("cells", tooltip="Where each film belongs, to Bend Grid."),
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
        return io.NodeOutput(bendings, [*cells.labels], seeds, cells, ui=said(cls, str(cells)))


class AttnBendGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendGrid",
            display_name="Bend Grid",
            category=CATEGORY,
            description="A contact sheet that plays: the films of a sweep side by side with their values, the un-bent "
            "one first, and beneath each how much it changed.",
            search_aliases=["attention bending", "contact sheet", "xy plot", "compare", "ssim", "metrics", "montage"],
            is_input_list=True,
            inputs=[
                io.Image.Input("images", tooltip="The films, one after the other, as VAE Decode makes them."),
                CellsWire.Input(
                    "cells",
                    optional=True,
                    tooltip="Of the Bend Sweep that these films come from. Without it they are laid out in turn, and "
                    "compared with the first.",
                ),
                io.String.Input(
                    "label",
                    optional=True,
                    force_input=True,
                    tooltip="A name for each film, where there are no cells.",
                ),
                io.Boolean.Input(
                    "numbers",
                    default=True,
                    optional=True,
                    tooltip="Write beneath each film how it differs from the un-bent one. The json has the numbers in "
                    "any case.",
                ),
            ],
            outputs=[
                io.Image.Output("film", tooltip="The sheet as a film, at most 2000 pixels wide and high."),
                io.Image.Output("still", tooltip="The middle frames as a picture, at most 4000 pixels wide and high."),
                io.String.Output(
                    "json",
                    tooltip="The numbers as JSON: for each film its change, structural similarity, motion and flicker "
                    "against the un-bent one; null where there is nothing to compare.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, cells=None, label=None, numbers=(True,)) -> io.NodeOutput:
        sheet = films_grid.collect(images, cells[0] if cells else None, label or ())
        film, still = (films_grid.draw(sheet, moving, numbers[0]) for moving in (True, False))
        return io.NodeOutput(film, still, sheet.as_json(), ui=film_preview(film, 16))


SWEEPS = [AttnBendSweep, AttnBendGrid]
