"""The routes of the page, by name."""

from . import Answer, handler
from .maps import map_of, maps, words_at

ROUTES: dict[str, Answer] = {"maps": maps, "map": map_of, "words_here": words_at}


def add_routes(server) -> None:
    """Offer them to the page of ComfyUI's server."""
    for name, answer in ROUTES.items():
        server.routes.post(f"/attention_bending/{name}")(handler(answer))
