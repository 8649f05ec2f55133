"""Twins of the workflows that show when, where and on what a bend acts, and how it moves."""

from .shots import FIRST, LAST, pair
from .twins import Twin

ROWS = {
    "Animate a bend": Twin(
        prompt="a (red) circle",
        nodes={
            9: {"keyframes": "0%: 0, 100%: 120"},
            10: {"end": 0.7},
        },
        page=pair(14, "turned, more from frame to frame", "un-bent: first and last frame", (FIRST, LAST)),
        note="""
            The picture turns about its middle while the film plays: *Bend: Rotate* turns *ALL* words, *Bend Animate*
            moves its *angle* over the film, from 0 to 120 degrees. *ease* starts and stops softly. *Bend When* leaves
            the last steps alone.

            **Look for:** the circle is elsewhere, and stands still there. Each frame is asked for at another angle, but
            the toy looks at all frames together and has learned that what no word sets in motion stands still: it
            settles on a place between. A large model follows part of the way.

            **Try:** other keyframes, such as *0%: 120, 100%: 0*. *parameter* strength with *0%: 0, 100%: 1*.

            A position is a percent of the film or a latent frame from 0; this film has three of them.
        """,
    ),
    "Bent and un-bent side by side": Twin(
        prompt="a (red) (circle) on the left and a (blue) (star) on the right",
        nodes={
            8: {"title": "Bend: Rotate both things", "token": "red, circle, blue, star", "angle": 180},
            10: {"value": 3},
        },
        page=pair(15, "both turned by 180°: sides changed", "a red circle on the left, a blue star"),
        note="""
            One model, two branches, one seed: the film on the left is plain, the one on the right is bent. *Patch
            Model* never touches the model itself, so the plain branch does not know of the other.

            Here the words of both things turn by 180 degrees about the middle: what was asked for on the left is asked
            for on the right.

            **Look for:** the prompt wants the circle on the left and the star on the right, and in the film on the
            right they have changed sides.

            **Try:** 30 degrees, clockwise. *ALL* in *token*: then **left** and **right** turn too. Any other bend in
            the place of *Bend: Rotate*, or only one thing's words. A new *Seed* gives both films a new start.
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
        page=pair(17, "moved right early; red away late: too late", "a red circle"),
        note="""
            Early steps lay out the picture, late ones draw its detail. So each of two bends has its own time:

            * **Early:** *ALL* words move a quarter of the frame to the right, from 0 to 0.4 of the sampling, fading
            out.
            * **Late:** *red* is taken away, from 0.4 to 1. How far, a *Curve Editor* says: its left end is the
            window's start, its right end the end of the film.

            **Look for:** the circle stands further to the right, and it is red all the same: when the word is taken
            away, the colour has long been decided. Patch Model's report has both windows with the steps that fell in
            them.

            **Try:** exchange the two windows: a late move shifts little. Then draw another curve, in ComfyUI's Nodes
            2.0: the older nodes use it, but do not show it.
        """,
    ),
    "Wan 2.2 two samplers": Twin(
        prompt="a (white) circle",
        nodes={
            10: {"title": "ALL: away from the left", "token": "ALL", "factor": 2, "center_x": 0, "center_y": 0.5},
            11: {"start": 0.1},
            12: {"title": "Patch Model, first sampler"},
            13: {"title": "Patch Model, second sampler"},
            15: {"title": "Steps 0 to 10", "noise_seed": 1},
            16: {"title": "Steps 10 to 20", "noise_seed": 1},
        },
        groups={"3 · One bending, two models": "3 · One bending, two Patch Models"},
        page=pair(17, "ALL away from the left, in both samplers"),
        note="""
            Wan 2.2 14B makes a film with two models, one after the other. The toy is only one model, so here it is
            both: the first sampler does its steps 0 to 10, the second 10 to 20.

            **One bending, two Patch Models.** The maps of *ALL* words are doubled in size about the left edge, so that
            all goes to the right, from 0.1 to 0.7 of the sampling. In percent *Bend When* means the same moment in both
            samplers, whichever of them does it: the bend begins in the first and ends in the second. In steps each
            sampler would count its own from 0.

            **Look for:** the circle, which un-bent is in the middle, is on the right. And the two reports: each names
            the steps that fell to its sampler.

            **Try:** a window of 0.5 to 1: all of it falls to the second sampler, the first report says that no step
            lies in it, and the circle has its place by then. Or bypass one Patch Model (Ctrl+B).
        """,
    ),
}
