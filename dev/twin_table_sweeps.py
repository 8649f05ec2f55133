"""Twins of the workflows that try many bends in one run, and that read and write files of them."""

from .shots import Shot, pair
from .twins import Twin

ROWS = {
    "Sweep a bend": Twin(
        prompt="a (red) (circle) on the left and a (blue) (star) on the right",
        nodes={
            8: {"title": "Bend: Rotate both things", "token": "red, circle, blue, star"},
            9: {"values_1": "15, 30, 90, 150, 180", "seed": 3},
        },
        page=((Shot(14, "both things turned, by five angles", output=1, part=(10, 88, 758, 554)),),),
        note="""
            How much is enough? *Bend Sweep* makes a film for each of five angles, **15, 30, 90, 150** and **180**
            degrees of the words of both things, and the un-bent one before them, in one run and from one seed. *Bend
            Grid* lays all six on a sheet that plays.

            **Look for:** from where on the two leave the sides where the prompt wants them. Half way the picture has
            two minds; at 180 degrees they have changed sides. The un-bent film has a white frame; beneath the others
            stands how much they changed.

            **Cost:** six films, so six times the time, which is seconds here. *limit* guards against more than you
            meant.

            **Try:** *parameter_1* strength with *values_1* 0.25:1:4, which is four even steps. Or layers with early;
            middle; late. Fill in *parameter_2* seed and *values_2* 1, 2, 3, and see what is the bend's doing and what
            was chance. Any other bend can stand in the place of *Rotate*.
        """,
    ),
    "Compare to the baseline": Twin(
        prompt="a yellow (star) in the middle",
        nodes={
            8: {"token": "star", "factor": 0},
            9: {"values_2": "0, 5"},
            18: {"file": "attention_bending/toy_log.jsonl"},
        },
        page=((Shot(14, "star away and strong, by layers", output=1, part=(10, 94, 1038, 538)),),),
        note="""
            **star** taken away (0) and made strong (5), each in the early, the middle and the late third of the
            layers: six films, and the un-bent one that they are all compared with.

            **Look for:** the table. Layers go across, the factor down, un-bent at the left. Under each film stand
            *change* (0% the same), *ssim* (1 the same), *motion* and *flicker* (1 as much as un-bent). In which layers
            is the star made? Without the word in the middle ones its points are blunt.

            **Keep what you find:** *Experiment Log* adds a line for each film: prompt, seed, sampler, bends and its
            numbers. Write what you see into *observations* and run again: nothing is sampled anew, and the lines are
            added to *output/attention_bending/toy_log.jsonl*.

            **Try:** *values_1* 0; 1; 2; 3; 4; 5, each layer by itself. *parameter_2* seed with *values_2* 42, 43: each
            seed has its own un-bent film. *numbers* off in *Bend Grid*, for a plain sheet.
        """,
    ),
    "A recipe from a file": Twin(
        prompt="a (green) circle on the left and a (yellow) circle on the right",
        nodes={
            8: {"file": "preset: trade places", "words": "horse=green, ship=yellow"},
            9: {"title": "Circle: stronger", "token": "circle"},
            16: {"filename_prefix": "toy_trade_places", "about": "Green and yellow trade places."},
        },
        page=pair(13, "green and yellow traded, by a preset", "a green circle on the left, a yellow one"),
        note="""
            *Load Bending* reads bends from a file, here the preset *trade places*. The file speaks of a horse and a
            ship; *words* puts this prompt's **green** and **yellow** in their place. A bend of your own comes after it:
            **circle** 1.5 times as strong.

            *Save Bending* writes both to a new file, as text that you can read, edit and send to others:
            *user/default/attention_bending/toy_trade_places_00001_.yaml*.

            **Look for:** the colours have changed sides. *Load Bending* shows what the file says of itself, *Save
            Bending* the text that it wrote.

            **Try:** another preset in *file*; where it names one word, *words* green is enough. Then press R and choose
            your own file: it ends in *[user]*. Bypass *Bend: Amplify* (Ctrl+B) for the recipe as it came.

            Each run saves a new file; bypass *Save Bending* when you have it.
        """,
    ),
}
