"""What is particular of LTX-Video and LTX-2: guides, sound, registers, and prompts from their encoders to the film."""

from dataclasses import dataclass, replace

import comfy.context_windows as windows
import comfy.ldm.modules.attention
import comfy.model_base
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.host.families.ltx import LTX2, LTXV
from attention_bending.host.text.prompt_encoding import encode_prompt
from comfy.ldm.modules.attention import attention_pytorch
from comfy_extras.nodes_context_windows import ContextWindowsManualNode
from host.encoders import tiny
from host.support import KISS, ROUNDING, bent, distance, reports, said

from nodes import ConditioningConcat

from .dense import Dense
from .member import TEXT, Member
from .table import LTX23, MEMBERS, connected, for_guide, guide, ltx2
from .test_members import CHAIN, STEPS, built, film, held, member

__all__ = ["film", "member"]

LOUDER = (Bend(ops.Amplify(3.0), "REGISTERS"),)
WARM = Bend(ops.Temperature(0.5), "ALL")


def named(*names):
    return pytest.mark.parametrize("name", names)


@named("LTX-Video", "LTX-2")
def test_a_place_is_32_pixels_wide_and_a_latent_frame_eight_frames(name, member):
    family = {"LTXV": LTXV(), "LTXAV": LTX2()}[member.config]
    assert family.cell(built(member)) == (32, 8)


@named("LTX-2", "LTX-2.3")
def test_registers_are_columns_of_their_own(name, member, film):
    report, _ = held(film, member, LOUDER)
    assert not report.warnings


@named("LTX-2")
def test_sound_is_left_alone(name, member, sample):
    """Where the film does not speak to it, it is the same to the bit."""

    def sound(model):
        apart = model.clone()
        apart.model_options["transformer_options"]["v2a_cross_attn"] = False
        conds = member.conditioning(1), member.conditioning(2)
        return sample(apart, *conds, latent=member.latent(1)).unbind()

    plain, changed = sound(built(member)), sound(bent(built(member), *CHAIN))
    assert torch.equal(changed[1], plain[1]) and distance(changed[0], plain[0]) > 0.05


@named("LTX-Video")
def test_columns_that_were_made_already_stand_as_they_are(name, member):
    """Where no connector is to be asked, and where a mask is laid over the text as it is."""
    model, of = built(MEMBERS["LTX-2"]).model, LTX2().columns
    wide, narrow = torch.zeros(1, 1024, 128), torch.zeros(1, 1100, 64)
    assert of(model, {"cross_attn": wide}).count == 1024
    assert of(model, {"cross_attn": narrow}).count == 1152
    floating = {"cross_attn": torch.zeros(1, 24, 32), "attention_mask": torch.zeros(1, 1, 24)}
    assert LTXV().columns(built(member).model, floating).shut is None


@named("LTX-Video, a guide")
def test_the_film_ends_before_its_guides(name, member):
    model, grid = built(member).model, Grid(3, 4, 4)
    ((_, given),) = member.conditioning(1)
    assert LTXV().film(model, grid, [given]) == LTXV().film(model, grid, [{}, given]) == range(2)
    assert LTXV().film(model, grid, [{"keyframe_idxs": None}]) == range(3)


@named("LTX-Video, a guide")
def test_a_mask_with_holes_in_the_film_is_refused(name, member, film):
    mask = for_guide()
    mask[:, :, 0, 0, 0] = -1
    with pytest.raises(BendError, match="its mask takes places out of the film itself"):
        film(bent(built(member), *KISS), noise_mask=mask)


@named("LTX-Video")
def test_what_is_masked_is_left_out_of_the_attention(name, member, film):
    """So that kernels serve that take no mask; the other rows are attended to as ever."""
    seen = set()

    def override(func, q, k, *args, **kwargs):
        seen.add((k.shape[1], kwargs.get("mask") is not None))
        return func(q, k, *args, **kwargs)

    model = bent(built(member), *CHAIN)
    model.model_options["transformer_options"]["optimized_attention_override"] = override
    result = film(model)
    assert seen > {(24, True)} and all(keys <= 10 for keys, masked in seen - {(24, True), (32, False)})
    assert not any(masked for keys, masked in seen - {(24, True)})
    assert distance(result, film(Dense(member, CHAIN).patched(built(member)))) < ROUNDING


@named("LTX-Video")
def test_what_only_multiplies_is_a_bias_to_the_keys_that_are_left(name, member, film, monkeypatch):
    """Of a kernel that takes one."""
    monkeypatch.setattr(comfy.ldm.modules.attention, "optimized_attention", attention_pytorch)
    report, _ = held(film, member, (Bend(ops.Amplify(4.0), "kiss"),))
    assert set(report.ways) == {"biased"}


@named("LTX-Video")
def test_a_temperature_leaves_the_mask_as_it_is(name, member, film):
    """Also where another node's attention gets the mask with all keys."""
    model = bent(built(member), WARM)
    expected = film(model)
    handed_on = {"optimized_attention_override": lambda func, *args, **kwargs: func(*args, **kwargs)}
    model.model_options["transformer_options"].update(handed_on)
    assert distance(film(model), expected) < ROUNDING < distance(expected, film(built(member)))


@named("LTX-Video")
def test_a_temperature_is_refused_where_what_is_masked_is_wanted(name, member, film):
    swapped = bent(built(member), WARM, Bend(ops.Swap("PADDING"), "kiss"))
    seen = bent(built(member), WARM, see=print, watch="PADDING")
    for some in (swapped, seen):
        with pytest.raises(
            BendError, match=r"Bend 1 of \d, Temperature of ALL: it cannot act where tokens that the model"
        ):
            film(some)


@named("LTX-Video")
def test_a_mask_that_is_too_short_is_nobodys_that_can_be_seen(name, member, sample):
    """As Conditioning (Concat) leaves it; ComfyUI itself cannot sample that."""
    positive, negative = member.conditioning(1), member.conditioning(2)
    (joined,) = ConditioningConcat().concat(positive, negative)
    with pytest.raises(
        BendError, match=r"another mask than its conditioning's own .*\. Whose doing it is cannot be seen"
    ):
        sample(bent(built(member), Bend(ops.Blur(), "ALL")), joined, negative, latent=member.latent(1))


@named("LTX-Video")
def test_another_mask_than_the_conditionings_own_is_refused(name, member, film):
    model = bent(built(member), *KISS)
    own = model.model.diffusion_model._prepare_attention_mask

    def other(mask, dtype):
        mask = own(mask, dtype).clone()
        mask[..., 1] = torch.finfo(dtype).min
        return mask

    model.add_object_patch("diffusion_model._prepare_attention_mask", other)
    with pytest.raises(BendError, match="the mask over the text's attention is not that of conditioning 1"):
        film(model)


# --- context windows: frames 0–2, 2–4 and 3–5 of six ------------------------------------------------------------------


@dataclass
class InWindows(Dense):
    """One member for each count of queries that a window makes."""

    by_queries: dict[int, Member] = None

    def attend(self, func, q, *args, **kwargs):
        self.member = self.by_queries.get(q.shape[1], self.member)
        return super().attend(func, q, *args, **kwargs)


def in_windows(member: Member, guides: bool) -> tuple[Member, dict[int, slice]]:
    """A guide stands behind the first window; else one frame in front of the others, their anchor."""
    shape, sound = (1, 128, 6 + guides, 4, 4), member.sound and (1, 8, 12, 16)
    long = replace(member, shape=shape, sound=sound, grid=(3, 4, 4), mask=None)
    if guides:
        mask = torch.cat((torch.ones(1, 1, 6, 4, 4), torch.zeros(1, 1, 1, 4, 4)), 2)
        return replace(long, mask=mask, extras=guide(connected)), {64: slice(48), 48: slice(48)}
    return long, {48: slice(48), 64: slice(16, 64)}


@pytest.mark.parametrize(
    "name, guides",
    [("LTX-Video", False), ("LTX-2", False), ("LTX-2", True)],  # ComfyUI itself cannot have LTX-Video's guides in them
)
def test_context_windows(name, guides, sample):
    member, rows = in_windows(MEMBERS[name], guides)
    if member.sound and not hasattr(comfy.model_base.LTXAV, "map_context_window_to_modalities"):
        pytest.skip("this ComfyUI cannot have LTX-2 in them")  # as 0.24
    settings = 3, 1, windows.ContextSchedules.STATIC_STANDARD, 1, False, windows.ContextFuseMethods.FLAT, 2, False

    def film(model):
        some = ContextWindowsManualNode.execute(model, *settings, causal_window_fix=not guides)[0]
        conds = member.conditioning(1), member.conditioning(2)
        samples = sample(some, *conds, latent=member.latent(1), noise_mask=member.mask, steps=1)
        return samples.unbind()[0] if samples.is_nested else samples

    members = {queries: replace(member, queries=queries, rows=own) for queries, own in rows.items()}
    dense = InWindows(members[48], KISS, by_queries=members)
    expected = film(dense.patched(built(member)))
    with reports() as made:
        result = film(bent(built(member), *KISS))
    assert made[0].bent == dense.rows == 3 * member.calls
    assert distance(result, expected) < ROUNDING and not made[0].warnings


# --- from a prompt to the film ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Encoded(Member):
    """One whose prompts a tiny encoder of the host's reads; `word` are the columns of `kiss`, by the host's tokens."""

    clip: str = ""
    word: tuple[int, ...] = ()

    def conditioning(self, seed):
        return encode_prompt(tiny(self.clip), TEXT if seed == 1 else "blurry")[0]

    def means(self, token):
        return list(self.word) if token == "kiss" else super().means(token)


def encoded(name: str) -> Encoded:
    """T5's or Gemma's: how many columns they have, which are masked, and where the word is."""
    clip = tiny(name)
    ((tokens, ids),) = [(key, [entry[0] for entry in rows[0]]) for key, rows in clip.tokenize(TEXT).items()]
    inner = getattr(clip.tokenizer, tokens if name == "LTX-2" else clip.tokenizer.clip).tokenizer
    if name == "LTXV":
        names = inner.convert_ids_to_tokens(ids)
        text = names.index("</s>") + 1
        lies = {"columns": 128, "keys": 128, "shut": tuple(range(text, 128))}
        return Encoded(**vars(replace(MEMBERS["LTX-Video"], **lies)), clip=name, word=tuple(spelled(names, "kiss")))
    names = [inner.tokenizer.id_to_piece(id_) for id_ in ids if id_]
    settings = {**LTX23, "cross_attention_dim": 24, "audio_cross_attention_dim": 8}
    settings |= {"attention_head_dim": 12, "audio_attention_head_dim": 4}
    settings |= {"connector_attention_head_dim": 12, "audio_connector_attention_head_dim": 4}
    return Encoded(**vars(ltx2(settings, width=32)), clip=name, word=tuple(spelled(names, "kiss")))


def spelled(names: list[str], word: str) -> range:
    """The tokens that spell a word, one behind the other."""
    for start in range(len(names)):
        for end in range(start + 1, len(names) + 1):
            if "".join(names[start:end]).strip("▁") == word:
                return range(start, end)
    raise AssertionError(names)


@pytest.mark.parametrize("name", ["LTXV", "LTX-2"])
def test_a_word_of_bend_prompt_acts_on_its_own_columns(name, sample):
    member = encoded(name)
    model, dense = built(member), Dense(member, KISS)

    def film(some):
        samples = sample(some, member.conditioning(1), member.conditioning(2), latent=member.latent(1))
        return samples.unbind()[0] if samples.is_nested else samples

    expected = film(dense.patched(model))
    with reports() as made:
        result = film(bent(model, *KISS))
    assert made[0].bent == dense.rows == STEPS * 2 and not made[0].warnings
    assert distance(result, expected) < ROUNDING and distance(result, film(model)) > 0.05


@pytest.mark.parametrize("name, other", [("LTXV", "Cosmos"), ("LTX-2", "LTXV")])
def test_a_prompt_of_another_encoder_is_refused_by_name(name, other, sample):
    member = encoded(name)
    positive = encode_prompt(tiny(other), TEXT)[0]
    works = {"LTXV": r"LTXV's T5 \(Load CLIP with type ltxv\)", "LTX-2": "LTX-2's Gemma 3"}[name]
    with pytest.raises(BendError, match=f"was encoded by .*, but this model takes {works}"):
        sample(bent(built(member), *KISS), positive, member.conditioning(2), latent=member.latent(1))


def test_padding_of_ltx_video_is_silent(sample):
    member = encoded("LTXV")
    with reports() as made:
        sample(bent(built(member), CHAIN[2]), member.conditioning(1), member.conditioning(2), latent=member.latent(1))
    assert "the model masks all of these tokens" in said(made[0]) and not made[0].bent


def test_ltx2_has_no_padding_to_bend(sample):
    """Its encoder cuts it away; the registers that stand there instead are named."""
    member = encoded("LTX-2")
    with pytest.raises(BendError, match=r"PADDING selects nothing.*gemma3_12b has ALL, PROMPT, REGISTERS"):
        sample(bent(built(member), CHAIN[2]), member.conditioning(1), member.conditioning(2), latent=member.latent(1))
