"""What words did in a run: films of their maps, a sheet of them by step, head and layer, and the words at a place."""

from comfy_api.latest import io, ui
from torch.nn.functional import interpolate

from ..bending.frames.mask_video import MaskVideo
from ..bending.maps import heard
from ..bending.maps.against import AGAINST, PROBES
from ..bending.pictures import drawing, maps_grid
from ..host.maps.record_store import record_of
from .common import CATEGORY, MapsWire, maps_inputs, shown_text
from .texts import described_schema
from .widgets import choice, number, toggle


def chosen_inputs() -> list[io.Input]:
    return [io.String.Input("layers", default="all"), io.String.Input("steps", default="all")]


def color_map_input() -> io.Input:
    return choice(drawing.Look, "color_map", default=drawing.Look.color_map)


def against_input() -> io.Input:
    return io.Combo.Input("against", options=list(AGAINST), default=PROBES, optional=True)


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
        return described_schema(
            node_id="AttnBendMaps",
            display_name="Attention Maps",
            category=f"{CATEGORY}/see",
            search_aliases=["attention bending", "heatmap", "heat map", "visualize", "daam", "token map", "overlay"],
            inputs=[
                *maps_inputs(),
                io.String.Input("words", default="", placeholder="kiss, red rose, word#2"),
                io.Combo.Input("show", options=list(drawing.SHOWS), default="side by side"),
                *chosen_inputs(),
                choice(drawing.Look, "normalize", default=drawing.Look.normalize),
                color_map_input(),
                number(drawing.Look, "opacity"),
                toggle(drawing.Look, "captions"),
                io.Image.Input("images", optional=True),
                against_input(),
            ],
            outputs=[io.Image.Output("images"), io.Mask.Output("mask")],
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
        against=PROBES,
    ) -> io.NodeOutput:
        look = drawing.Look(color_map, normalize, opacity, captions)
        views = drawing.choose(record_of(maps, latent), words, show, layers, steps, against)
        film = drawing.draw(views, look, images)
        return io.NodeOutput(film, drawing.as_mask(views, len(film)), ui=film_preview(film, 16))


class AttnBendMapsGrid(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendMapsGrid",
            display_name="Attention Maps Grid",
            category=f"{CATEGORY}/see",
            search_aliases=["attention bending", "contact sheet", "layers", "heads", "entropy", "analysis", "heatmap"],
            inputs=[
                *maps_inputs(),
                io.String.Input("word", default="", placeholder="kiss"),
                io.Combo.Input("axes", options=list(maps_grid.AXES), default=maps_grid.AXES[0]),
                io.Combo.Input("show", options=["original", "bent", "difference"], default="original"),
                *chosen_inputs(),
                io.Combo.Input("frames", options=list(maps_grid.FRAMES), default="average"),
                color_map_input(),
                io.Combo.Input("normalize", options=list(maps_grid.NORMALIZE), default="sheet"),
                against_input(),
            ],
            outputs=[io.Image.Output("images"), io.String.Output("json")],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, maps, word, axes, show, layers, steps, frames, color_map, normalize, latent=None, against=PROBES
    ) -> io.NodeOutput:
        cells = maps_grid.collect(record_of(maps, latent), word, axes, show, layers, steps, frames, against)
        sheet = maps_grid.sheet(cells, color_map, normalize)
        return io.NodeOutput(sheet, cells.as_json(), ui=film_preview(sheet, 4))


class AttnBendWordsHere(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendWordsHere",
            display_name="Words Here",
            category=f"{CATEGORY}/see",
            search_aliases=["attention bending", "heard", "point", "pick", "interrogate", "segment", "lift"],
            inputs=[
                MapsWire.Input("maps"),
                io.Float.Input("x", default=0.5, min=0.0, max=1.0, step=0.01),
                io.Float.Input("y", default=0.5, min=0.0, max=1.0, step=0.01),
                io.Int.Input("frame", default=0, min=0, max=4095),
                io.Float.Input("radius", default=0.1, min=0.0, max=1.0, step=0.01),
                io.Latent.Input("latent", optional=True),
                io.Mask.Input("mask", optional=True),
            ],
            outputs=[io.String.Output("words"), io.String.Output("list", is_output_list=True)],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, maps, x, y, frame, radius, latent=None, mask=None) -> io.NodeOutput:
        record = record_of(maps, latent)
        heard.check_many(record)
        if mask is None:
            found = heard.words_here(record, x, y, frame, radius)
        else:
            found = heard.words_under(record, MaskVideo(mask), frame)
        most = heard.most_heard(found)
        return io.NodeOutput(", ".join(most), most, ui=shown_text(cls, heard.table(found, most)))


SEEING = [AttnBendMaps, AttnBendMapsGrid, AttnBendWordsHere]
