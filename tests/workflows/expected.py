"""What the examples are to say and to show: reports of their bends, the films of their sweeps, the sizes of films."""

import re

from attention_bending.dev.twins import MARK

SCENES = (
    (
        '1. Amplify(factor=1) of "@1", factor over the frames: 0.0% to 50.0% of the film',
        "heard in pictures 0–4 (latent frames 0–1)",
    ),
    (
        '2. Amplify(factor=1) of "@2", factor over the frames: 50.0% to 100.0% of the film',
        "heard in pictures 5–8 (latent frames 2–2)",
    ),
)
"""Of films of three latent frames."""

REPORTS = {
    "A recipe from a file": [
        '1. Sharpen(amount=2, sigma=1, clamp=True) of "deer", strength 0.8: 4 layers × 4 steps',
        '2. Blur(sigma=3, kernel_size=7) of "trees": 4 layers × 4 steps',
        '3. Amplify(factor=1.5) of "deer": 4 layers × 4 steps',
    ],
    "Animate a bend": [
        "1. Rotate(angle=15, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 50.0%, angle over the "
        "frames: 0%: 0, 50%: 20, 100%: 0 (ease): 4 layers × 3 steps"
    ],
    "Before and after": ['1. Translate(x=0.25, y=0, padding=border) of "balloon": 4 layers × 4 steps'],
    "Bend one word": ['1. Amplify(factor=2.5) of "kiss", strength 0.8: 4 layers × 4 steps'],
    "Bend one word in LTX-2": ['1. Amplify(factor=2.5) of "kiss", strength 0.8: 4 layers × 4 steps'],
    "Bend one word in LTX-Video": ['1. Amplify(factor=2.5) of "kiss", strength 0.8: 4 layers × 4 steps'],
    "Compare to the baseline": ['1. Amplify(factor=3) of "umbrella", layers late: 1 layer × 4 steps'],
    "Compose with regions": [
        '1. Regional Mask(x1=0, y1=0, x2=1, y2=0.5, feather=0.2, invert=False) of "sunset": 4 layers × 4 steps',
        '2. Regional Mask(x1=0, y1=0.5, x2=1, y2=1, feather=0.2, invert=False) of "people": 4 layers × 4 steps',
    ],
    "Depth of field": [
        '1. Sharpen(amount=2, sigma=1, clamp=True) of "kiss", strength 0.8: 4 layers × 4 steps',
        '2. Blur(sigma=3, kernel_size=7) of "background": 4 layers × 4 steps',
    ],
    "Chain and stack": [
        '1. Translate(x=0.2, y=0, padding=border) of "fox": 4 layers × 4 steps',
        '2. Amplify(factor=1.6) of "fox": 4 layers × 4 steps',
        "3. Spatial Scale(factor=1.1, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 40.0%, "
        "layers middle: 1 layer × 2 steps",
        '4. Blur(sigma=2, kernel_size=0) of "forest": 4 layers × 4 steps',
    ],
    "Bent and un-bent side by side": [
        "1. Rotate(angle=12, padding=border, center_x=0.5, center_y=0.5) of ALL: 4 layers × 4 steps"
    ],
    "Early and late": [
        '1. Translate(x=0.25, y=0, padding=border) of "deer", 0.0% to 40.0%, fade out 0.4: 4 layers × 2 steps',
        '2. Amplify(factor=3) of "mist", 40.0% to 100.0%, along a curve: 4 layers × 1 step',
    ],
    "Mask from a word": [
        '1. Amplify(factor=4) of "flowers", mask HASH (6 × 4, 9 frames, feather 0.1): 4 layers × 4 steps'
    ],
    "Paint a word's place": [
        '1. Paint(mask=mask 5ee85a42ceee (832 × 480, feather 0.15)) of "rose", 0.0% to 40.0%: 4 layers × 2 steps'
    ],
    "Swap two words": ['1. Swap(other=dog, way=trade, mix=1) of "cat", 0.0% to 40.0%: 4 layers × 2 steps'],
    "Sweep a bend": ["1. Rotate(angle=48, padding=border, center_x=0.5, center_y=0.5) of ALL: 4 layers × 4 steps"],
    "A prompt that changes": [f"{scene}: 4 layers × 4 steps, {heard}" for scene, heard in SCENES],
    "Weigh a word": [
        '1. Amplify(factor=2) of "kiss": 4 layers × 4 steps',
        '2. Amplify(factor=-1) of "sunset": 4 layers × 4 steps',
    ],
    "Wan 2.2 two samplers": [
        '1. Spatial Scale(factor=1.5, padding=border, center_x=0.5, center_y=0.3) of "moon", 20.0% to 70.0%: '
        "2 layers × 1 step"
    ],
    "Words here": ['1. Amplify(factor=0) of "HEARD": 4 layers × 4 steps'],
}
"""What every Patch Model with bends says of a run of four steps, on models of four layers, and of two for Wan 2.2.

Of a sweep it is the last film.
"""

SWEEPS = {
    "Compare to the baseline": [
        "un-bent",
        *(f"layers {third} · factor {factor}" for factor in ("0.3", "3") for third in ("early", "middle", "late")),
    ],
    "Sweep a bend": ["un-bent", *(f"angle {angle}" for angle in (3, 6, 12, 24, 48))],
}
"""The films of each sweep, in order."""

TOY_REPORTS = {
    "A recipe from a file": [
        '1. Swap(other=yellow, way=trade, mix=1) of "green", 0.0% to 50.0%: 6 layers × 2 steps',
        '2. Amplify(factor=1.5) of "circle": 6 layers × 4 steps',
    ],
    "Animate a bend": [
        "1. Rotate(angle=15, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 70.0%, angle over the "
        "frames: 0%: 0, 100%: 120 (ease): 6 layers × 3 steps"
    ],
    "Before and after": ['1. Translate(x=0, y=0.25, padding=border) of "red, circle": 6 layers × 4 steps'],
    "Bend one word": ['1. Amplify(factor=0) of "red": 6 layers × 4 steps'],
    "Bent and un-bent side by side": [
        '1. Rotate(angle=180, padding=border, center_x=0.5, center_y=0.5) of "red, circle, blue, star": '
        "6 layers × 4 steps"
    ],
    "Chain and stack": [
        "1. Translate(x=0.2, y=0, padding=border) of ALL: 6 layers × 4 steps",
        '2. Amplify(factor=1.6) of "star": 6 layers × 4 steps',
        "3. Spatial Scale(factor=1.1, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 40.0%, layers "
        "middle: 2 layers × 2 steps",
        '4. Blur(sigma=2, kernel_size=0) of "yellow": 6 layers × 4 steps',
    ],
    "Compare to the baseline": ['1. Amplify(factor=5) of "star", layers late: 2 layers × 4 steps'],
    "Compose with regions": [
        '1. Regional Mask(x1=0, y1=0, x2=0.5, y2=1, feather=0, invert=False) of "red, circle": 6 layers × 4 steps',
        '2. Regional Mask(x1=0.5, y1=0, x2=1, y2=1, feather=0, invert=False) of "blue, star": 6 layers × 4 steps',
    ],
    "Depth of field": [
        '1. Sharpen(amount=2, sigma=1, clamp=True) of "yellow", strength 0.8: 6 layers × 4 steps',
        '2. Blur(sigma=3, kernel_size=0) of "star": 6 layers × 4 steps',
    ],
    "Early and late": [
        "1. Translate(x=0.25, y=0, padding=border) of ALL, 0.0% to 40.0%, fade out 0.4: 6 layers × 2 steps",
        '2. Amplify(factor=0) of "red", 40.0% to 100.0%, along a curve: 6 layers × 2 steps',
    ],
    "Mask from a word": ['1. Amplify(factor=0) of "red", mask HASH (6 × 4, 9 frames, feather 0.1): 6 layers × 4 steps'],
    "Paint a word's place": [
        '1. Paint(mask=mask HASH (160 × 112, feather 0.15)) of "red, circle", 0.0% to 40.0%: 6 layers × 2 steps'
    ],
    "Swap two words": ['1. Swap(other=yellow, way=trade, mix=1) of "green": 6 layers × 4 steps'],
    "Sweep a bend": [
        '1. Rotate(angle=180, padding=border, center_x=0.5, center_y=0.5) of "red, circle, blue, star": '
        "6 layers × 4 steps"
    ],
    "A prompt that changes": [
        '1. Amplify(factor=1) of "@1", factor over the frames: 0.0% to 12.0% of the film: 6 layers × 4 steps, heard in '
        "pictures 0–0 (latent frames 0–0)",
        '2. Amplify(factor=1) of "@2", factor over the frames: 12.0% to 100.0% of the film: 6 layers × 4 steps, heard '
        "in pictures 1–8 (latent frames 1–2)",
        '3. Amplify(factor=4) of "blue@2": 6 layers × 4 steps',
    ],
    "Weigh a word": ['1. Amplify(factor=-1.2) of "red": 6 layers × 4 steps'],
    "Wan 2.2 two samplers": [
        "1. Spatial Scale(factor=2, padding=border, center_x=0, center_y=0.5) of ALL, 10.0% to 70.0%: 6 layers × 1 step"
    ],
    "Words here": ['1. Amplify(factor=0) of "HEARD": 6 layers × 4 steps'],
}
"""What they say of the twins, on the toy's six layers."""

REPORTS |= {name + MARK: lines for name, lines in TOY_REPORTS.items()}

REPORTS |= {
    "Bend one word in Anima": ['1. Amplify(factor=2.5) of "umbrella", strength 0.8: 2 layers × 4 steps'],
    "Bend one word in Cosmos Predict 2": [
        '1. Translate(x=0.25, y=0, padding=border) of "lighthouse", 0.0% to 40.0%: 2 layers × 2 steps'
    ],
    "Bend one word in Kandinsky 5": ['1. Amplify(factor=2.5) of "smoke", strength 0.8: 2 layers × 4 steps'],
}
"""And of the models that it cannot stand for, of two layers each."""

RECORDED = [
    r"the text attention's output changed by \d+\.\d% on average, most in layer [0-5]: \d+\.\d%",
    r"bends and records took \d+\.\d\d s of the run's \d+\.\d s; records 0\.\d MB, and 0\.\d MB beside the model",
]
"""What one that records says besides: of its bends' effect, and of what both cost."""

SIZES = {
    "video/bent_and_unbent": (208, 64),
    "video/compare_to_the_baseline": (1052, 522),
    "video/sweep_a_bend": (768, 548),
    "video/mask_from_a_word": (208, 64),
    "video/see_where_a_word_acts": (96, 308),
    "video/probe_what_is_there": (96, 308),
    "video/words_here": (208, 64),
    "video/before_and_after": (196, 100),
    "video/before_and_after_difference": (96, 100),
    "video/toy_bent_and_unbent": (200, 64),
    "video/toy_compare_to_the_baseline": (1038, 522),
    "video/toy_sweep_a_bend": (768, 548),
    "video/toy_mask_from_a_word": (200, 64),
    "video/toy_see_where_a_word_acts": (96, 308),
    "video/toy_probe_what_is_there": (96, 308),
    "video/toy_words_here": (200, 64),
    "video/toy_before_and_after": (324, 148),
    "video/toy_before_and_after_difference": (160, 148),
}
"""Width and height of saved films, by the beginning of their file's name, that are more than the film alone.

Maps are as large as the film, with a caption of 36 pixels beneath and a gap of 4 between; the films of a sweep are 240
pixels wide on their sheet.
"""


def told(name, patch, steps):
    """Patterns of the lines that a Patch Model says; HASH is of a mask that comes out of the run, HEARD are words.

    Where it has more than four steps, it bends in all of them.
    """
    bends = "bending" in patch["inputs"]
    lines = [line.replace("× 4 steps", f"× {steps} steps") for line in (REPORTS[name] if bends else ["no bends"])]
    lines = [re.escape(line).replace("HASH", "[0-9a-f]{12}").replace("HEARD", r"[\w, ]+") for line in lines]
    records = patch["inputs"].get("record", "none") != "none" or "probes" in patch["inputs"]
    return lines + (RECORDED if bends else RECORDED[1:]) * records
