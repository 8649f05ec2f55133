"""What each text encoder gets, read by its own reader: ComfyUI's tokenizers, and tiny encoders of its own classes."""

import re
import unicodedata

import pytest
import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.prompt import parse_prompt
from attention_bending.bending.text.tokens import describe, resolve
from attention_bending.host.families.encoders import ENCODERS, encoder_of
from attention_bending.host.text.prompt_encoding import KEY, attach_words, encode_prompt, read_prompt
from host.encoders import BUILT, tiny
from host.reading import CAUSAL, ENCODED, FAMILY, PART, covered, decoded, ids_of

WORDS = [
    ("a romantic (kiss) at sunset", "kiss", "kiss"),
    ("a romantic (kiss:1.3) at sunset", "romantic", "romantic"),
    (r"plan \(a\): two foxes", "foxes", "foxes"),
    ("kiss", "kiss", "kiss"),
    ("\n a \n\n red\tcat ", "cat", "cat"),
    ("the rock'n'roll, 3.5mm", '"3.5mm"', "3.5mm"),
    ("a cafe\u0301 in fog", "café", "cafe\u0301"),
    ("Über naïve café", "naïve", "naïve"),
    ("le garçon (mange:0.5), vite", "mange", "mange"),
]
OTHER_SCRIPTS = [
    ("x 海辺で二人がキスをしている", "キス", "キス"),
    ("夜晚的城市街道，霓虹灯", "霓虹灯", "霓虹灯"),
    (f"so {FAMILY} here", FAMILY, FAMILY),
    ("so👍🏽here", "👍🏽", "👍🏽"),
    ("한국 \u1112\u1161\u11ab", "한", None),
    ("½ ㎏ of ﬁre", "fire", "ﬁre"),
    ("שָׁלוֹם עולם", "עולם", "עולם"),
]


@ENCODED
@pytest.mark.parametrize(
    ("text", "token", "expected"), [*WORDS[:4], *(pytest.param(*case, marks=pytest.mark.slow) for case in WORDS[4:])]
)
def test_a_words_columns_are_those_of_its_ids(name, text, token, expected):
    """What the encoder really got there, decoded by its own tokenizer, is the word and no more."""
    ids, tokens = ids_of(name, text)
    columns = resolve(token, tokens).columns
    word = decoded(name, [ids[column] for column in columns])
    known = map(re.escape, word.split("<unk>"))
    assert re.fullmatch(".".join(known), unicodedata.normalize("NFKC", expected))
    assert "".join(tokens.text[at] for at in sorted(covered(tokens, columns))) == expected


@ENCODED
@pytest.mark.parametrize(
    ("text", "token", "expected"),
    [*OTHER_SCRIPTS[:3], *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHER_SCRIPTS[3:])],
)
def test_other_scripts_are_read_exactly(name, text, token, expected):
    """Each character that the word is made of, and none besides, though a vocabulary may have no piece for it."""
    _, tokens = ids_of(name, text)
    selection = resolve(token, tokens)
    held = covered(tokens, selection.columns)
    shown = [
        at for place in tokens.places(token) for at in range(*place) if unicodedata.category(tokens.text[at]) != "Cf"
    ]
    assert held >= set(shown)
    if expected and not selection.notes:
        assert "".join(tokens.text[at] for at in sorted(held)) in (expected, expected.replace("\u200d", ""))


@ENCODED
def test_of_another_word_only_its_columns_hold_other_ids(name):
    for template, old, new in [
        ("a {} cat sits on a red table", "blue", "black"),
        ("two friends ({}:1.2) in the rain", "kiss", "walk"),
        ("花火，{}，夜", "猫", "狐"),
        ("😀{}😀 happy", "😎", "😱"),
    ]:
        (first, before), (second, after) = (ids_of(name, template.format(word)) for word in (old, new))
        selected = {
            column for word, tokens in ((old, before), (new, after)) for column in resolve(word, tokens).columns
        }
        differing = {column for column, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]}
        if len(first) == len(second):
            assert differing <= selected
        assert min(selected) <= min(differing, default=0) or not differing


@pytest.mark.parametrize("name", CAUSAL)
def test_columns_before_a_word_have_not_heard_it(name):
    """And each one behind it has."""
    clip = tiny(name)
    (((old, _),), tokens), (((new, _),), _) = (encode_prompt(clip, f"a {word} on a table") for word in ("cat", "dog"))
    column = resolve("cat", tokens).columns[0]
    assert old.shape == new.shape and column > 0
    assert torch.equal(old[:, :column], new[:, :column])
    assert (old[:, column:] != new[:, column:]).any(-1).all()


@ENCODED
def test_every_column_is_something(name):
    ids, tokens = ids_of(name, "a (red) cat")
    encoder = tokens.encoder()
    named = [piece.column for piece in encoder.pieces] + [column for column, _ in encoder.special]
    columns = sorted([*named, *encoder.end, *encoder.padding, *encoder.registers])
    assert columns == list(range(encoder.columns)) == list(resolve("ALL", tokens, encoder.embedded).columns)
    assert (
        set(encoder.kinds)
        == {
            "LTXV": {"ALL", "PROMPT", "END", "PADDING"},
            "Cosmos": {"ALL", "PROMPT", "END", "PADDING"},
            "Anima": {"ALL", "PROMPT", "END", "PADDING"},
            "Kandinsky 5": {"ALL", "PROMPT", "END"},
            "LTX-2": {"ALL", "PROMPT", "REGISTERS"},
        }[name]
    )
    width = {"LTXV": 128, "Cosmos": 512, "Anima": 512, "Kandinsky 5": 4, "LTX-2": 1024}[name]
    assert encoder.columns == width
    for selector in {"PADDING", "END", "REGISTERS"} - set(encoder.kinds):
        with pytest.raises(BendError, match=f"{selector} selects nothing.* {PART[name]} has ALL, PROMPT"):
            resolve(selector, tokens)
    if encoder.end:
        assert [ids[column] for column in encoder.end] == [151645 if name == "Kandinsky 5" else 1]


def test_padding_is_zeros_or_masked():
    """As the help page says it: LTXV's is masked, those of the others are nothing."""
    for name in ("LTXV", "Cosmos"):
        ((embedding, extras),), tokens = encode_prompt(tiny(name), "a (red) cat")
        padding = list(tokens.encoder().padding)
        assert len(padding) > 100 and not extras["attention_mask"][0, padding].any()
        assert embedding[0, padding].any() == (name == "LTXV")


def test_the_token_that_begins_is_named_and_no_words():
    ids, tokens = ids_of("LTX-2", "a red cat")
    assert ids[0] == 2 and tokens.encoder().special == ((0, "start"),)
    assert describe(tokens).splitlines()[1].startswith("gemma3_12b, 1024 columns: 0 start · 1 ")
    assert describe(tokens).endswith(f"{tokens.encoder().embedded}–1023 registers")


@pytest.mark.parametrize("words", [3, 600])
def test_registers_are_what_the_connector_makes(words):
    """Counted on ComfyUI's own connector."""
    from comfy.ldm.lightricks.embeddings_connector import Embeddings1DConnector
    from comfy.ops import disable_weight_init

    ((embedding, _),), tokens = encode_prompt(tiny("LTX-2"), " ".join(["up"] * words))
    connector = Embeddings1DConnector(
        attention_head_dim=8, num_attention_heads=1, num_layers=0, num_learnable_registers=128, in_channels=8,
        cross_attention_dim=8, operations=disable_weight_init, dtype=torch.float32,
    )  # fmt: skip
    with torch.no_grad():
        connector.learnable_registers.zero_()
    made, _ = connector(embedding[..., :8])
    encoder = tokens.encoder()
    assert made.shape[1] == encoder.columns and embedding.shape[1] == encoder.embedded
    assert (encoder.columns > 1024) == (words == 600)
    assert encoder.registers == tuple(range(embedding.shape[1], made.shape[1]))


@ENCODED
def test_marks_leave_no_trace(name):
    clip = tiny(name)
    marked, tokens = encode_prompt(clip, r"a (romantic (kiss)) \(really\)")
    plain = clip.encode_from_tokens_scheduled(clip.tokenize(r"a romantic kiss \(really\)"))
    assert torch.equal(marked[0][0], plain[0][0]) and set(marked[0][1]) == {*plain[0][1], KEY}
    assert tokens.text == "a romantic kiss (really)" and tokens.marked_words == ("kiss",)
    assert not any("weight" in note for note in tokens.encoder().notes)


@ENCODED
def test_a_weight_is_the_hosts_or_is_said_to_do_nothing(name):
    clip = tiny(name)
    weighted, tokens = encode_prompt(clip, "a (romantic:1.4) kiss")
    plain = clip.encode_from_tokens_scheduled(clip.tokenize("a romantic kiss"))
    if name in CAUSAL:
        assert torch.equal(weighted[0][0], plain[0][0])
        assert f'The weight of "romantic" does nothing: {PART[name]} takes no weights' in describe(tokens)
    else:
        made = clip.encode_from_tokens_scheduled(clip.tokenize("a (romantic:1.4) kiss"))
        assert torch.equal(weighted[0][0], made[0][0])
        assert {piece.weight for piece in tokens.encoder().pieces} == {1.0, 1.4}
        assert "weight" not in describe(tokens)


@ENCODED
def test_an_empty_prompt(name):
    _, tokens = ids_of(name, "")
    assert not tokens.words and not tokens.encoder().pieces
    with pytest.raises(BendError, match="The prompt has no words at all"):
        resolve("kiss", tokens)


@pytest.mark.parametrize(
    ("name", "text", "unheard"),
    [
        ("LTXV", "a kiss </s> in the rain", "in the rain"),
        ("Kandinsky 5", "a kiss<|endoftext|> in the rain", "in the rain"),
        ("LTX-2", "a kiss </s> in the rain", ""),
        ("LTXV", "a kiss " * 300, ""),
    ],
)
def test_what_the_encoder_does_not_hear_is_told(name, text, unheard):
    _, tokens = ids_of(name, text)
    assert tokens.encoder().unheard == unheard
    assert (f'Cut off, so that {PART[name]} does not hear it: "{unheard}"' in describe(tokens)) == bool(unheard)
    if name == "LTXV" and unheard:  # the host masks it
        ((_, extras),), _ = encode_prompt(tiny(name), text)
        assert extras["attention_mask"].sum() == max(resolve('"</s>"', tokens).columns) + 1


def test_whose_tokens_are_columns_is_said():
    assert "Columns are those of t5xxl; the part qwen3_06b makes the embedding" in describe(ids_of("Anima", "a")[1])
    assert "Columns are those of qwen25_7b; the part l makes one summary" in describe(ids_of("Kandinsky 5", "a")[1])


def test_kandinskys_two_templates_and_ones_own():
    """Also where the prompt melts into the template's last token, or brings a template of its own."""
    from comfy.text_encoders.kandinsky5 import Kandinsky5TokenizerImage

    image = Kandinsky5TokenizerImage()
    encoder = encoder_of(image)
    assert "Image" in encoder.works and encoder is not encoder_of(tiny("Kandinsky 5").tokenizer)
    tokens, _ = read_prompt(image, encoder, parse_prompt("a red cat"), image.tokenize_with_weights)
    assert [(piece.text, piece.column) for piece in tokens.encoder().pieces] == [("a", 0), ("▁red", 1), ("▁cat", 2)]
    ids, melted = ids_of("Kandinsky 5", "\na cat")
    assert [name for _, name in melted.encoder().special] == ["<|im_start|>", "user"]
    assert decoded("Kandinsky 5", [ids[column] for column in resolve("cat", melted).columns]) == "cat"
    own = "<|im_start|>system\nDream.<|im_end|>\n<|im_start|>user\na cat<|im_end|>"
    ids, tokens = ids_of("Kandinsky 5", own)
    assert decoded("Kandinsky 5", [ids[column] for column in resolve("cat", tokens).columns]) == "cat"
    with pytest.raises(BendError, match="made no token of it"):
        resolve("dream", tokens)


def test_a_turn_in_gemmas_prompt_costs_its_first_token():
    """The host takes it for the one that begins; so it has no column."""
    ids, tokens = ids_of("LTX-2", "a cat<end_of_turn> now")
    assert 106 in ids and decoded("LTX-2", [ids[column] for column in resolve("cat", tokens).columns]) == "cat"
    with pytest.raises(BendError, match="made no token of it"):
        resolve("a", tokens)


def test_anima_takes_no_vectors(tmp_path, monkeypatch):
    torch.save({"t5xxl": torch.randn(2, 4096)}, tmp_path / "style.pt")
    clip = tiny("Anima")
    monkeypatch.setattr(clip.tokenizer.t5xxl, "embedding_directory", str(tmp_path))
    with pytest.raises(BendError, match="Anima needs ids of tokens"):
        encode_prompt(clip, "a embedding:style cat")
    _, tokens = encode_prompt(clip, "a embedding:gone cat")
    assert resolve("cat", tokens).columns


@ENCODED
def test_attach_words_knows_another_text(name):
    clip = tiny(name)
    made = clip.encode_from_tokens_scheduled(clip.tokenize("a romantic kiss at sunset"))
    attached, tokens, note = attach_words(made, clip, "a romantic (kiss) at sunset")
    assert tokens.marked_words == ("kiss",) and not note
    assert attached[0][1][KEY].encoders == encode_prompt(clip, "a romantic kiss at sunset")[1].encoders
    with pytest.raises(BendError, match=r"was not made from this text|but this text makes \d+"):
        attach_words(made, clip, "a romantic walk at sunset")
    weighed = clip.encode_from_tokens_scheduled(clip.tokenize("a (kiss:1.3) at sunset"))
    if name in CAUSAL:  # for CLIP Text Encode the brackets are text
        _, tokens, note = attach_words(weighed, clip, "a (kiss:1.3) at sunset")
        assert "are part of the text" in note and tokens.text == "a (kiss:1.3) at sunset"


def test_an_encoder_is_known_by_its_class_or_one_that_it_is_derived_from():
    for name in BUILT:
        if name != "Kandinsky 5 Image":
            assert encoder_of(tiny(name).tokenizer).works.startswith(name.partition(",")[0])

    class Derived(type(tiny("LTXV").tokenizer)):
        pass

    assert encoder_of(object.__new__(Derived)) is encoder_of(tiny("LTXV").tokenizer)
    assert encoder_of(object()) is None
    assert len({encoder.works for encoder in ENCODERS}) == len({encoder.tokenizer for encoder in ENCODERS})
