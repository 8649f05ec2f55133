"""Texts and pictures on a node, in the page, where one is connected. A headless host never imports its server."""

import sys
from collections.abc import Callable

from comfy_api.feature_flags import supports_feature
from comfy_execution.progress import get_progress_state
from PIL import Image
from protocol import BinaryEventTypes

SUPPORTS = "supports_preview_metadata"


def show_text(node: str | None, text: str) -> None:
    """Show `text` on the node with this id."""
    server = _server()
    if server is not None and node is not None:
        server.send_progress_text(text, node)


def can_show_pictures(node: str | None) -> bool:
    """Whether the page that started this run would show a picture on a node that is not the one being executed."""
    server = _server()
    if server is None or node is None or server.client_id is None:
        return False
    return supports_feature(server.sockets_metadata, server.client_id, SUPPORTS)


def picture_shower(node: str) -> Callable[[Image.Image], None]:
    """What shows a picture on the node with this id, in the prompt under way; any thread may call it.

    It is shown beside all progress: the page's bar does not move.
    """
    server, progress = _server(), get_progress_state()
    client = server.client_id
    metadata = {
        "node_id": node,
        "prompt_id": progress.prompt_id,
        "display_node_id": progress.dynprompt.get_display_node_id(node),
        "parent_node_id": progress.dynprompt.get_parent_node_id(node),
        "real_node_id": progress.dynprompt.get_real_node_id(node),
    }
    return lambda picture: server.send_sync(
        BinaryEventTypes.PREVIEW_IMAGE_WITH_METADATA, (("JPEG", picture, None), metadata), client
    )


def _server():
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)
