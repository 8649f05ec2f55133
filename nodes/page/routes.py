"""The routes, by name."""

from . import Answer, handler
from .words import mark, pieces, words

ROUTES: dict[str, Answer] = {"mark": mark, "pieces": pieces, "words": words}


def add_routes(server) -> None:
    """Offer them to the page of ComfyUI's server."""
    for name, answer in ROUTES.items():
        server.routes.post(f"/attention_bending/{name}")(handler(answer))
