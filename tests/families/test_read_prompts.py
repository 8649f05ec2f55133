"""Bend Prompt with a family's own text encoder, to the end: a word's bend acts on the columns of that word alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.bending.operators import Amplify
from attention_bending.host.text.prompt_encoding import encode_prompt
from host.encoders import tiny
from host.support import KISS, bent

from .member import Member
from .table import MEMBERS
from .test_members import held

PROMPT = "a romantic (kiss) at sunset"


@dataclass(frozen=True, eq=False)
class Read(Member):
    """A member whose prompt is read by the tiny encoder `reads`; of that, by hand, the columns of its `words`."""

    reads: str = ""
    words: Mapping[str, range] = field(default_factory=dict)

    def conditioning(self, seed):
        return encode_prompt(tiny(self.reads), PROMPT if seed == 1 else "blurry")[0]

    def means(self, token):
        return list(self.words[token])


def read(name: str, reads: str, keys: int, **words: range) -> Read:
    """Of the table's member of that name."""
    return Read(**{**vars(MEMBERS[name]), "keys": keys, "reads": reads, "words": words})


T5 = {"kiss": range(3, 4), "END": range(6, 7), "PADDING": range(7, 512)}
QWEN = {"kiss": range(2, 3), "END": range(5, 6)}

READ = {
    "Cosmos Predict 2": read("Cosmos Predict 2", "Cosmos", 512, **T5),
    "Anima": read("Anima", "Anima, as wide as its model", 512, **T5),
    "Kandinsky 5": read("Kandinsky 5", "Kandinsky 5", 6, **QWEN),
    "Kandinsky 5 Image": read("Kandinsky 5 Image", "Kandinsky 5 Image", 6, **QWEN),
}
members = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * member.slow) for name, member in READ.items()]
)


@pytest.fixture
def member(name):
    return READ[name]


@pytest.fixture
def film(member, sample):
    def run(model, films=1, **options):
        conds = member.conditioning(1), member.conditioning(2)
        return sample(model, *conds, shape=member.shape, cfg=4.0, **options)

    return run


@members
@pytest.mark.parametrize("token", ["kiss", "END", "PADDING"])
def test_a_bend_acts_on_its_own_columns(token, name, member, film):
    """A selector that the encoder has nothing of is refused by name.

    T5's padding is zeros here, which bring nothing into the picture: more of them is less of all others.
    """
    if token in member.words:
        bends = KISS if token == "kiss" else (Bend(Amplify(4.0), token),)
        held(film, member, bends)
    else:
        with pytest.raises(BendError, match=f"{token} selects nothing"):
            film(bent(member.build(), Bend(Amplify(4.0), token)))


@members
def test_a_prompt_of_another_models_encoder_is_refused(name, member, sample):
    other = "Kandinsky 5" if name.startswith("Cosmos") else "Cosmos"
    conds, _ = encode_prompt(tiny(other), PROMPT)
    with pytest.raises(BendError, match=r"was encoded by .* but this model takes .*\. Encode the prompt with that"):
        sample(bent(member.build(), *KISS), conds, conds, shape=member.shape)
