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
            The maps of *ALL* words are moved a quarter of the frame to the right; those of **red** and **circle** are
            recorded before and after. *Attention Maps* lays both over the bent film, side by side, and a second one
            what changed: red where the word is now heard more, blue where less.

            **Look for:** the circle went with its maps. *Bending Report* says it in numbers: each word's share of the
            attention and its spread, before and after.

            **First look, then bend:** *apply_to_output* off in *Patch Model* leaves the film as it was, to the bit, and
            the maps still show what the bend would do.

            **Try:** *token* **red**: its own map moves, and the circle hardly does. Any other bend in its place: Blur
            spreads the cloud, Amplify makes it brighter on the same scale.
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
            A word makes the mask for another. The first sampler records where **circle** acts, un-bent; the map becomes
            a mask, frame by frame. Then the same seed again, with no **red**, but only where the mask is white: *Bend
            Where*.

            **Look for:** the circle loses its red, the star keeps it. Left is the un-bent film, right the bent one.
            *Threshold Mask* makes white what is over a quarter of the map's peak; *Preview Mask* shows it.

            **Try:** *value* 0.5 in *Threshold Mask* for a smaller mask, or bypass it (Ctrl+B) for the soft map itself.
            Or take *Invert Mask* before *Bend Where*: everywhere but the circle.

            The film is sampled twice; while you change only the second bend, ComfyUI keeps the first one.
        """,
    ),
    "See where a word acts": Twin(
        prompt="a (red) (circle) on the (left)",
        nodes={},
        note="""
            Nothing is bent here. *Patch Model* only listens: it records where the model attends to the three marked
            words, **red**, **circle** and **left**, and *Attention Maps* lays each over the film as a glow. The film is
            the same as without it.

            **Look for:** how well each glow follows the circle. A map is a mean over layers and steps, on a grid of 10
            × 7 cells, so it is a soft cloud and no outline; and it shows where the model heard the word, not where the
            thing is. *max* under a picture is the word's share at its brightest place. While it samples, *Patch Model*
            already shows the maps.

            **Try:** in *Attention Maps*, without sampling again, *layers* early, middle, late; *steps* 0, then -1;
            *words* left, for one row; *opacity* 1, and *color_map* gray.

            **Other words:** set *record* to listed words and write any of the prompt's into *record_tokens*. Or move
            the (parentheses). Both sample anew.
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
            The toy has 6 layers, and they do not all listen to a word alike. *Attention Maps Grid* draws where **red**
            is heard in each of them, layers across and steps down, as one picture; *Bending Report* sums it up. Nothing
            is bent.

            **Look for:** columns where the word has a clear place. Beneath a picture, as in *1.3% · 0.87*, stands its
            **share** of all attention and its **entropy**: 1 is everywhere alike, 0 all in one place. Much share and
            less entropy than the neighbours: there a bend has something to move.

            **Then bend only there:** select *Bend: Translate* and press Ctrl+B, for it is bypassed, and write your
            columns into its *layers*. Compare with layers all.

            **Try:** *word* circle. *normalize* cell, to see the faint ones. *record_heads* in *Patch Model* (advanced)
            and *axes* heads × layers: the toy has two heads in each layer.
        """,
    ),
}
