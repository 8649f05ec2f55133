"""Bend Prompt's encoding on the real CLIP object: the columns are those of the tokens that the model really sees."""

import pytest
import torch
from attention_bending.bending.digest import fingerprint
from attention_bending.bending.errors import BendError
from attention_bending.bending.text.prompt import parse_prompt
from attention_bending.bending.text.tokens import resolve, resolve_each
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from comfy import sd1_clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FAMILY = "👨‍👩‍👧"
texts = st.lists(
    st.sampled_from(["(", ")", "(", ")", ":", ":1.3", ":-0.5)", "\\", r"\(", r"\)", "\x01", "\x02"])
    | st.sampled_from(["kiss", " ", "\n", "\t", "1", " embedding:no", "<0x41>", "</s>", "don't", "\u200b", "▁"])
    | st.sampled_from(["花火", "㎏", "½ ", "Ａ", "é", "e\u0301", "👍🏽", FAMILY])
    | st.characters(exclude_categories=["Cs"]),
    max_size=16,
).map("".join)


@pytest.fixture
def tokens_of(tiny_clip):
    """A function from a text to the ids that ComfyUI gives the encoder."""
    return lambda text: [token for token, _ in tiny_clip.tokenize(text)["umt5xxl"][0]]


@pytest.fixture
def with_embeddings(tiny_clip, tmp_path):
    """The tiny CLIP with a folder of embedding files: two vectors, and one made for another encoder."""
    torch.save({"umt5xxl": torch.randn(2, 4096)}, tmp_path / "style.pt")
    torch.save({"umt5xxl": torch.randn(2, 768)}, tmp_path / "narrow.pt")
    tokenizer = tiny_clip.tokenizer.clip_umt5xxl
    before, tokenizer.embedding_directory = tokenizer.embedding_directory, str(tmp_path)
    yield tiny_clip
    tokenizer.embedding_directory = before


class Unencoded:
    """A CLIP with another's tokens, and zeros for what they are encoded to."""

    def __init__(self, clip):
        self.tokenizer, self.tokenize = clip.tokenizer, clip.tokenize

    def encode_from_tokens_scheduled(self, tokens):
        (batch,) = tokens["umt5xxl"]
        return [[torch.zeros(1, len(batch), 1), {}]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_comfyui_splits_the_text_as_we_say(text):
    try:
        prompt = parse_prompt(text)
    except BendError:
        return
    split = sd1_clip.token_weights(sd1_clip.escape_important(prompt.host_text), 1.0)
    assert tuple((sd1_clip.unescape_important(part), weight) for part, weight in split) == prompt.segments
    assert "".join(part for part, _ in prompt.segments) == prompt.text


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
def test_any_prompt_is_traced(tiny_clip, text):
    try:
        prompt = parse_prompt(text)
    except BendError:
        return
    (encoder,) = encode_prompt(Unencoded(tiny_clip), text)[1].encoders
    columns = [piece.column for piece in encoder.pieces]
    assert columns + list(encoder.end) + list(encoder.padding) == list(range(encoder.columns))
    covered = set()
    for piece in encoder.pieces:
        span = prompt.text[piece.start : piece.end]
        assert span == span.strip() and 0 <= piece.start <= piece.end <= len(prompt.text)
        covered.update(range(piece.start, piece.end))
    # every character that a person sees is behind some token
    assert all(i in covered for i, char in enumerate(prompt.text) if char.isalnum())


def test_unmarked_text_gives_the_bits_of_clip_text_encode(tiny_clip, encode):
    for text in ("", "a red cat, (3:1.2) trees", r"plan \(a\)", "花火 " + FAMILY):
        conditioning, tokens = encode_prompt(tiny_clip, text)
        (plain, extras), (cond, ours) = encode(text)[0], conditioning[0]
        assert torch.equal(plain, cond)
        assert ours[KEY] is tokens and set(ours) == {*extras, KEY}


def test_marks_leave_no_trace_in_what_is_encoded(tiny_clip, encode):
    marked, tokens = encode_prompt(tiny_clip, "a (romantic (kiss)) in the rain")
    assert torch.equal(marked[0][0], encode("a romantic kiss in the rain")[0][0])
    assert tokens.text == "a romantic kiss in the rain" and tokens.marked_words == ("kiss",)
    weighted, tokens = encode_prompt(tiny_clip, "a (romantic (kiss:1.3)) in the rain")
    assert torch.equal(weighted[0][0], encode("a romantic (kiss:1.3) in the rain")[0][0])
    assert {piece.weight for piece in tokens.encoders[0].pieces} == {1.0, 1.3}


def test_the_columns_are_the_right_ones(tiny_clip, tokens_of):
    """Only the columns of the word that is changed hold other ids."""
    for template, old, new in [
        ("a {} cat sits on a red table", "blue", "black"),
        ("two friends ({}:1.2) in the rain", "kiss", "walk"),
        (r"plan \(a\): a {} under the moon", "fox", "dog"),
        ("花火，{}，夜", "猫", "狐"),
        ("😀{}😀 happy", "😎", "😱"),
    ]:
        ids = [tokens_of(parse_prompt(template.format(word)).host_text) for word in (old, new)]
        assert len(ids[0]) == len(ids[1])
        differing = {column for column, pair in enumerate(zip(*ids, strict=True)) if pair[0] != pair[1]}
        selected = set()
        for word in (old, new):
            _, tokens = encode_prompt(tiny_clip, template.format(word))
            selected.update(resolve(word, tokens).columns)
        assert differing and differing <= selected
        assert len(selected) <= 4


def test_end_and_padding(tiny_clip, tokens_of):
    _, tokens = encode_prompt(tiny_clip, "a red cat")
    ids = tokens_of("a red cat")
    assert [ids[column] for column in resolve("END", tokens).columns] == [1]
    assert {ids[column] for column in resolve("PADDING", tokens).columns} == {0}
    assert resolve("PROMPT, END, PADDING", tokens).columns == resolve("ALL", tokens).columns == tuple(range(512))


@pytest.mark.parametrize(
    "text, token, expected",
    [
        ("a red cat", "red", "red"),
        ("a red (cat)", "cat", "cat"),
        ("cinematic (unfathomable:1.2)ness", "unfathomableness", "unfathomableness"),
        ("  a \n\n red\tcat ", "red cat", "redcat"),
        ("the rock'n'roll, 3.5mm", "\"rock'n'roll\"", "rock'n'roll"),
        ("x 海辺で二人がキスをしている", "キス", "キス"),
        (f"so {FAMILY} here", FAMILY, FAMILY),
        ("so👍🏽here", "👍🏽", "👍🏽"),
        ("½ ㎏ of ﬁre", "kg", "㎏"),
        ("½ ㎏ of ﬁre", "fire", "ﬁre"),
        ("the cafe\u0301", "café", "cafe\u0301"),
    ],
)
def test_pieces_cover_the_word_and_no_more(tiny_clip, text, token, expected):
    _, tokens = encode_prompt(tiny_clip, text)
    columns = resolve(token, tokens).columns
    assert columns == tuple(range(columns[0], columns[-1] + 1))
    chosen = [piece for piece in tokens.encoders[0].pieces if piece.column in columns]
    covered = {i for piece in chosen for i in range(piece.start, piece.end)}
    assert [tokens.text[i] for i in sorted(covered)] == list(expected)


def test_all_bytes_of_an_emoji_belong_to_it(tiny_clip):
    _, tokens = encode_prompt(tiny_clip, "a 👍🏽 b")
    names = [piece.text for piece in tokens.encoders[0].pieces if piece.column in resolve("👍🏽", tokens).columns]
    assert names == [f"<0x{byte:02X}>" for byte in "👍🏽".encode()]


def test_more_than_512_tokens(tiny_clip):
    text = "a red cat on a table, " * 120 + "and the (moon)"
    conditioning, tokens = encode_prompt(tiny_clip, text)
    count = tokens.encoders[0].columns
    assert conditioning[0][0].shape == (1, count, 4096) and count > 700
    assert len(resolve("red", tokens).columns) >= 120
    assert max(resolve("moon", tokens).columns) == count - 2
    assert resolve("END", tokens).columns == (count - 1,)
    with pytest.raises(BendError, match="PADDING selects nothing"):
        resolve("PADDING", tokens)


def test_an_empty_prompt_has_an_end_and_padding(tiny_clip):
    _, tokens = encode_prompt(tiny_clip, "")
    assert resolve("END", tokens).columns == (0,) and len(resolve("PADDING", tokens).columns) == 511


def test_fingerprints(tiny_clip):
    conditioning, tokens = encode_prompt(tiny_clip, "a red cat")
    cond = conditioning[0][0]
    assert tokens.fingerprint == fingerprint(cond) == fingerprint(cond.clone())
    assert fingerprint(cond * 1.5) != tokens.fingerprint != fingerprint(cond.transpose(1, 2))
    assert fingerprint(cond.bfloat16()) != tokens.fingerprint
    assert encode_prompt(tiny_clip, "a red cat")[1] == tokens
    assert hash(tokens) == hash(encode_prompt(tiny_clip, "a red cat")[1])


def test_scheduled_conditionings_each_have_their_fingerprint(tiny_clip, monkeypatch):
    encoded = tiny_clip.encode_from_tokens_scheduled

    def twice(tokens):
        ((cond, extras),) = encoded(tokens)
        return [[cond, {**extras, "clip_end_percent": 0.5}], [cond * 2, {**extras, "clip_start_percent": 0.5}]]

    monkeypatch.setattr(tiny_clip, "encode_from_tokens_scheduled", twice)
    conditioning, tokens = encode_prompt(tiny_clip, "a red cat")
    maps = [extras[KEY] for _, extras in conditioning]
    assert [found.fingerprint for found in maps] == [fingerprint(cond) for cond, _ in conditioning]
    assert maps[0] is tokens and maps[0] != maps[1]
    contexts = [(found, cond.shape[1]) for found, (cond, _) in zip(maps, conditioning, strict=True)]
    first, second = resolve_each("cat", contexts)
    assert first == second


@pytest.mark.parametrize(
    "text, rest",
    [
        ("a embedding:style cat", "a cat"),
        ("embedding:style, a  cat", ", a  cat"),
        ("a (embedding:style:1.2) cat", "a cat"),
        ("a embedding:style[x] (cat)", "a[x] cat"),
        ("a embedding:gone cat", "a cat"),
        ("a embedding:gone,  cat", "a,  cat"),
    ],
)
def test_embedding_files(with_embeddings, text, rest):
    if "[" in text and with_embeddings.tokenizer.clip_umt5xxl._try_get_embedding("style[x]")[0] is None:
        pytest.skip("this ComfyUI ends no name at a bracket")  # since 0.27
    _, tokens = encode_prompt(with_embeddings, text)
    host_text = parse_prompt(text).host_text
    ((used,),) = with_embeddings.tokenize(host_text).values()
    vectors = [column for column, (token, _) in enumerate(used) if torch.is_tensor(token)]
    if "style" in text:
        assert len(vectors) == 2 and resolve("embedding:style", tokens).columns == tuple(vectors)
    else:
        with pytest.raises(BendError, match="made no token of it"):
            resolve("gone", tokens)
    others = [piece for piece in tokens.encoders[0].pieces if piece.column not in vectors]
    assert "".join(tokens.text[piece.start : piece.end] for piece in others) == rest.replace(" ", "")
    cat = [used[column][0] for column in resolve("cat", tokens).columns]
    assert with_embeddings.tokenizer.clip_umt5xxl.decode(cat) == "cat"


@pytest.mark.parametrize(
    "text, said",
    [
        ("a embedding:narrow cat", "vectors of 768 numbers, made for another text encoder: umt5xxl takes 4096"),
        ("a embedding: ", "an embedding: with no name"),
    ],
)
def test_embeddings_that_cannot_be_used(with_embeddings, text, said):
    with pytest.raises(BendError, match=said):
        encode_prompt(with_embeddings, text)


def test_refusals(tiny_clip, monkeypatch):
    with pytest.raises(BendError, match="CLIP input is empty"):
        encode_prompt(None, "a")
    with pytest.raises(BendError, match="opened but never closed"):
        encode_prompt(tiny_clip, "a (cat")

    class OtherTokenizer:
        pass

    other = tiny_clip.clone()
    other.tokenizer = OtherTokenizer()
    with pytest.raises(BendError, match=r"\(OtherTokenizer\). It works with Wan's UMT5 \(Load CLIP with type wan\)"):
        encode_prompt(other, "a")

    changed = tiny_clip.clone()
    plain = changed.tokenize
    monkeypatch.setattr(changed, "tokenize", lambda text, **options: plain(text + " dog", **options))
    with pytest.raises(BendError, match="umt5xxl was given other tokens than its own tokenizer makes"):
        encode_prompt(changed, "a cat")
