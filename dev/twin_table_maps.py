"""Twins of the workflows that show where words act."""

from .twins import Twin

ROWS = {
    "Before and after": Twin(
        prompt="a (red) (circle)",
        nodes={
            8: {"title": "ALL: to the right", "token": "ALL", "x": 0.25},
            9: {"record": "marked words"},
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "Mask from a word": Twin(
        prompt="a red (circle) on the left and a red (star) on the right",
        nodes={
            10: {"record_tokens": "circle"},
            13: {"title": "Attention Maps: the circle", "words": "circle"},
            16: {"title": "Red: away", "token": "red", "factor": 0},
            17: {"title": "Bend Where: in the circle"},
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "See where a word acts": Twin(
        prompt="a (red) (circle) on the (left)",
        nodes={},
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "Which layer carries the word": Twin(
        prompt="a (red) (circle) on the left",
        nodes={
            8: {"title": "Red: to the right (bypassed)", "token": "red", "layers": "2-3"},
            15: {"word": "red"},
            16: {"filename_prefix": "attention_maps/toy_red"},
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
}
