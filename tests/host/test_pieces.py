"""A prompt's pieces told without a model: the map that Bend Prompt makes, for each loader that can be looked into."""

import json
import re

import folder_paths
import pytest
import safetensors.torch
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.token_field import TokenField, TokenTerm
from attention_bending.bending.text.tokens import resolve
from attention_bending.dev.nodes_tiny import TinyUMT5Loader
from attention_bending.host import toy
from attention_bending.host.text import pieces
from attention_bending.host.text.fields import Problem, check_field
from attention_bending.host.text.pieces import LONGEST, pieces_of
from attention_bending.host.text.prompt_encoding import encode_prompt
from host.encoders import gemma_vocabulary, tiny

import nodes

TEXT = "a (romantic:1.3) kiss 👍🏽, a second (kiss) ½ 花火"
T5_XXL = {"encoder.block.23.layer.1.DenseReluDense.wi_1.weight": torch.zeros(10240, 1)}
T5_OLD = {"encoder.block.23.layer.1.DenseReluDense.wi.weight": torch.zeros(1)}
QWEN3 = {
    "model.layers.0.post_attention_layernorm.weight": torch.zeros(1024),
    "model.layers.0.self_attn.q_norm.weight": torch.zeros(1),
}


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Folders of models for this test alone; a function that writes a file into one."""
    for folder in ("text_encoders", "checkpoints"):
        listed = folder_paths.folder_names_and_paths[folder]
        monkeypatch.setitem(
            folder_paths.folder_names_and_paths, folder, ([*listed[0], str(tmp_path)], listed[1])
        )  # fmt: skip

    def write(tensors, name="encoder.safetensors"):
        safetensors.torch.save_file(tensors, tmp_path / name)
        return name

    return write


@pytest.fixture
def spiece(tiny_clip):
    return {"spiece_model": tiny_clip.tokenizer.state_dict()["spiece_model"]}


def expected(clip, text=TEXT):
    (_, tokens) = encode_prompt(clip, text)
    return tokens.text, tokens.encoders, tokens.marked, tokens.source


def found(loader, inputs, text=TEXT):
    shown = pieces_of(loader, inputs, text)
    assert not shown.why and not shown.problem
    return shown.text, shown.tokens.encoders, shown.tokens.marked, shown.tokens.source


def test_umt5_of_its_own_file(folders, spiece, tiny_clip):
    name = folders({**T5_XXL, **spiece})
    assert found("CLIPLoader", {"clip_name": name, "type": "wan", "device": "default"}) == expected(tiny_clip)


@pytest.mark.parametrize(
    ("like", "kind", "tensors"), [("LTXV", "ltxv", T5_XXL), ("Cosmos", "cosmos", T5_OLD), ("Anima", "wan", QWEN3)]
)
def test_encoders_whose_tokenizer_is_comfyuis(like, kind, tensors, folders):
    name = folders(tensors)
    assert found("CLIPLoader", {"clip_name": name, "type": kind}) == expected(tiny(like))


def test_encoders_of_two_files(folders):
    name = folders({"spiece_model": gemma_vocabulary()})
    inputs = {"clip_name1": name, "clip_name2": "other", "type": "kandinsky5"}
    assert found("DualCLIPLoader", inputs) == expected(tiny("Kandinsky 5"))
    gemma = found("DualCLIPLoader", {**inputs, "type": "ltxv"})
    assert gemma == expected(tiny("LTX-2"))
    assert gemma == found("LTXAVTextEncoderLoader", {"text_encoder": name, "ckpt_name": "ltx"})
    image = pieces_of("DualCLIPLoader", {**inputs, "type": "kandinsky5_image"}, TEXT)
    assert "Image" in image.tokens.source


def test_the_toy_and_a_node_that_says_what_it_loads(monkeypatch, tiny_clip):
    assert found("AttnBendToyWan", {}) == expected(toy.load_toy()[1])
    monkeypatch.setitem(nodes.NODE_CLASS_MAPPINGS, "TinyUMT5Loader", TinyUMT5Loader)
    assert found("TinyUMT5Loader", {}) == expected(tiny_clip)


def test_a_checkpoint_with_its_text_encoder(folders, spiece, tiny_clip):
    """By the kind of model that ComfyUI finds in it."""
    network = safetensors.torch.load_file(folder_paths.get_full_path("diffusion_models", "tiny_wan21_t2v.safetensors"))
    both = {f"model.diffusion_model.{key}": tensor for key, tensor in network.items()}
    alone = folders(both, "alone.safetensors")
    whole = folders({**both, "text_encoders.spiece_model": spiece["spiece_model"]}, "whole.safetensors")
    assert found("CheckpointLoaderSimple", {"ckpt_name": whole}) == expected(tiny_clip)
    assert "has no text encoder" in pieces_of("CheckpointLoaderSimple", {"ckpt_name": alone}, TEXT).why


@pytest.mark.parametrize(
    ("loader", "inputs", "why"),
    [
        ("CLIPLoaderGGUF", {"clip_name": "umt5.gguf"}, "not known here what the node CLIPLoaderGGUF loads"),
        ("CLIPLoader", {"clip_name": "none.safetensors", "type": "wan"}, "no file 'none.safetensors' in the folder"),
        ("CLIPLoader", {"clip_name": "../../secret", "type": "wan"}, "there is no file '../../secret'"),
        ("CLIPLoader", {"clip_name": 3}, "there is no file 3"),
        ("CLIPLoader", {"clip_name": "bare.safetensors", "type": "wan"}, "bare.safetensors has no vocabulary in it"),
        ("CLIPLoader", {"clip_name": "bare.safetensors", "type": "mochi"}, "a text encoder of T5_XXL, with type mochi"),
        ("CLIPLoader", {"clip_name": "odd.safetensors", "type": "wan"}, "a text encoder of unknown kind"),
        ("CLIPLoader", {"clip_name": "broken.safetensors"}, "broken.safetensors is no safetensors file"),
        ("DualCLIPLoader", {"type": "flux"}, "text encoders with type flux"),
        ("CheckpointLoaderSimple", {"ckpt_name": "odd.safetensors"}, "this checkpoint has no text encoder"),
    ],
)
def test_what_cannot_be_known_without_a_model_says_why_and_has_words(loader, inputs, why, folders, tmp_path):
    folders(T5_XXL, "bare.safetensors")
    folders({"x": torch.zeros(1)}, "odd.safetensors")
    (tmp_path / "broken.safetensors").write_text("no")
    shown = pieces_of(loader, inputs, TEXT)
    assert shown.why.startswith("known after a run: ") and why in shown.why
    assert shown.tokens is None and shown.selectors == ("ALL", "MARKED")
    assert [word.text for word in shown.words] == ["romantic", "kiss", "a", "👍🏽", "second", "½", "花火"]


def test_a_class_that_this_comfyui_lacks(monkeypatch):
    import comfy.text_encoders.kandinsky5 as module

    pieces._tokenizer.cache_clear()
    monkeypatch.delattr(module, "Kandinsky5Tokenizer")
    inputs = {"clip_name1": "tiny_umt5.safetensors", "type": "kandinsky5"}
    assert "this ComfyUI has no Kandinsky5Tokenizer" in pieces_of("DualCLIPLoader", inputs, TEXT).why


def test_a_changed_file_is_read_again(folders, spiece):
    inputs = {"clip_name": folders({**T5_XXL, **spiece}), "type": "wan"}
    before = found("CLIPLoader", inputs)
    other = safetensors.torch.load_file(toy.FOLDER / toy.ENCODER)["spiece_model"]
    folders({**T5_XXL, "spiece_model": other})
    assert found("CLIPLoader", inputs) == found("AttnBendToyWan", {}) != before


@pytest.mark.parametrize("loader", ["AttnBendToyWan", "CLIPLoaderGGUF"])
def test_every_word_reads_back_as_itself(loader):
    """What a token field has to hold for it, for all its places and for each alone."""
    text = r"ALL red, a (rose) and \"rose\", 12:30 (a \(b\)) don't (sun)flower kiss#2 * 猫と猫 rose's PADDING"
    shown = pieces_of(loader, {}, text)
    tokens = shown.tokens or encode_prompt(toy.load_toy()[1], text)[1]
    assert {word.text for word in shown.words} == set(tokens.words)
    assert [word.marked for word in shown.words] == sorted((word.marked for word in shown.words), reverse=True)
    for word in shown.words:
        assert TokenField.parse(word.token).terms == (TokenTerm(word.text),)
        columns = [resolve(place.token, tokens).columns for place in word.places]
        assert {*sum(columns, ())} == {*resolve(word.token, tokens).columns}
        assert ("#" in word.places[0].token) == (len(word.places) > 1) or "#" in word.text
        for place, own in zip(word.places, columns, strict=True):
            typed = re.sub(r"\\([()])|[()]", r"\1", text[slice(*place.typed)])
            assert typed == shown.text[place.start : place.end]
            if shown.tokens:
                assert own == tuple(sorted({shown.encoder.pieces[index].column for index in place.pieces}))


def test_a_word_says_where_it_stands_and_what_it_is():
    shown = pieces_of("AttnBendToyWan", {}, "👍🏽 (red) zebra")
    red, _, zebra = shown.words
    cut = [shown.text[place.start : place.end] for word in shown.words for place in word.places]
    assert cut == ["red", "👍🏽", "zebra"]
    (place,) = red.places
    assert (place.token, place.start, place.end, place.typed) == ("red", 3, 6, (4, 7))
    assert {shown.text[shown.encoder.pieces[at].start : shown.encoder.pieces[at].end] for at in place.pieces} == {"red"}
    assert (red.marked, zebra.marked, red.unknown, zebra.unknown) == (True, False, False, True)
    assert shown.selectors == ("ALL", "PROMPT", "PADDING", "END", "MARKED")
    assert "Wan's UMT5" in shown.tokens.source and not shown.why and not shown.problem


def test_a_half_typed_prompt_is_told_and_a_long_one_refused(folders):
    shown = pieces_of("AttnBendToyWan", {}, "a (kiss")
    assert "opened but never closed" in shown.problem and not shown.words and shown.tokens is None
    ltxv = {"clip_name": folders(T5_XXL), "type": "ltxv"}
    assert "no name after it" in pieces_of("CLIPLoader", ltxv, "a embedding: ").problem
    with pytest.raises(BendError, match="at most 20000"):
        pieces_of("AttnBendToyWan", {}, "a" * (LONGEST + 1))
    assert pieces_of("AttnBendToyWan", {}, "a " * (LONGEST // 2)).encoder.columns > LONGEST // 2


FIELDS = [
    ("kiss", []),
    ("ALL, kiss#2, PADDING", []),
    ("kist", [("kist", ("kiss",))]),
    ("moon, KISS, kist#1", [("moon", ()), ("kist#1", ("moon, KISS, kiss",))]),
    ("kiss#3, ALL", [("kiss#3", ("kiss#2, ALL",))]),
    ("red#2", [("red#2", ("red",))]),
    ("all", [("all", ("ALL",))]),
    ("slow motion", [("slow motion", ("slow-motion",))]),
    ("kiss red", [("kiss red", ("kiss, red",))]),
    ("(red)", [("(red)", ("red",))]),
    ("REGISTERS", [("REGISTERS", ())]),
    ("", [("", ())]),
    ("kiss,", [("", ())]),
    ("kiss:1.3", [("", ())]),
]


@pytest.mark.parametrize(("field", "problems"), FIELDS)
def test_a_field_is_checked_by_the_code_that_resolves_it(field, problems):
    """The whole message is that of a run; and what is offered for the field has no such problem any more."""
    shown = pieces_of("AttnBendToyWan", {}, "a red (kiss), a slow-motion kiss")
    told = [problem for problem in check_field(field, shown) if problem.severity == "error"]
    assert [(problem.term, problem.offers) for problem in told] == problems
    if told:
        with pytest.raises(BendError) as refused:
            resolve(field, shown.tokens)
        assert str(refused.value) == told[0].message
    for problem in told:
        for offer in problem.offers:
            assert len([left for left in check_field(offer, shown) if left.severity == "error"]) < len(told)
    by_text = check_field(field, "a red (kiss), a slow-motion kiss")
    assert [problem.term for problem in by_text] == [term for term, _ in problems if term != "REGISTERS"]


def test_several_prompts_share_a_fields_words():
    shown = pieces_of("AttnBendToyWan", {}, "a red kiss")
    assert not check_field("kiss, moon", [shown, "a (moon)", "a (half typed"])
    (problem,) = check_field("fox, moon", [shown, "a (moon)"])
    assert problem.term == "fox" and json.loads(json.dumps(problem.to_json()))["severity"] == "error"
    assert check_field("fox", []) == check_field("fox", "a (half typed") == []
    assert "nothing before or after a comma" in check_field("fox,,", [])[0].message


def test_a_shared_token_is_a_note(tiny_clip, folders, spiece):
    inputs = {"clip_name": folders({**T5_XXL, **spiece}), "type": "wan"}
    text = "一个女人和一个男人在海边接吻"
    shown = pieces_of("CLIPLoader", inputs, text)
    single = next(piece for piece in shown.encoder.pieces if piece.end - piece.start > 1)
    word = shown.text[single.start]
    notes = check_field(word, shown)
    assert notes == [Problem(note.message, word, (), "note") for note in notes] and len(notes) >= 1
    assert all(f'"{word}" shares the token' in note.message for note in notes)
