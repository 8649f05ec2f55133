"""A development-only node pack: what a workflow needs in place of loaders that only take full-sized files."""

import comfy.utils
import folder_paths
from comfy_api.latest import ComfyExtension, io

from . import umt5


class TinyUMT5Loader(io.ComfyNode):
    """Stands in for CLIPLoader."""

    attention_bending_loads = ("comfy.text_encoders.wan:WanT5Tokenizer", "text_encoders", umt5.FILE_NAME)

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TinyUMT5Loader",
            display_name="Load Tiny UMT5",
            category="development/attention bending",
            description="Loads the tiny UMT5 that the development set-up makes.",
            inputs=[],
            outputs=[io.Clip.Output(tooltip="A text encoder with the real one's tokenizer rules and shapes.")],
        )

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(umt5.load(folder_paths.get_full_path_or_raise("text_encoders", umt5.FILE_NAME)))


class TinyTextEncoderLoader(io.ComfyNode):
    """Stands in for the loaders of other models' text encoders."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TinyTextEncoderLoader",
            display_name="Load Tiny Text Encoder",
            category="development/attention bending",
            description="Makes a tiny text encoder of ComfyUI's own classes, with random weights.",
            inputs=[io.String.Input("name", tooltip="Which, by its name in encoders.py.")],
            outputs=[io.Clip.Output(tooltip="A text encoder with the real one's tokenizer rules.")],
        )

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        from . import encoders  # of classes that an older ComfyUI may lack

        if name != "LTX-2":
            return io.NodeOutput(encoders.made(name))
        file = folder_paths.get_full_path_or_raise("text_encoders", encoders.GEMMA_FILE)
        return io.NodeOutput(encoders.made(name, **comfy.utils.load_torch_file(file, safe_load=True)))


class TinyModelLoader(io.ComfyNode):
    """Stands in for UNETLoader where a file has one size."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TinyModelLoader",
            display_name="Load Tiny Model",
            category="development/attention bending",
            description="Makes a tiny model of one of ComfyUI's own classes, with random weights.",
            inputs=[io.String.Input("name", tooltip="Which, by its name in models.py.")],
            outputs=[io.Model.Output(tooltip="Takes the prompts of the tiny text encoder of its kind.")],
        )

    @classmethod
    def execute(cls, name: str) -> io.NodeOutput:
        from . import models  # of classes that an older ComfyUI may lack

        return io.NodeOutput(models.BUILT[name]())


class TinyNodes(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [TinyUMT5Loader, TinyTextEncoderLoader, TinyModelLoader]


async def comfy_entrypoint() -> TinyNodes:
    return TinyNodes()
