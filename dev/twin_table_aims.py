"""Twins of the workflows that show when, where and on what a bend acts, and how it moves."""

from .twins import Twin

ROWS = {
    "Animate a bend": Twin(
        prompt="a (red) circle",
        nodes={
            8: {"title": "ALL: turned about the middle"},
            9: {"keyframes": "0%: 0, 100%: 180"},
            10: {"end": 0.5},
        },
        note="""
            **Look for:** the circle goes round.

            **Try:** other keyframes.
        """,
    ),
    "Bent and un-bent side by side": Twin(
        prompt="a (red) circle",
        nodes={8: {"angle": 90}},
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "Early and late": Twin(
        prompt="a (red) circle",
        nodes={
            8: {"title": "ALL: to the right", "token": "ALL", "x": 0.25},
            10: {"title": "Red: away", "token": "red", "factor": 0},
        },
        groups={
            "3a · Early: a word moved": "3a · Early: the whole picture moved",
            "3b · Late: a word stronger, by a curve": "3b · Late: a word away, by a curve",
        },
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
    "Wan 2.2 two samplers": Twin(
        prompt="a (white) circle",
        nodes={
            10: {"title": "ALL: larger", "token": "ALL"},
            12: {"title": "Patch Model, first sampler"},
            13: {"title": "Patch Model, second sampler"},
            15: {"title": "Steps 0 to 10"},
            16: {"title": "Steps 10 to 20"},
        },
        groups={"3 · One bending, two models": "3 · One bending, two Patch Models"},
        note="""
            **Look for:** a place.

            **Try:** other bends.
        """,
    ),
}
