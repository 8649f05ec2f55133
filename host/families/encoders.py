"""The text encoders whose tokens can be read. A family names those that its models take."""

from .family import TextEncoder

UMT5 = TextEncoder("comfy.text_encoders.wan:WanT5Tokenizer", "umt5", "Wan's UMT5 (Load CLIP with type wan)")
LTXV_T5 = TextEncoder("comfy.text_encoders.lt:LTXVT5Tokenizer", "t5", "LTXV's T5 (Load CLIP with type ltxv)")
LTX2_GEMMA = TextEncoder(
    "comfy.text_encoders.lt:LTXAVGemmaTokenizer", "gemma", "LTX-2's Gemma 3 (Load LTXV Audio Text Encoder)"
)
COSMOS_T5 = TextEncoder("comfy.text_encoders.cosmos:CosmosT5Tokenizer", "t5", "Cosmos' T5 (Load CLIP with type cosmos)")
ANIMA = TextEncoder("comfy.text_encoders.anima:AnimaTokenizer", "anima", "Anima's Qwen3 (Load CLIP)")
KANDINSKY5_IMAGE = TextEncoder(
    "comfy.text_encoders.kandinsky5:Kandinsky5TokenizerImage",
    "kandinsky5",
    "Kandinsky 5 Image's Qwen2.5-VL (DualCLIPLoader with type kandinsky5_image)",
)
KANDINSKY5 = TextEncoder(
    "comfy.text_encoders.kandinsky5:Kandinsky5Tokenizer",
    "kandinsky5",
    "Kandinsky 5's Qwen2.5-VL (DualCLIPLoader with type kandinsky5)",
)

ENCODERS = (UMT5, LTXV_T5, LTX2_GEMMA, COSMOS_T5, ANIMA, KANDINSKY5, KANDINSKY5_IMAGE)


def encoder_of(tokenizer) -> TextEncoder | None:
    """The text encoder that a tokenizer of the host is of: by its class, or the nearest that it is derived from."""
    known = {encoder.tokenizer: encoder for encoder in ENCODERS}
    classes = (f"{each.__module__}:{each.__qualname__}" for each in type(tokenizer).__mro__)
    return next((known[name] for name in classes if name in known), None)
