"""The routes of the page, by name."""

from . import Answer, handler
from .preview import preview
from .wishes import wishes

ROUTES: dict[str, Answer] = {"preview": preview, "wishes": wishes}


def add_routes(server) -> None:
    """Offer them to the page of ComfyUI's server."""
    for name, answer in ROUTES.items():
        server.routes.post(f"/attention_bending/{name}")(handler(answer))
