"""A development-only node pack: what a workflow needs in place of loaders that only take full-sized files."""

import folder_paths
from comfy_api.latest import ComfyExtension, io

from . import encoders, models, umt5


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


class TinyModelLoader(io.ComfyNode):
    """Stands in for UNETLoader."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TinyModelLoader",
            display_name="Load Tiny Model",
            category="development/attention bending",
            description="Makes a tiny model of one of ComfyUI's classes, with random weights.",
            inputs=[io.Combo.Input("name", options=list(models.BUILT))],
            outputs=[io.Model.Output(tooltip="Takes the prompts of the tiny text encoder of its kind.")],
        )

    @classmethod
    def execute(cls, name) -> io.NodeOutput:
        return io.NodeOutput(models.BUILT[name]())


class TinyTextLoader(io.ComfyNode):
    """Stands in for CLIPLoader and DualCLIPLoader."""

    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="TinyTextLoader",
            display_name="Load Tiny Text Encoder",
            category="development/attention bending",
            description="Makes a tiny text encoder of one of ComfyUI's classes, with random weights.",
            inputs=[io.Combo.Input("name", options=list(encoders.BUILT))],
            outputs=[io.Clip.Output(tooltip="A text encoder with the real one's tokenizer.")],
        )

    @classmethod
    def execute(cls, name) -> io.NodeOutput:
        return io.NodeOutput(encoders.tiny(name))


class TinyNodes(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [TinyUMT5Loader, TinyModelLoader, TinyTextLoader]


async def comfy_entrypoint() -> TinyNodes:
    return TinyNodes()
