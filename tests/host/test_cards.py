"""The cards that the demo and the help pages draw, each by the code that bends maps."""

import numpy as np
import pytest
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.dev import help_films
from attention_bending.dev.contact_sheet import bent_card
from attention_bending.dev.pictures import test_card as card
from torch import ones

OPERATORS = {
    **{key: cls() for key, cls in {**ops.OPERATORS, **ops.OTHERS}.items() if key not in ("paint", "swap")},
    "paint": ops.Paint(MaskVideo(ones(1, 4, 4))),
    "swap": ops.Swap("other"),
}
DRAWN = ("painted", "swapped", "tempered", "windows", "in_time", "aimed", "animated")


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS)
def test_a_bend_changes_the_card(operator):
    drawn = bent_card(Bend(operator, "a"), card())
    assert drawn.shape == card().shape and np.isfinite(drawn).all()
    assert np.abs(drawn - card()).max() > 0.01


def test_a_swap_brings_the_other_words_card():
    np.testing.assert_allclose(bent_card(Bend(ops.Swap("other"), "a"), card()), card()[::-1], atol=1e-6)


@pytest.mark.parametrize("name", DRAWN)
def test_the_help_pages_panels_are_drawn(name):
    panels = getattr(help_films, name)(card())
    assert len(panels) > 1 and all(np.isfinite(panel).all() for panel in panels.values())
