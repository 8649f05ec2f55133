"""Twins of the workflows that show a mode, and how bends are joined."""

from .shots import pair
from .twins import Twin

LEFT = {"x1": 0, "y1": 0, "x2": 0.5, "y2": 1, "feather": 0}
RIGHT = LEFT | {"x1": 0.5, "x2": 1}

ROWS = {
    "Bend one word": Twin(
        prompt="a (red) circle on the left",
        nodes={8: {"token": "red", "factor": 0, "strength": 1}, "KSampler": {"seed": 3}},
        page=pair(12, "red taken away", "a red circle on the left"),
        note="""
            A word reaches the picture wherever the model *attends* to it. Here **red** gets none of its attention:
            *factor* 0.

            **Look for:** the circle stays on the left, and its red is gone. The prompt no longer says a colour, so the
            seed chooses one.

            **Compare:** select *Bend: Amplify*, press Ctrl+B to bypass it, and run again: the same seed without the
            bend.

            **Try:** **circle** in *token*: red, on the left, of another shape. Then *factor* 0.5, 0.2, 0.1: how little
            of a word is enough? And other seeds: of some the circle stays red, for **circle** and **left** have heard
            of it too. The (parentheses) only mark words, they are not needed.

            **After a run** *Bend Prompt* shows the pieces that the model reads, here one for each word, and *Patch
            Model* where the bend ran: layers × steps.
        """,
    ),
    "Compose with regions": Twin(
        prompt="a red (circle) and a blue (star)",
        nodes={
            8: {"title": "Red circle: left half", "token": "red, circle", **LEFT},
            9: {"title": "Blue star: right half", "token": "blue, star", **RIGHT},
            "KSampler": {"seed": 3},
        },
        page=pair(13, "red circle: left half, blue star: right half", "a red circle and a blue star: mixed"),
        note="""
            No word of the prompt says which thing is where, and the toy mixes them: with this seed, a red star and a
            blue one with red in it. Here the words **red** and **circle** may act only in the left half of the
            picture, **blue** and **star** only in the right one. A comma puts several words under one bend.

            **Look for:** a red circle on the left and a blue star on the right. Bypass both masks (Ctrl+B) to see what
            the toy makes of the same prompt and seed.

            **Try:** exchange the two boxes. Or top and bottom: *x1* 0, *x2* 1, *y1* 0, *y2* 0.5 and *y1* 0.5, *y2* 1.
            Or other seeds: some draw a third thing.

            A box is in fractions of the frame: 0, 0 is the top left, 1, 1 the bottom right.
        """,
    ),
    "Depth of field": Twin(
        prompt="a (yellow) (star) in the middle",
        nodes={
            8: {"title": "Yellow: sharpen", "token": "yellow"},
            9: {"title": "Star: blur", "token": "star", "sigma": 3, "kernel_size": 0},
        },
        groups={},
        page=pair(14, "star blurred: blunt points", "a yellow star in the middle"),
        note="""
            A lens inside the prompt: **yellow** is drawn together at its peaks (sharpen), **star** is spread out over
            the whole picture (blur). A *Bender Stack* joins the two and runs them from the top slot down.

            **Look for:** the yellow thing is where it was, and its points are blunt: a star is where the word is heard
            in one place.

            **Try:** bypass *Star: blur* (Ctrl+B), and the points are back. Or *sigma* 0.7, 1, 2: how little is enough?

            *sigma* counts cells of the model's own grid, 10 × 7 here; a cell is 16 pixels. *kernel_size* 0 lets the
            blur go as far as it likes.
        """,
    ),
    "Chain and stack": Twin(
        prompt="a (yellow) (star)",
        nodes={
            8: {"title": "ALL: to the right", "token": "ALL", "x": 0.2},
            9: {"title": "Star: stronger", "token": "star"},
            10: {"title": "ALL: zoom in, early, middle layers"},
            11: {"title": "Yellow: softer", "token": "yellow"},
        },
        groups={
            "3a · Chain A: one word, moved, then stronger": "3a · Chain A: all words moved, then one stronger",
        },
        page=pair(16, "moved right, stronger, zoomed in, softer", "a yellow star"),
        note="""
            Bends wired through their *bending* input form a **chain**: each acts on what the one before it left. A
            *Bender Stack* puts chains one after the other, from the top slot down.

            **Look for:** the star has gone to the right and is plumper. Patch Model's report after the run has four
            lines in the order of the stack, each with its own layers × steps.

            **Try:** bypass one bend (Ctrl+B), and the chain closes around it: which of the four does the work?
        """,
    ),
    "Paint a word's place": Twin(
        prompt="a (red) (circle)",
        nodes={
            8: {"width": 160, "height": 112},
            9: {"width": 48, "height": 72},
            10: {"x": 108, "y": 20},
            12: {"title": "Red circle: into the box", "token": "red, circle"},
        },
        page=pair(16, "red circle painted at the right", "a red circle"),
        note="""
            A mask becomes the map of words: **red** and **circle** are asked for where it is white. Here two plain
            masks make a box at the right; *Preview Mask* shows it.

            **Look for:** the circle in the box.

            **Try:** *x* 4 in *Combine Masks*: the box at the left.
        """,
    ),
    "Swap two words": Twin(
        prompt="a (green) circle on the left and a (yellow) circle on the right",
        nodes={8: {"token": "green", "other": "yellow", "end_percent": 1}},
        page=pair(12, "green and yellow traded", "a green circle on the left, a yellow one"),
        note="""
            **green** and **yellow** trade places: where the model listens to one, it hears the other.

            **Look for:** the colours have changed sides, and each circle stays where it was.

            **Compare:** select *Bend: Swap*, press Ctrl+B to bypass it, and run again: the same seed without the swap.

            **Try:** *mix* 0.5, half of each. Or **left** and **right**.
        """,
    ),
}
