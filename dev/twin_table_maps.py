"""Twins of the workflows that show where words act."""

from .shots import Shot, glow
from .twins import Twin

ROWS = {
    "Before and after": Twin(
        prompt="a (red) circle on the left and a blue star on the right",
        nodes={
            8: {"title": "Red circle: down", "token": "red, circle", "x": 0, "y": 0.25},
            9: {"record": "marked words"},
        },
        page=(
            (Shot(12, "un-bent", bent=False), Shot(12, "red circle moved down")),
            (glow(15, "where red acts"), glow(15, "where it acts now", column=1)),
        ),
        note="""
            The words **red** and **circle** are moved a quarter of the frame down, and the map of **red** is recorded
            before and after: *Attention Maps* lays both over the bent film, side by side, and a second one what
            changed: red where the word is now heard more, blue where less.

            **Look for:** the same cloud further down, and the circle with it; the star, whose words are not bent, has
            not moved. *Bending Report* says it in numbers: each word's share of the attention and its spread, before
            and after.

            **First look, then bend:** *apply_to_output* off in *Patch Model* leaves the film as it was, to the bit,
            and the maps still show what the bend would do.

            **Try:** *blue, star* in *token*. *y* -0.25. Or any other bend in its place: Blur should spread the cloud,
            Amplify make it brighter on the same scale.
        """,
    ),
    "Mask from a word": Twin(
        prompt="a red (circle) on the left and a red (star) on the right",
        nodes={
            10: {"record_tokens": "star"},
            13: {"title": "Attention Maps: the star", "words": "star"},
            16: {"title": "Red: away", "token": "red", "factor": 0},
            14: {"value": 0.6},
            17: {"title": "Bend Where: in the star"},
        },
        page=(
            (Shot(12, "un-bent"), glow(13, "where star acts")),
            (Shot(20, "red away, only there"),),
        ),
        note="""
            A word makes the mask for another. The first sampler records where **star** acts, un-bent; the map becomes
            a mask, frame by frame. Then the same seed again, with **red** taken away, but only where the mask is
            white: *Bend Where*.

            **Look for:** both things are red in the film on the left, which is un-bent. In the bent one on the right
            the circle still is, and the star has another colour. The word's map is soft; *Threshold Mask* makes what is
            over six tenths of its peak white, the rest black. *Preview Mask* shows it: one pixel for each cell of the
            model's grid.

            **Try:** *value* 0.1 in *Threshold Mask* for a larger mask. **circle** in *record_tokens* and in *Attention
            Maps*. Or take *Invert Mask* before *Bend Where*: everywhere but there.

            The film is sampled twice; while you change only the second bend, ComfyUI keeps the first one.
        """,
    ),
    "See where a word acts": Twin(
        prompt="a (red) (circle) on the (left)",
        nodes={},
        page=(
            (Shot(11, "the film"), glow(14, "where red acts")),
            (glow(14, "where circle acts", 1), glow(14, "where left acts", 2)),
        ),
        note="""
            Nothing is bent here. *Patch Model* only listens: it records where the model attends to the three marked
            words, **red**, **circle** and **left**, and *Attention Maps* lays each over the film as a glow. The film
            is the same as without it.

            **Look for:** *red* and *circle* glow on the circle. *left* glows beside it too: what it says is heard by
            the places that must stay empty. A map shows where the model heard the word, which need not be where the
            thing is. *max* under a picture is the word's share at its brightest place. While it samples, *Patch Model*
            already shows the maps.

            **Try:** in *Attention Maps*, without sampling again, *layers* early, middle, late; *steps* 0, then -1;
            *words* red, for one row; *opacity* 1, and *color_map* gray.

            **Other words:** move the (parentheses), or set *record* to listed words and write any of the prompt's into
            *record_tokens*. Both sample anew.
        """,
    ),
    "Which layer carries the word": Twin(
        prompt="a (red) (circle) on the left",
        nodes={
            8: {"title": "ALL: down (bypassed)", "token": "ALL", "x": 0, "y": 0.25, "layers": "2-3"},
            15: {"word": "red"},
            16: {"filename_prefix": "attention_maps/toy_red"},
        },
        page=((Shot(15, "where red acts, by layer and step", part=(0, 90, 1474, 1440)),),),
        note="""
            The toy has 6 layers, and they do not all listen to a word alike. *Attention Maps Grid* draws where **red**
            is heard in each of them, layers across and steps down, as one picture; *Bending Report* sums it up.
            Nothing is bent.

            **Look for:** columns where the word has a clear place, and those that hardly listen to it. Beneath a
            picture, as in *0.66% · 0.82*, stands its **share** of all attention and its **entropy**: 1 is everywhere
            alike, 0 all in one place.

            **Then bend only there:** select *Bend: Translate* and press Ctrl+B, for it is bypassed, and write your
            columns into its *layers*, such as 2-3. Compare with layers all.

            **Try:** *word* circle. *normalize* cell, to see the faint ones. *record_heads* in *Patch Model* (advanced)
            and *axes* heads × layers: which of the two heads is it?
        """,
    ),
}
