"""Twins of the workflows that try many bends in one run, and that read and write files of them."""

from .twins import Twin

ROWS = {
    "Sweep a bend": Twin(
        prompt="a (red) circle",
        nodes={9: {"values_1": "15, 30, 60, 90, 180"}},
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "Compare to the baseline": Twin(
        prompt="a (red) circle on the left",
        nodes={
            8: {"token": "red"},
            9: {"values_2": "0, 3"},
            18: {"file": "attention_bending/toy_log.jsonl"},
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "A recipe from a file": Twin(
        prompt="a (red) circle on the (left)",
        nodes={
            8: {"file": "preset: fade away", "words": "rose=red"},
            9: {"title": "Circle: stronger", "token": "circle"},
            16: {"filename_prefix": "toy_fade_away", "about": "The red fades away."},
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
}
