"""Attention Bending: bend what a prompt's words do in a video model, while it samples."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """ComfyUI's door to the nodes; imported only then, so that the package is quiet and needs no ComfyUI."""
    from .nodes import AttentionBendingExtension

    return AttentionBendingExtension()
