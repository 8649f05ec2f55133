"""Bends of others: the seed's guide, and the research code after it, each turned into bends of ours."""

import json
import math

import pytest
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import is_bending_file, parse
from attention_bending.bending.time.windows import TimeWindow

# --- the seed's guide, word for word -------------------------------------------------------------------------------

AMPLIFY = """\
# In attention_bending.yaml
attention_bending:
  enabled: true
  configs:
    - token: "kiss"
      mode: "scale"
      scale_factor: 2.5
      strength: 0.8
"""
COMPOSITION = """\
configs:
  - token: "sunset"
    mode: "regional_mask"
    region: [0.0, 0.0, 1.0, 0.5]  # Top half
    region_feather: 0.2
  - token: "people"
    mode: "regional_mask"
    region: [0.0, 0.5, 1.0, 1.0]  # Bottom half
"""
DEPTH = """\
configs:
  - token: "kiss"
    mode: "sharpen"
    sharpen_amount: 2.0
    strength: 0.8
  - token: "background"
    mode: "blur"
    kernel_size: 7
    sigma: 3.0
"""
GUIDE = [
    (AMPLIFY, (Bend(ops.Amplify(2.5), "kiss", 0.8),)),
    (
        COMPOSITION,
        (
            Bend(ops.RegionalMask(0.0, 0.0, 1.0, 0.5, 0.2), "sunset", renormalize=False),
            Bend(ops.RegionalMask(0.0, 0.5, 1.0, 1.0, 0.1), "people"),
        ),
    ),
    (DEPTH, (Bend(ops.Sharpen(2.0), "kiss", 0.8, renormalize=False), Bend(ops.Blur(3.0, 7), "background"))),
]


@pytest.mark.parametrize(("text", "bends"), GUIDE)
def test_the_guides_examples_are_read_as_they_stand(tmp_path, text, bends):
    loaded = parse(text)
    assert loaded.bending == Bending(bends)
    assert not loaded.notes
    (tmp_path / "mine.yaml").write_text(text)
    assert is_bending_file(tmp_path / "mine.yaml")


# --- the conversions -----------------------------------------------------------------------------------------------


def config(dialect: str, **fields) -> str:
    return json.dumps({dialect: {"enabled": True, "configs": [{"token": "kiss", **fields}]}})


SEED, CODE = "attention_bending", "attention_bending_settings"
TURN = abs(math.cos(math.radians(30))) + abs(math.sin(math.radians(30))) * 53 / 30
ALIKE = [
    ({"mode": "rotate", "angle": 30}, (ops.Rotate(30.0),)),
    ({"mode": "rotate", "angle": -30, "padding_mode": "zeros"}, (ops.Rotate(-30.0, "zeros"),)),
    ({"mode": "rotate", "angle": 30, "crop_rotated": False}, (ops.Rotate(30.0), ops.SpatialScale(round(TURN, 12)))),
    ({"mode": "rotate", "angle": 0, "crop_rotated": False}, (ops.Rotate(0.0),)),
    ({"mode": "rotate", "angle": 180, "crop_rotated": False}, (ops.Rotate(180.0),)),
    ({"mode": "translate", "translate_x": 0.5}, (ops.Translate(-0.25, 0.0),)),
    ({"mode": "translate", "translate_y": -0.5, "padding_mode": "reflection"}, (ops.Translate(0, 0.25, "reflection"),)),
    ({"mode": "flip", "flip_horizontal": True}, (ops.Flip("horizontal"),)),
    ({"mode": "flip", "flip_vertical": True}, (ops.Flip("vertical"),)),
    ({"mode": "flip", "flip_vertical": True, "flip_horizontal": True}, (ops.Flip("both"),)),
    ({"mode": "blur"}, (ops.Blur(1.0, 3),)),
    ({"mode": "sharpen", "sigma": 2}, (ops.Sharpen(1.0, 2.0),)),
    ({"mode": "regional_mask", "region": [0, 0, 1, 0.5]}, (ops.RegionalMask(0, 0, 1, 0.5, 0.1),)),
    ({"mode": "blur", "sigma": None, "apply_to_layers": None, "apply_to_timesteps": None}, (ops.Blur(1.0, 3),)),
]
CONVERSIONS = [
    *((SEED, fields, made) for fields, made in ALIKE),
    *((CODE, fields, made) for fields, made in ALIKE),
    (SEED, {"mode": "scale", "scale_factor": 2}, (ops.Amplify(2.0),)),
    (CODE, {"mode": "scale", "scale_factor": 2}, (ops.SpatialScale(2.0),)),
    (SEED, {"mode": "spatial_scale", "scale_factor": 2}, (ops.SpatialScale(2.0),)),
    (CODE, {"mode": "amplify", "amplify_factor": 2}, (ops.Amplify(2.0),)),
]


@pytest.mark.parametrize(("dialect", "fields", "made"), CONVERSIONS)
def test_a_config_becomes_what_it_does(dialect, fields, made):
    bending = parse(config(dialect, **fields)).bending
    assert tuple(bend.operator for bend in bending) == made
    assert [bend.renormalize for bend in bending] == [False] * (len(made) - 1) + [dialect == SEED]
    assert all(bend.token == "kiss" and bend.strength == 1 and bend.passes is None for bend in bending)
    assert "=-0," not in str(bending)


def test_only_what_shows_outside_is_magnified_away():
    """A turned map, magnified by the zoom, lies over the whole frame: each corner's source is inside."""
    for angle in range(0, 360, 7):
        text = json.dumps(
            {
                CODE: {"configs": [{"token": "ALL", "mode": "rotate", "angle": angle, "crop_rotated": False}]},
                "video_settings": {"width": 320, "height": 480},
            }
        )
        bends = parse(text).bending.bends
        factor = bends[1].operator.factor if len(bends) > 1 else 1.0
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        reach = [abs(x * cos + y * sin) / factor for x, y in ((10, 15), (10, -15))]
        rise = [abs(-x * sin + y * cos) / factor for x, y in ((10, 15), (10, -15))]
        assert max(reach) <= 10 + 1e-9 and max(rise) <= 15 + 1e-9
        assert max(max(reach) / 10, max(rise) / 15) == pytest.approx(1)  # and no further


WHERE = [
    ({"apply_to_timesteps": [0, 15]}, {"windows": (TimeWindow("steps", 0, 15),)}),
    ({"apply_to_timesteps": [3, 3]}, {"windows": (TimeWindow("steps", 3, 3),)}),
    ({"apply_to_timesteps": "5-10"}, {"windows": (TimeWindow("steps", 5, 10),)}),
    ({"apply_to_timesteps": "ALL"}, {}),
    ({"apply_to_layers": [7, 4, 5, 6, 9, 4]}, {"layers": "4-7, 9"}),
    ({"apply_to_layers": "0-5"}, {"layers": "0-5"}),
    ({"apply_to_layers": "ALL"}, {}),
    ({"token": "kiss, rose", "strength": 0.5}, {"token": "kiss, rose", "strength": 0.5}),
    ({"token": "ALLTOKENS"}, {"token": "ALLTOKENS"}),
]


@pytest.mark.parametrize(("fields", "there"), WHERE)
def test_where_and_when_a_config_acts(fields, there):
    bending = parse(config(CODE, mode="blur", **fields)).bending
    assert bending == Bending((Bend(ops.Blur(1.0, 3), **{"token": "kiss", "renormalize": False, **there}),))


RENORMALIZE = [([True, True], [False, True]), ([True, False], [False, False]), ([None, True], [False, False])]


@pytest.mark.parametrize(("asked", "kept"), [*RENORMALIZE, ([True, True, "off"], [False, True])])
def test_only_the_last_enabled_bend_renormalizes_and_only_if_all_ask(asked, kept):
    configs = [
        {"token": "kiss", "mode": "blur", "enabled": ask != "off", "renormalize": None if ask == "off" else ask}
        for ask in asked
    ]
    loaded = parse(json.dumps({CODE: {"configs": configs}}))
    assert [bend.renormalize for bend in loaded.bending] == kept
    assert len(loaded.notes) == len(asked) - len(kept)


def test_what_is_left_out_is_told_with_its_line():
    text = """\
model_settings: {steps: 20}
video_settings:
  width: 832
  height: 480
attention_bending_settings:
  apply_to_output: false
  apply_before_softmax: true
  configs:
    - {token: a, mode: frequency_filter}
    - {token: b, mode: regional_mask}
    - {token: c, mode: flip}
    - {token: d, mode: blur, apply_to_layers: []}
    - {token: e, mode: rotate, angle: 10, crop_rotated: false, strength: 0.5}
"""
    loaded = parse(text)
    assert [bend.token for bend in loaded.bending] == ["e", "e"]
    assert [note.partition(":")[0] for note in loaded.notes] == [f"line {n}" for n in (1, 2, 7, 6, 9, 10, 11, 12, 13)]
    assert "Switch Patch Model's apply_to_output off" in loaded.notes[3]
    assert "832 × 480" in loaded.notes[-1] and "strength below 1" in loaded.notes[-1]
    assert all(note in str(loaded) for note in loaded.notes)


def test_a_file_that_is_switched_off_bends_nothing_and_says_so():
    loaded = parse(AMPLIFY.replace("true", "false"))
    assert loaded.bending == Bending()
    assert loaded.notes == ("line 3: enabled is false, so this bending is empty.",)


REFUSED = [
    (AMPLIFY.replace("scale_factor", "scale_facto"), 7, 'a config has no "scale_facto". Did you mean "scale_factor"?'),
    (AMPLIFY + "      strength: 1\n", 9, '"strength" is here twice, first in line 8. Keep one of the two.'),
    (AMPLIFY.replace('"scale"', '"scales"'), 6, 'mode is "scales", which there is not. Did you mean "scale"?'),
    (AMPLIFY.replace("enabled: true", "enabled: 1"), 3, "enabled is '1'. Write true or false."),
    (AMPLIFY.replace("0.8", "1.8"), 8, "strength is 1.8. Give it a number from 0 to 1."),
    (AMPLIFY.replace("configs", "config"), 4, 'Did you mean "configs"?'),
    (COMPOSITION.replace("1.0, 0.5]", "1.0]"), 4, "region has 3 numbers. Give it four: x1, y1, x2, y2."),
    (COMPOSITION.replace("[0.0, 0.0", "[1.0, 0.0"), 4, "has no area"),
    (DEPTH.replace("7", "6"), 8, "kernel_size is 6. Give it 0 (from sigma) or an odd number such as 7."),
    (DEPTH + "    apply_to_layers: [-1]\n", 10, "apply_to_layers has -1. Layers count from 0."),
    (DEPTH + "    apply_to_timesteps: [5, 2]\n", 10, "Give it the first and the last step, as in [0, 15]."),
    (DEPTH + "    apply_to_timesteps: [5]\n", 10, "Give it the first and the last step"),
    (DEPTH + "    padding_mode: wrap\n", 10, 'padding_mode is "wrap", which there is not.'),
    (DEPTH.replace('    token: "kiss"\n', "").replace('- token: "kiss"\n    ', "- "), 2, 'a config lacks "token"'),
]


@pytest.mark.parametrize(("text", "line", "says"), REFUSED)
def test_what_is_wrong_is_told_with_its_line(text, line, says):
    with pytest.raises(BendError) as refusal:
        parse(text, "mine.yaml")
    assert str(refusal.value).startswith(f'"mine.yaml", line {line}: ')
    assert says in str(refusal.value)
