"""The routes of the page, by name."""

from . import Answer, handler
from .backdrop import backdrop
from .parameters import parameters
from .preview import preview
from .strip import strip
from .wishes import wishes

ROUTES: dict[str, Answer] = {
    "backdrop": backdrop,
    "parameters": parameters,
    "preview": preview,
    "strip": strip,
    "wishes": wishes,
}


def add_routes(server) -> None:
    """Offer them to the page of ComfyUI's server."""
    for name, answer in ROUTES.items():
        server.routes.post(f"/attention_bending/{name}")(handler(answer))
