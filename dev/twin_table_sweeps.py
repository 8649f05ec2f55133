"""Twins of the workflows that try many bends in one run, and that read and write files of them."""

from .twins import Twin

ROWS = {
    "Sweep a bend": Twin(
        prompt="a (red) circle",
        nodes={9: {"values_1": "15, 45, 90, 135, 180"}},
        note="""
            How much is enough? *Bend Sweep* makes a film for each of five angles of *ALL* words, **15** to **180**
            degrees, and the un-bent one before them, in one run and from one seed. *Bend Grid* lays all six on a sheet
            that plays.

            **Look for:** the circle goes round the middle of the frame, clockwise, as its maps do. The un-bent film has
            a white frame; beneath the others stands how much they changed.

            **Cost:** six films, so six times the time: on the toy less than a minute, also without a GPU.

            **Try:** *parameter_1* strength with *values_1* 0.25:1:4, which is four even steps. Or layers with early;
            middle; late. Fill in *parameter_2* seed and *values_2* 1, 2, 3, and see what is the bend's doing and what
            was chance. Any other bend can stand in the place of *Rotate*.
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
            **red** taken away (0) and made strong (3), each in the early, the middle and the late third of the layers:
            six films, and the un-bent one that they are all compared with.

            **Look for:** which layers make the colour. They go across, the factor down, un-bent at the left. Under each
            film stand *change* (0% the same), *ssim* (1 the same), *motion* and *flicker* (1 as much as un-bent).

            **Keep what you find:** *Experiment Log* adds a line for each film: prompt, seed, sampler, bends and its
            numbers. Write what you see into *observations* and run again: nothing is sampled anew, and the lines are
            added to *output/attention_bending/toy_log.jsonl*.

            **Try:** *token* left, or circle. *success* yes or no, for all films of the run. *parameter_2* seed with
            *values_2* 42, 43: each seed has its own un-bent film. *numbers* off in *Bend Grid*, for a plain sheet.
        """,
    ),
    "A recipe from a file": Twin(
        prompt="a (red) circle on the left and a (blue) star on the right",
        nodes={
            8: {"file": "preset: trade places", "words": "horse=red, ship=blue"},
            9: {"title": "Star: stronger", "token": "star"},
            16: {"filename_prefix": "toy_trade_places", "about": "Red and blue trade places."},
        },
        note="""
            *Load Bending* reads bends from a file, here the preset *trade places*. The file speaks of a horse and a
            ship; *words* puts this prompt's **red** and **blue** in their place. A bend of your own comes after it: the
            star 1.5 times as strong.

            *Save Bending* writes both to a new file, as text that you can read, edit and send to others:
            *user/default/attention_bending/toy_trade_places_00001_.yaml*.

            **Look for:** a blue circle on the left and a red star on the right. *Load Bending* shows what the file says
            of itself, *Save Bending* the text that it wrote.

            **Try:** *horse=left, ship=right*. Another preset in *file*; where it names one word, *words* red is enough.
            Then press R and choose your own file: it ends in *[user]*.

            Each run saves a new file; bypass *Save Bending* when you have it.
        """,
    ),
}
