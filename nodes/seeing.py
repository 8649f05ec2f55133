"""What words did in a run, as pictures: films of their maps, and a sheet of them by step, head and layer."""

from comfy_api.latest import io, ui
from torch.nn.functional import interpolate

from ..bending.pictures import drawing, maps_grid
from ..host.maps.record_store import record_of
from .common import CATEGORY, maps_inputs


def chosen_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "layers",
            default="all",
            tooltip="The model's blocks to look at: all, early, middle, late (thirds), or numbers such as 0-5, 13, -1.",
        ),
        io.String.Input(
            "steps",
            default="all",
            tooltip="The sampler's steps to look at: all, early, middle, late (thirds), or numbers such as 0-5, 13, "
            "-1. The first is 0, the last -1.",
        ),
    ]


def color_map_input() -> io.Input:
    return io.Combo.Input(
        "color_map",
        options=list(drawing.COLOR_MAPS),
        default="viridis",
        tooltip="The colours, from none of the word to most; gray and red are plain. A difference is always blue (less "
        "than before) to red (more).",
    )


def film_preview(images, fps: float):
    """A small moving picture on the node; one picture as it is."""
    if len(images) == 1:
        return ui.PreviewImage(images)
    times = min(1.0, 768 / max(images.shape[1:3]))
    size = [max(1, round(side * times)) for side in images.shape[1:3]]
    small = interpolate(images.movedim(-1, 1), size, mode="area").movedim(1, -1)
    saved = ui.ImageSaveHelper.save_animated_webp(
        small, "attention_maps", io.FolderType.temp, None, fps, lossless=False, quality=80, method=1
    )
    return ui.SavedImages([saved], is_animated=True)


class AttnBendMaps(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendMaps",
            display_name="Attention Maps",
            category=CATEGORY,
            description="A film of where words act, frame by frame: glowing where a word is heard most, over the video "
            "or by itself, before and after the bends.",
            search_aliases=["attention bending", "heatmap", "heat map", "visualize", "daam", "token map", "overlay"],
            inputs=[
                *maps_inputs(),
                io.String.Input(
                    "words",
                    default="",
                    placeholder="kiss, red rose, word#2",
                    tooltip="The words to show, below each other: a comma list of those that were recorded; empty for "
                    "all.",
                ),
                io.Combo.Input(
                    "show",
                    options=["original", "bent", "difference", "side by side"],
                    default="side by side",
                    tooltip="original: before all bends. bent: after the last. difference: bent minus original. side "
                    "by side: original, then bent, in one scale.",
                ),
                *chosen_inputs(),
                io.Combo.Input(
                    "normalize",
                    options=["film", "frame"],
                    default="film",
                    tooltip="What has the brightest colour: the largest value of the whole film, or of each frame.",
                ),
                color_map_input(),
                io.Float.Input(
                    "opacity",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="How much of the colours over images, where the word is heard most: 0 only the film, 1 "
                    "only the colours there. Without images it does nothing.",
                ),
                io.Boolean.Input(
                    "captions",
                    default=True,
                    tooltip="Beneath each picture a strip with the word, what is shown, and the scale of the colours.",
                ),
                io.Image.Input(
                    "images", optional=True, tooltip="The decoded film, to lay the maps over. Its size is kept."
                ),
            ],
            outputs=[
                io.Image.Output(
                    "images", tooltip="The film of maps, as many frames as the video: words down, views across."
                ),
                io.Mask.Output(
                    "mask",
                    tooltip="The first word's map, before the bends unless bent is shown, from 0 to 1, a pixel for "
                    "each cell: for Bend Where or Bend: Paint.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        maps,
        words,
        show,
        layers,
        steps,
        normalize,
        color_map,
        opacity,
        captions,
        latent=None,
        images=None,
    ) -> io.NodeOutput:
        look = drawing.Look(color_map, normalize, opacity, captions)
        views = drawing.choose(record_of(maps, latent), words, show, layers, steps)
        film = drawing.draw(views, look, images)
        return io.NodeOutput(film, drawing.as_mask(views, len(film)), ui=film_preview(film, 16))


class AttnBendMapsGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendMapsGrid",
            display_name="Attention Maps Grid",
            category=CATEGORY,
            description="A contact sheet of one word: where it acts in every layer and every step, or every head, and "
            "how much of the attention it takes there.",
            search_aliases=["attention bending", "contact sheet", "layers", "heads", "entropy", "analysis", "heatmap"],
            inputs=[
                *maps_inputs(),
                io.String.Input(
                    "word",
                    default="",
                    placeholder="kiss",
                    tooltip="The word to show, one of those that were recorded; empty for the first.",
                ),
                io.Combo.Input(
                    "axes",
                    options=["steps × layers", "heads × layers"],
                    default="steps × layers",
                    tooltip="What goes down and across. Heads are a mean over steps, and must have been recorded "
                    "apart: record_heads on Patch Model.",
                ),
                io.Combo.Input(
                    "show",
                    options=["original", "bent", "difference"],
                    default="original",
                    tooltip="original: before all bends. bent: after the last. difference: bent minus original.",
                ),
                *chosen_inputs(),
                io.Combo.Input(
                    "frames",
                    options=["average", "all"],
                    default="average",
                    tooltip="average: one sheet, each cell the mean of its film. all: a film of sheets, one for each "
                    "latent frame, about half as wide.",
                ),
                color_map_input(),
                io.Combo.Input(
                    "normalize",
                    options=["sheet", "cell"],
                    default="sheet",
                    tooltip="What has the brightest colour: the largest value of the sheet, so that cells compare, or "
                    "of each cell, so that faint ones can be seen.",
                ),
            ],
            outputs=[
                io.Image.Output("images", tooltip="The sheet, or a film of sheets."),
                io.String.Output(
                    "json",
                    tooltip="The numbers as JSON: for each cell its share of all attention, its entropy (0 all in one "
                    "place, 1 everywhere equal) and its maximum; null where no call was seen.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, maps, word, axes, show, layers, steps, frames, color_map, normalize, latent=None) -> io.NodeOutput:
        cells = maps_grid.collect(record_of(maps, latent), word, axes, show, layers, steps, frames)
        sheet = maps_grid.sheet(cells, color_map, normalize)
        return io.NodeOutput(sheet, cells.as_json(), ui=film_preview(sheet, 4))


SEEING = [AttnBendMaps, AttnBendMapsGrid]
