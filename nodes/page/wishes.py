"""What a page wants of pictures that are sent to it unasked."""

from ...bending.pictures.drawing import COLOR_MAPS
from ...host import display
from . import NonsenseError, asked


def wishes(question: dict) -> dict:
    """Keep what a page wants, as long as it is connected, and answer whether it is: `live_maps`, and their colours."""
    client, colors = asked(question, "client", str, 100), asked(question, "color_map", str, 50)
    if colors not in COLOR_MAPS:
        raise NonsenseError(f"there are no colours {colors!r}")
    return {"kept": display.wish(client, display.Wishes(asked(question, "live_maps", bool), colors))}
