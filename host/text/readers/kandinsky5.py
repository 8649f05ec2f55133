"""Kandinsky 5: Qwen2.5-VL reads the prompt within a chat template, CLIP-L beside it, which has no columns.

What the encoder cuts away is the template in front of the prompt; what the template has behind is END.
"""

from ....bending.text.prompt import Prompt
from ....bending.text.tokens import EncoderTokens
from .byte_bpe import trace
from .sequence import traced

_BEGINS = ("<|im_start|>", "<|start_header_id|>")  # a prompt that brings a template of its own
_IM_START, _USER, _NEW_LINE = 151644, 872, 198
_POOLED = "Columns are those of {name}; the part {other} makes one summary of the whole prompt, which has none."


def read(tokenizer, prompt: Prompt, tokens: dict) -> tuple[EncoderTokens, ...]:
    """A column is a token behind the template's head."""
    name = tokenizer.clip_name
    head, _, tail = ("", "", "") if prompt.host_text.startswith(_BEGINS) else tokenizer.llama_template.partition("{}")
    sequence = traced(name, getattr(tokenizer, tokenizer.clip), prompt, tokens[name], trace, head, tail)
    notes = tuple(_POOLED.format(name=name, other=other) for other in tokens if other != name)
    return (sequence.columns(_cut([token for token, *_ in tokens[name][0]]), notes=notes),)


def _cut(ids: list) -> int:
    """How many tokens ComfyUI's QwenImageTEModel takes away: up to the second turn, or what it takes for one."""
    turns = [place for place, token in enumerate(ids) if token == _IM_START][:2]
    cut = turns[-1] if turns else -1
    if len(ids) > cut + 3 and ids[cut + 1 : cut + 3] == [_USER, _NEW_LINE]:
        cut += 3
    return cut if cut >= 0 else len(ids) - 1
