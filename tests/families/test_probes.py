"""Probes in every family: the map that the word has where its sentence is the prompt, or refused with the reason."""

from dataclasses import replace

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.host.maps.record_store import Handle, record_of
from attention_bending.host.maps.recording import Recording
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.patch import Patch
from attention_bending.host.text.probes import Probe, Probes
from attention_bending.host.text.prompt_encoding import KEY

from .table import MEMBERS

REFUSED = {
    "LTX-2": "its connector mixes",
    "LTX-2.3": "its connector mixes",
    "Kandinsky 5": "at each noise level",
    "Kandinsky 5 Image": "at each noise level",
}
PROBED = [name for name in MEMBERS if not name.startswith((*REFUSED,))]


def asked(member) -> Probes:
    """The prompt of seed 1 as the sentence of a probe."""
    ((embedding, extras),) = member.conditioning(1)
    tokens = replace(extras[KEY], marked=((11, 15),))
    return Probes((Probe("kiss", {"cross_attn": embedding, **extras, KEY: tokens}),), "5")


def recorded(sample, member, model, prompt: int, words: str, probes: Probes | None = None):
    handle = Handle(None, 2**26)
    patch = Patch((), recording=Recording(handle, words, "kiss"), handle=handle, probes=probes)
    film = sampled(sample, member, patch_model(model, patch), prompt)
    return film, record_of(handle, {"samples": film})


def sampled(sample, member, model, prompt: int):
    """Of the prompt of a seed; what a conditioning holds besides is the same."""
    ((_, extras),), ((embedding, _),) = member.conditioning(1), member.conditioning(prompt)
    conds = [[embedding, extras]], member.conditioning(2)
    film = sample(model, *conds, latent=member.latent(1), noise_mask=member.mask, cfg=4.0)
    return film.unbind()[0] if film.is_nested else film


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * MEMBERS[name].slow) for name in PROBED])
def test_a_probes_map_is_the_words_where_its_sentence_is_the_prompt(name, sample):
    """In the first layer of the first step, which the prompt has not touched; and the film is the same to the bit."""
    member = MEMBERS[name]
    model = member.build()
    film, probed = recorded(sample, member, model, 5, "none", asked(member))
    assert torch.equal(film, sampled(sample, member, model, 5))
    _, expected = recorded(sample, member, model, 1, "listed words")
    assert probed.words == ("kiss?",) and probed.columns == ((2, 3),) and probed.seen.all()
    first = [record.original.unpack(0, 0, 0, (0,)) for record in (probed, expected)]
    assert (first[0] - first[1]).abs().max() < 1e-3 * first[1].max()


@pytest.mark.parametrize("name", REFUSED)
def test_a_model_whose_keys_do_not_stay_is_refused(name, sample):
    member = MEMBERS[name]
    with pytest.raises(BendError, match=REFUSED[name]) as error:
        recorded(sample, member, member.build(), 5, "none", asked(member))
    assert str(error.value).startswith("Concept Probe: ") and error.value.node == "5"
