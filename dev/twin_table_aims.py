"""Twins of the workflows that show when, where and on what a bend acts, and how it moves."""

from .twins import Twin

ROWS = {
    "Animate a bend": Twin(
        prompt="a (red) circle",
        nodes={
            8: {"title": "Bend: Rotate: ALL, about the middle"},
            9: {"keyframes": "0%: 0, 100%: 90"},
            10: {"end": 0.7},
        },
        note="""
            *Bend: Rotate* turns the maps of *ALL* words about the middle of the frame, *Bend Animate* moves its *angle*
            over the film, from 0 to 90 degrees. *Bend When* leaves the last steps alone, which draw the edges.

            **Look for:** the circle goes on its way while the film plays; un-bent it stands still, for the prompt tells
            of no motion. The model looks at all frames together, so the film may follow only a part of the way.

            **Try:** keyframes *0%: 90, 100%: 0*, the way back. *parameter* strength with *0%: 0, 100%: 1*. A position
            is a percent of the film or a latent frame from 0; this film has three of them.
        """,
    ),
    "Bent and un-bent side by side": Twin(
        prompt="a (red) circle",
        nodes={8: {"angle": 90}},
        note="""
            One model, two branches, one seed: the film on the left is plain, the one on the right is bent. *Patch
            Model* never touches the model itself, so the plain branch does not know of the other. Here the maps of
            *ALL* words turn by 90 degrees, clockwise, about the middle of the frame.

            **Look for:** the same circle at another place. The prompt says of no place, so the seed chose one, and the
            bend moved it.

            **Try:** any other bend in the place of *Bend: Rotate*. Then *a red circle on the left*: the word **left**
            speaks against the bend. A new *Seed* gives both films a new start.
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
            Early steps decide where things are and what they look like, late ones draw their edges. So each of two
            bends has its own time:

            * **Early:** the maps of *ALL* words move a quarter of the frame to the right, from 0 to 0.4 of the
            sampling, fading out.
            * **Late:** **red** gets none of its attention, from 0.4 to 1; how much of that happens, a *Curve Editor*
            says.

            **Look for:** the circle is farther to the right, and still red: when the second bend begins, its colour is
            decided.

            **Try:** exchange the two windows: now the circle stays and loses its red. Then draw another curve, in
            ComfyUI's Nodes 2.0: the older nodes use it, but do not show it.
        """,
    ),
    "Wan 2.2 two samplers": Twin(
        prompt="a (white) circle",
        nodes={
            10: {"title": "ALL: away from the top", "token": "ALL"},
            12: {"title": "Patch Model, first sampler"},
            13: {"title": "Patch Model, second sampler"},
            15: {"title": "Steps 0 to 10"},
            16: {"title": "Steps 10 to 20"},
        },
        groups={"3 · One bending, two models": "3 · One bending, two Patch Models"},
        note="""
            Wan 2.2 14B makes a film with two models, one after the other. The toy is one model; here it stands for
            both, with two Patch Models and two samplers: steps 0 to 10, and 10 to 20.

            **One bending, two Patch Models.** The maps of *ALL* words grow by 1.5 about a point near the top, from 0.2
            to 0.7 of the sampling. In percent *Bend When* means the same moment in both samplers, whichever of them
            does it.

            **Look for:** the circle is driven away from that point. The two reports: 6 steps of the first sampler, 4 to
            9, and 4 of the second, 10 to 13.

            **Try:** a window of 0.5 to 1: all of it falls to the second sampler, and the first report says that no step
            lies in it; by then the circle has its place. Or bypass one Patch Model (Ctrl+B).
        """,
    ),
}
