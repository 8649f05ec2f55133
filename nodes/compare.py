"""Compare: two films one over the other, in step, with a line to drag between them."""

from fractions import Fraction
from pathlib import Path

import folder_paths
import torch
from comfy_api.input import VideoInput
from comfy_api.latest import InputImpl, Types, io, ui

from ..bending.pictures.pairing import Pair, paired, shown
from .common import CATEGORY, shown_text
from .texts import described_schema

SHOWN = "attention_bending_compare"
"""What the page finds the file under: `web/compare.js`."""


class AttnBendCompare(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendCompare",
            display_name="Compare",
            category=f"{CATEGORY}/explore",
            search_aliases=["attention bending", "before and after", "a/b", "side by side", "slider", "difference"],
            inputs=[
                io.MultiType.Input("a", types=[io.Image, io.Video]),
                io.MultiType.Input("b", types=[io.Image, io.Video]),
                io.Float.Input("fps", default=16.0, min=1.0, max=120.0, step=1.0),
            ],
            outputs=[],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, a, b, fps) -> io.NodeOutput:
        (film_a, rate_a), (film_b, rate_b) = (_film(value, fps) for value in (a, b))
        pair = paired(film_a, film_b)
        told = [_what(pair), *pair.told]
        if len(pair.a) > 1 and rate_a != rate_b:
            told.append(f"a has {rate_a:g} frames per second, b {rate_b:g}: frame by frame, at a's speed.")
        text = shown_text(cls, "\n".join(told)).as_dict()
        return io.NodeOutput(ui=text | {SHOWN: [_saved(shown(pair), rate_a)]})


def _film(value, fps: float) -> tuple[torch.Tensor, float]:
    """A film's pictures and frames per second: a video's own, `fps` for images."""
    if not isinstance(value, VideoInput):
        return value, fps
    parts = value.get_components()
    return parts.images, float(parts.frame_rate)


def _what(pair: Pair) -> str:
    frames, height, width, _ = pair.a.shape
    what = f"{f'{frames} frames' if frames > 1 else 'a picture'}, {width} × {height}"
    return f"{what}. a and b are the same to the bit." if torch.equal(pair.a, pair.b) else what


def _saved(film: torch.Tensor, fps: float) -> ui.SavedResult:
    """Leave a film, or a picture, in ComfyUI's folder for a while, as its own preview nodes do."""
    folder, _, counter, subfolder, _ = folder_paths.get_save_image_path(
        "compare", folder_paths.get_temp_directory(), film.shape[2], film.shape[1]
    )
    if len(film) == 1:
        return ui.ImageSaveHelper.save_images(film, "compare", io.FolderType.temp, None, compress_level=1)[0]
    name = f"compare_{counter:05}_.mp4"
    video = InputImpl.VideoFromComponents(Types.VideoComponents(images=film, frame_rate=Fraction(fps)))
    video.save_to(str(Path(folder) / name))
    return ui.SavedResult(name, subfolder, io.FolderType.temp)
