"""Numbers far outside what a widget offers, as files may have them: a map in a moment, or a sentence."""

import time

import pytest
import torch
from attention_bending.bending import Grid, bend_attention
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import dump, parse
from attention_bending.bending.operators import resample
from attention_bending.bending.parameter import parameter_types

HEIGHT, WIDTH, FRAMES = 30, 52, 21
SIZES = (0.0, 5e-324, 1e-300, 1e-40, 1e-7, 0.5, 63.0, 1e6, 1e12, 1e16, 1e38, 1e39, 1e300, 1.7e308)
MODES = {**ops.OPERATORS, **ops.OTHERS}
PLAIN = {"paint": None, "swap": {"other": "rose"}}
CHOICES = {"padding": ops.PADDINGS, "way": ops.time.WAYS, "kind": ("low", "band")}
GROWS = ("factor", "amount", "temperature")
"""What a film may become infinite by, which ends its run with a sentence."""


def cases():
    for key, cls in MODES.items():
        types = parameter_types(cls)
        choice = next((name for name in CHOICES if name in types), None)
        for name in (name for name, kind in types.items() if kind in (int, float)):
            for value in CHOICES[choice] if choice and key != "swap" else (None,):
                yield key, name, {} if value is None else {choice: value}


@pytest.mark.parametrize(
    "key, name, chosen", cases(), ids=lambda it: "-".join(it.values()) if isinstance(it, dict) else it
)
def test_any_number_gives_a_map_in_a_moment_or_a_sentence(key, name, chosen):
    is_whole = parameter_types(MODES[key])[name] is int
    begun, made = time.process_time(), 0
    for value in (sign * size for size in SIZES for sign in (1, -1)):
        shown = str(int(min(max(value, -1e14), 1e14)) + 1) if is_whole else repr(value)
        fields = {"mode": key, "token": "kiss", **(PLAIN.get(key) or {}), **chosen, name: shown}
        lines = [f"{'  - ' if i == 0 else '    '}{field}: {given}" for i, (field, given) in enumerate(fields.items())]
        try:
            (bend,) = parse("\n".join(["format: attention-bending", "bends:", *lines, "version: 1"])).bending
        except BendError as error:
            assert name in str(error) or "box" in str(error) or "band" in str(error), error
            continue
        assert parse(dump(Bending((bend,)))).bending == Bending((bend,))
        result = applied(bend)
        made += 1
        assert result is None or name in GROWS or torch.isfinite(result).all(), (value, chosen)
    assert made and time.process_time() - begun < 3


def applied(bend: Bend) -> torch.Tensor | None:
    """A picture bent, the matrix along the frames, or an attention; None for what needs words or a mask."""
    operator = bend.operator
    if isinstance(operator, ops.FrameOperator):
        picture = torch.rand(1, HEIGHT, WIDTH, 2, generator=torch.Generator().manual_seed(0))
        return operator.kernel(HEIGHT, WIDTH, torch.device("cpu"))(picture)
    if operator.acts_on == "logits":
        q, k, v = torch.rand(3, 1, 1, HEIGHT * WIDTH, 4, generator=torch.Generator().manual_seed(0))
        return bend_attention(q, k, v, Bending((bend,)), Grid(1, HEIGHT, WIDTH), [range(HEIGHT * WIDTH)]).output
    return operator.matrix(FRAMES) if operator.temporal else None


def test_a_wide_blur_is_the_mean_and_a_narrow_one_nothing():
    picture = torch.rand(1, HEIGHT, WIDTH, 1)
    for sigma in (1e6, 1e30, 1.7e308):
        begun = time.process_time()
        blurred = ops.Blur(sigma).kernel(HEIGHT, WIDTH, torch.device("cpu"))(picture)
        assert time.process_time() - begun < 0.2
        assert torch.allclose(blurred, picture.mean().expand_as(picture), atol=1e-5)
    for operator in (ops.Blur(1e-5), ops.Blur(1e-200, 3)):
        assert torch.equal(operator.kernel(HEIGHT, WIDTH, torch.device("cpu"))(picture), picture)
    with pytest.raises(BendError, match=r"kernel_size is 1000000001. Give it 0 \(from sigma\) or at most 9999"):
        ops.Blur(2.0, 10**9 + 1)


def test_far_positions_read_what_lies_there():
    """Beyond the border its own cell, or nothing; of a picture that is repeated some cell of it."""
    picture = torch.rand(1, 4, 6, 1) + 0.5
    for x in (3.0, 1e13, 1e300):
        moved = {
            pad: ops.Translate(x=x, padding=pad).kernel(4, 6, torch.device("cpu"))(picture) for pad in ops.PADDINGS
        }
        assert torch.equal(moved["border"], picture[:, :, :1].expand_as(picture))
        assert not moved["zeros"].any()
        for pad in ("wrap", "reflection"):
            assert picture.min() <= moved[pad].min() and moved[pad].max() <= picture.max()
    assert torch.equal(ops.Translate(x=3.0, padding="wrap").kernel(4, 6, torch.device("cpu"))(picture), picture)


MOVES = (
    ops.Rotate(17.0),
    ops.Rotate(-33.0, "zeros", 0.2, 0.9),
    ops.SpatialScale(0.6, "reflection"),
    ops.SpatialScale(1.7, "wrap"),
    ops.Translate(0.13, -0.21, "zeros"),
    ops.Translate(0.5, 0.0),
)


@pytest.mark.parametrize("operator", MOVES, ids=str)
def test_a_device_without_bags_gives_the_same(operator, monkeypatch):
    """As torch before 2.10 on a Mac: nothing there may call `embedding_bag`."""
    picture = torch.randn(3, HEIGHT, WIDTH, 5, generator=torch.Generator().manual_seed(0))
    expected = operator.kernel(HEIGHT, WIDTH, torch.device("cpu"))(picture)
    monkeypatch.setattr(resample, "NO_BAGS", ("cpu",))
    monkeypatch.setattr(torch.nn.functional, "embedding_bag", None)
    result = operator.kernel(HEIGHT, WIDTH, torch.device("cpu"))(picture)
    assert result.shape == picture.shape and result.dtype == picture.dtype
    assert torch.allclose(result, expected, rtol=1e-6, atol=1e-6)
