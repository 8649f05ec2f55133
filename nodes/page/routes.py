"""The routes of the page, and of a study, by name."""

from . import Answer, handler
from .backdrop import backdrop
from .maps import map_of, maps, words_at
from .models import models
from .parameters import parameters
from .preview import preview
from .strip import strip
from .wishes import wishes
from .words import mark, pieces, words

ROUTES: dict[str, Answer] = {
    "backdrop": backdrop,
    "map": map_of,
    "maps": maps,
    "mark": mark,
    "models": models,
    "parameters": parameters,
    "pieces": pieces,
    "preview": preview,
    "strip": strip,
    "wishes": wishes,
    "words": words,
    "words_here": words_at,
}


def add_routes(server) -> None:
    """Offer them to the page of ComfyUI's server."""
    for name, answer in ROUTES.items():
        server.routes.post(f"/attention_bending/{name}")(handler(answer))
