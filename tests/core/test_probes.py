"""Probes in the core: each word's share in its own sentence, exact, and probes read against each other."""

import json
from dataclasses import replace

import pytest
import torch
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.probes import Sentences
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.maps import files, heard
from attention_bending.bending.maps.against import against_each_other
from attention_bending.bending.maps.report_text import report_text
from attention_bending.bending.pictures import drawing, maps_grid
from core.recorded import maps, record

GRID, HEADS, DEPTH, WIDTH = Grid(2, 3, 4), 2, 8, 12


def sentences(generator):
    """One of three columns and nine of padding, and one without padding; which columns are the word's."""
    padded = torch.randn(12, WIDTH, generator=generator)
    padded[3:] = padded[-1]
    return [(padded, (1,)), (torch.randn(5, WIDTH, generator=generator), (1, 2))]


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-6)])
def test_a_share_is_that_of_a_prompt_of_its_own(dtype, error):
    generator = torch.Generator().manual_seed(1)
    given = sentences(generator)
    q = torch.randn(1, GRID.cells, HEADS, DEPTH, generator=generator).to(dtype)
    to_keys = torch.randn(WIDTH, HEADS * DEPTH, generator=generator)
    asked = Sentences.of(given)
    assert asked.lengths == (4, 5)  # the padding is one
    keys = (asked.columns[0] @ to_keys).unflatten(1, (HEADS, DEPTH)).transpose(0, 1)
    cache = DeviceCache(FrameLayout.whole(GRID), HEADS, torch.device("cpu"))
    shares = asked.shares(q, keys, 0.5, cache)
    for p, (columns, own) in enumerate(given):
        every = (columns.double() @ to_keys.double()).unflatten(1, (HEADS, DEPTH))
        dense = (torch.einsum("lhd,thd->lht", q[0].double(), every) * 0.5).softmax(-1)[..., list(own)].sum(-1)
        assert (shares[0, ..., p] - dense).abs().max() < error


def test_a_word_that_is_its_sentences_last_column_has_its_part_of_it():
    columns = torch.ones(4, WIDTH)
    asked = Sentences.of([(columns, (2,))])
    assert asked.lengths == (1,) and asked.words[0].tolist() == [0.25]


def test_probes_against_each_other_are_told_apart_by_lift():
    """One word is loud everywhere, the other faint, and at one place alone; a third is never heard."""
    loud, rare, none = torch.full((2, 2), 0.5), torch.tensor([[0.0, 0.0], [0.0, 0.04]]), torch.zeros(2, 2)
    read = against_each_other(torch.stack((loud, rare, none)))
    torch.testing.assert_close(read[0], torch.tensor([[0.25, 0.25], [0.25, 0.125]]))
    torch.testing.assert_close(read[1], torch.tensor([[0.0, 0.0], [0.0, 0.5]]))
    assert not read[2].any()
    torch.testing.assert_close(against_each_other(torch.stack((loud, 0.1 * loud))), torch.full((2, 2, 2), 0.25))


@pytest.fixture
def probed():
    """Maps of a word of the prompt and of two that are not in it."""
    return record(maps(3, 2, 2, 1, 2, 4, 6), words=("kiss", "dog?", "cat?"), probes=(1, 2))


def test_attention_maps_reads_probes_against_the_others(probed):
    alone = drawing.choose(probed, show="original", against="nothing").values
    read = drawing.choose(probed, show="original").values
    assert torch.equal(read[0], alone[0])
    torch.testing.assert_close(read[1:, 0], against_each_other(alone[1:, 0]))
    one = drawing.choose(probed, "cat?", "original")
    assert one.words == ("cat?",) and torch.equal(one.values[0], read[2])
    assert not drawing.choose(probed, "dog?", "difference").values.any()
    single = replace(probed, probes=(1,))
    assert torch.equal(drawing.choose(single, show="original").values, alone)
    with pytest.raises(BendError, match="against is 'all'"):
        drawing.choose(probed, against="all")


def test_the_grid_says_what_a_probes_share_is_of(probed):
    shares = [maps_grid.collect(probed, *given).share for given in (("kiss",), ("dog?",))]
    assert shares == ["share of all attention", "share among the probes"]
    alone = maps_grid.collect(probed, "dog?", against="nothing")
    assert alone.share == "share of the attention in its own prompt"
    cell = json.loads(maps_grid.collect(probed, "dog?").as_json())["cells"][1][0]
    places = ((1,), (0,))
    read = against_each_other(torch.stack([probed.mean_map(word, False, *places) for word in probed.probes]))
    assert cell["share"] == pytest.approx(float(read[0].mean()))


def test_probes_are_in_the_file_and_the_report_and_never_heard_at_a_place(probed, tmp_path):
    files.save(probed, tmp_path / "maps.safetensors")
    assert files.load(tmp_path / "maps.safetensors").probes == (1, 2)
    assert "a word with ? is a probe" in report_text(probed)
    assert [each.word for each in heard.words_here(probed, 0.5, 0.5, 1)] == ["kiss"]
    with pytest.raises(BendError, match='Set record to "prompt words"'):
        heard.check_many(probed)
    with pytest.raises(BendError, match="its probes are none of its words"):
        files.save(replace(probed, probes=(3,)), tmp_path / "other.safetensors")
