"""The text encoders whose tokens can be read. A family names those that its models take."""

from .family import TextEncoder

_NOTHING = "zeros behind END: they take attention, and bring nothing into the picture"
_END_OF_T5 = "the token that ends the prompt; it has heard all of it"
_QWEN = "Qwen2.5-VL's tokens behind its template's head, as many as there are; the model's text blocks mix them"
_TAIL = "the template's tail; it has heard the whole prompt"

UMT5 = TextEncoder(
    "comfy.text_encoders.wan:WanT5Tokenizer",
    "umt5",
    "Wan's UMT5 (Load CLIP with type wan)",
    "UMT5's tokens, 512 or more",
    padding="zeros behind END, which the model makes equal columns of: they take attention",
    end=_END_OF_T5,
)
LTXV_T5 = TextEncoder(
    "comfy.text_encoders.lt:LTXVT5Tokenizer",
    "t5",
    "LTXV's T5 (Load CLIP with type ltxv)",
    "T5's tokens, 128 or more",
    padding="masked by the model, so that it is silent: a bend of it alone does nothing, and says so",
    end=_END_OF_T5,
)
LTX2_GEMMA = TextEncoder(
    "comfy.text_encoders.lt:LTXAVGemmaTokenizer",
    "gemma",
    "LTX-2's Gemma 3 (Load LTXV Audio Text Encoder)",
    "Gemma's tokens, mixed by the model's connector, and its registers; 1024 or more",
    registers="the connector's own columns behind the prompt's; they hold something of the whole prompt",
)
COSMOS_T5 = TextEncoder(
    "comfy.text_encoders.cosmos:CosmosT5Tokenizer",
    "t5",
    "Cosmos' T5 (Load CLIP with type cosmos)",
    "T5's tokens, 512 or more",
    padding=_NOTHING,
    end=_END_OF_T5,
)
ANIMA = TextEncoder(
    "comfy.text_encoders.anima:AnimaTokenizer",
    "anima",
    "Anima's Qwen3 (Load CLIP)",
    "T5's tokens, 512 or more: the model's adapter makes each of what Qwen3 has read",
    padding=_NOTHING,
    end=_END_OF_T5,
)
KANDINSKY5_IMAGE = TextEncoder(
    "comfy.text_encoders.kandinsky5:Kandinsky5TokenizerImage",
    "kandinsky5",
    "Kandinsky 5 Image's Qwen2.5-VL (DualCLIPLoader with type kandinsky5_image)",
    _QWEN,
    end=_TAIL,
)
KANDINSKY5 = TextEncoder(
    "comfy.text_encoders.kandinsky5:Kandinsky5Tokenizer",
    "kandinsky5",
    "Kandinsky 5's Qwen2.5-VL (DualCLIPLoader with type kandinsky5)",
    _QWEN,
    end=_TAIL,
)

ENCODERS = (UMT5, LTXV_T5, LTX2_GEMMA, COSMOS_T5, ANIMA, KANDINSKY5, KANDINSKY5_IMAGE)


def encoder_of(tokenizer) -> TextEncoder | None:
    """The text encoder that a tokenizer of the host is of: by its class, or the nearest that it is derived from."""
    known = {encoder.tokenizer: encoder for encoder in ENCODERS}
    classes = (f"{each.__module__}:{each.__qualname__}" for each in type(tokenizer).__mro__)
    return next((known[name] for name in classes if name in known), None)
