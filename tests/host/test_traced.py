"""Any prompt at all, as each text encoder's reader traces its tokens to it."""

import inspect

from attention_bending.bending.errors import BendError
from attention_bending.bending.text.prompt import parse_prompt
from attention_bending.host.families.encoders import encoder_of
from attention_bending.host.text.prompt_encoding import read_prompt
from comfy import sd1_clip
from host.encoders import tiny
from host.reading import ENCODED, FAMILY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEEPS_BLANKS = r"(?<=\s)" in inspect.getsource(sd1_clip.SDTokenizer.tokenize_with_weights)
"""Whether ComfyUI leaves the blank before an `embedding:` in the text; since 0.27."""
texts = st.lists(
    st.sampled_from(["(", ")", ":1.3", "\\", r"\(", r"\)", "kiss", " ", "\n", "\n\n", "\t", "1", "don't", "\u200b"])
    | st.sampled_from(
        ["花火", "㎏", "½ ", "Ａ", "é", "e\u0301", "가", "👍🏽", FAMILY, "שָׁלוֹם", "नमस्ते", "\u1112\u1161\u11ab"]
    )
    | st.sampled_from(["</s>", "<|im_end|>", "<|im_start|>", "<end_of_turn>", " embedding:no", "<unk>", "▁"])
    | st.characters(exclude_categories=["Cs"]),
    max_size=14,
).map("".join)


@ENCODED
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts)
def test_any_prompt_is_traced(name, text):
    if " embedding:" in text and not KEEPS_BLANKS:
        return
    try:
        prompt = parse_prompt(text)
    except BendError:
        return
    clip = tiny(name)
    tokens, _ = read_prompt(clip.tokenizer, encoder_of(clip.tokenizer), prompt, clip.tokenize)
    held = set()
    for piece in tokens.encoder().pieces:
        span = prompt.text[piece.start : piece.end]
        assert span == span.strip() and 0 <= piece.start <= piece.end <= len(prompt.text)
        held.update(range(piece.start, piece.end))
    if "<" not in text:  # else some may be cut away
        assert all(at in held for at, char in enumerate(prompt.text) if char.isalnum())
