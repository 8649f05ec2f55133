"""Texts and pictures on a node, in the page that started a prompt. A headless host never imports its server."""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from comfy_api.feature_flags import supports_feature
from comfy_execution.progress import get_progress_state
from comfy_execution.utils import get_executing_context
from PIL import Image
from protocol import BinaryEventTypes

from ..bending.errors import BendError
from ..bending.pictures.drawing import Look

SUPPORTS = "supports_preview_metadata"

REPORT = "attention_bending.report"
"""The event that `web/report.js` listens to."""

FAULT = "attention_bending.fault"
"""The event that `web/faults.js` listens to."""


class Prompt(NamedTuple):
    """A prompt, and the id of the workflow that a page made it of: node ids say nothing without it."""

    id: str
    workflow: str | None


class Wishes(NamedTuple):
    """What a page wants of pictures that it has not asked for: whether to see maps while a sampler runs, and how."""

    live_maps: bool = True
    color_map: str = Look.color_map


_wishes: dict[str, Wishes] = {}
"""By client, of those that are connected."""


def wish(client: str, wishes: Wishes) -> bool:
    """Keep a client's wishes; False, and nothing is kept, where none of this name is connected."""
    server = page_server()
    is_connected = server is not None and client in server.sockets
    for gone in [known for known in _wishes if server is None or known not in server.sockets]:
        del _wishes[gone]
    if is_connected:
        _wishes[client] = wishes
    return is_connected


def wishes() -> Wishes:
    """Of the client that started the prompt under way; the usual ones where it has told none."""
    return _wishes.get(getattr(page_server(), "client_id", None), Wishes())


class Badge(NamedTuple):
    """What a run says on a node that made one of its bends, and whether the bend ran as it was asked to."""

    node: str
    text: str
    ok: bool


def show_text(node: str | None, text: str | None, run: str | None = None, badges: Sequence[Badge] = ()) -> None:
    """Show `text` on the node with this id, to the client that started the prompt under way; to nobody without one.

    A text takes the place of all that earlier prompts have put there, and of that of the same `run`; those of other
    runs of the prompt stay. A run is by default one item of a node's list inputs. Without a text the prompt is said to
    have begun: what stands on the node is an earlier prompt's from now on. `badges` come with it, each on its own node.
    """
    context = get_executing_context()
    bends = [{**badge._asdict(), "node": _shown_on(badge.node)} for badge in badges]
    _send(REPORT, node, {"run": run or str(context and context.list_index), "text": text, "bends": bends})


def show_fault(error: BendError, node: str | None) -> None:
    """Show an error on the node that it is about, else on this one, to the client that started the prompt under way."""
    _send(FAULT, error.node or node, {"message": str(error), "field": error.field, "offers": error.offers})


def _send(event: str, node: str | None, told: dict) -> None:
    server = page_server()
    if server is None or node is None or server.client_id is None:
        return
    prompt = prompt_under_way()
    about = {"prompt_id": prompt.id, "workflow": prompt.workflow, "node": _shown_on(node)}
    server.send_sync(event, {**about, **told}, server.client_id)


def _shown_on(node: str) -> str:
    return get_progress_state().dynprompt.get_display_node_id(node)


def can_show_pictures(node: str | None) -> bool:
    """Whether the page that started this run would show a picture on a node that is not the one being executed."""
    server = page_server()
    if server is None or node is None or server.client_id is None:
        return False
    return supports_feature(server.sockets_metadata, server.client_id, SUPPORTS)


def picture_shower(node: str) -> Callable[[Image.Image], None]:
    """What shows a picture on the node with this id, in the prompt under way; any thread may call it.

    It is shown beside all progress: the page's bar does not move.
    """
    server, progress = page_server(), get_progress_state()
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


def prompt_under_way() -> Prompt | None:
    """The prompt that the server is working on; None in a headless host."""
    server = page_server()
    if server is None:
        return None
    prompt_id = get_progress_state().prompt_id
    running, _ = server.prompt_queue.get_current_queue_volatile()
    extra = next((extra for _, running_id, _, extra, *_ in running if running_id == prompt_id), {})
    return Prompt(prompt_id, ((extra.get("extra_pnginfo") or {}).get("workflow") or {}).get("id"))


def page_server():
    """ComfyUI's server, None where there is none: a headless host never imports it."""
    return getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)
