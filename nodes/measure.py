"""Measure Film: how a film differs from the un-bent one, as numbers for a program."""

import json

from comfy_api.latest import io

from ..bending.digest import fingerprint
from ..bending.pictures.compare import compare
from .common import CATEGORY, shown_text
from .texts import described_schema


class AttnBendMeasure(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendMeasure",
            display_name="Measure Film",
            category=f"{CATEGORY}/explore",
            search_aliases=["attention bending", "metrics", "ssim", "difference", "digest", "hash", "study"],
            inputs=[io.Image.Input("images"), io.Image.Input("unbent")],
            outputs=[io.String.Output("json")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, unbent) -> io.NodeOutput:
        change = compare(images, unbent)
        largest = max(float((a - b)[..., :3].abs().amax()) for a, b in zip(images, unbent, strict=True))
        digests = {"digest": fingerprint(images), "unbent_digest": fingerprint(unbent)}
        text = json.dumps({**change.as_dict(), "largest": largest, **digests}, allow_nan=False)
        return io.NodeOutput(text, ui=shown_text(cls, text))
