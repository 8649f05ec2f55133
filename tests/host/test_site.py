"""One bent attention call through the host's own kernels: whose bits stay, and what each kernel is asked."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.state import bend_output
from attention_bending.bending.bend import Bend
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.host.families.family import Site
from attention_bending.host.families.geometry import Geometry
from attention_bending.host.run import kernel as host_kernel
from attention_bending.host.run.kernel import UNSPLIT_ROWS, HostKernel
from attention_bending.host.run.open_keys import OpenKeys
from attention_bending.host.run.site import Bender, RowSlice, bent_forward
from core.oracle import bent_attention
from host.kernels import Kernel, on_both
from torch.nn.attention import SDPBackend

GRID, HEADS, DEPTH, TOKENS = (2, 8, 12), 3, 64, 77
BLUR = ("blur", {"sigma": 1.0, "kernel_size": 0}, [5, 6], 1.0, True)
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
KERNELS = on_both("pytorch", "sub_quad", "split")
PYTORCH = Kernel("pytorch")


class OneBend(Bender):
    """Bends some rows, and in them the tokens behind `first`, by a blur of two columns."""

    def __init__(self, *rows: slice, first: int = 0, device: str = "cpu", grid=GRID):
        geometry = Geometry(Grid(*grid).cells + first, first, tuple(range(grid[0])), *grid[1:])
        tokens = slice(first, Grid(*grid).cells + first)
        self.slices = [RowSlice(part, tokens, geometry) for part in rows]
        self.plan = plan_chain([(Bend(ops.Blur(1.0), "w"), ([5, 6],))], TOKENS)
        self.cache = DeviceCache(FrameLayout.whole(Grid(*grid)), HEADS, torch.device(device))
        self.ways = []

    def slices_at(self, site):
        return self.slices

    def bends(self, layer, part):
        return True

    def bend(self, site, part, attention):
        self.ways.append(attention.way)
        return bend_output(self.plan, attention, self.cache)[0]


def qkv(dtype, rows=3, first=0, device="cpu", grid=GRID):
    generator = torch.Generator().manual_seed(2)
    lengths = (Grid(*grid).cells + first, TOKENS, TOKENS)
    return [torch.randn(rows, length, HEADS * DEPTH, generator=generator).to(device, dtype) for length in lengths]


def attend(kernel, tensors, bender=None, chained=None, **more):
    """The output `(B, L, H·D)` of the host's kernel, bent by `bender`."""

    def forward(transformer_options):
        return kernel.attend(*tensors, heads=HEADS, transformer_options=transformer_options, **more)

    options = {} if chained is None else {"optimized_attention_override": chained}
    return (
        forward(options) if bender is None else bent_forward(bender, Site(0, ""), forward)(transformer_options=options)
    )


def dense(tensors, first=0):
    """Bent attention in float64 `(B, L, H·D)` of all rows, the tokens from `first` on."""
    apart = (tensor.double().unflatten(2, (HEADS, -1)).transpose(1, 2).cpu().numpy() for tensor in tensors)
    rows = zip(*apart, strict=True)
    bent = [[bent_attention(h[first:], k, v, [BLUR], GRID)[0] for h, k, v in zip(*row, strict=True)] for row in rows]
    return torch.from_numpy(np.array(bent)).transpose(1, 2).flatten(2)


def error(output, expected):
    return float((output.double().cpu() - expected).square().mean().sqrt() / expected.square().mean().sqrt())


ROUNDING = {torch.float32: 2e-6, torch.bfloat16: 8e-3, torch.float16: 1e-3}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@KERNELS
@pytest.mark.parametrize("rows", [[slice(0, 1)], [slice(1, 2)], [slice(0, 1), slice(2, 3)], [slice(0, 3)]], ids=str)
def test_batch_rows_that_are_not_bent_keep_their_bits(kernel, dtype, rows):
    tensors = qkv(dtype, device=kernel.device)
    plain, bender = attend(kernel, tensors), OneBend(*rows, device=kernel.device)
    output = attend(kernel, tensors, bender)
    changed = {row for part in rows for row in range(part.start, part.stop)}
    for row in range(3):
        assert torch.equal(output[row], plain[row]) == (row not in changed)
    assert bender.ways == ["told"] * len(rows)
    assert error(output[list(changed)], dense(tensors)[list(changed)]) < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@KERNELS
def test_tokens_that_are_not_the_films_keep_their_bits(kernel, dtype):
    tensors = qkv(dtype, rows=1, first=10, device=kernel.device)
    bender = OneBend(slice(0, 1), first=10, device=kernel.device)
    plain, output = attend(kernel, tensors), attend(kernel, tensors, bender)
    assert torch.equal(output[:, :10], plain[:, :10]) and not torch.equal(output[:, 10:], plain[:, 10:])
    assert error(output[:, 10:], dense(tensors, 10)) < ROUNDING[dtype]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@on_both("pytorch")
def test_rows_that_fill_a_gpu_keep_their_bits_in_a_smaller_call(kernel, dtype):
    """What is not bent is then attended to alone, wherever the kernel's bits do not depend on the other rows."""
    grid = (11, 40, 25)
    assert Grid(*grid).cells * HEADS > UNSPLIT_ROWS
    tensors = qkv(dtype, device=kernel.device, grid=grid)
    plain = attend(kernel, tensors)
    host = HostKernel(kernel.attend.__wrapped__, None, *tensors, HEADS, {})
    assert host.by_rows == (kernel.fused == SDPBackend.FLASH_ATTENTION)
    for row in range(3):
        output = attend(kernel, tensors, OneBend(slice(row, row + 1), device=kernel.device, grid=grid))
        assert [torch.equal(*pair) for pair in zip(output, plain, strict=True)] == [other != row for other in range(3)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_chained_override_sees_all_keys_and_keeps_what_it_gives(dtype):
    """It may know the text by its length, and may hand out what it keeps."""
    tensors, seen = qkv(dtype), []

    def override(func, q, k, v, heads, **kwargs):
        out = func(q, k, v, heads, **kwargs)
        seen.append((k.shape[1], out, out.clone()))
        return out

    bender = OneBend(slice(0, 2))
    output = attend(PYTORCH, tensors, bender, override)
    assert {keys for keys, _, _ in seen} == {TOKENS} and bender.ways == ["masked"]
    assert len(seen) == 3  # the un-bent row's, the selectors', the only part's
    assert all(torch.equal(out, before) for _, out, before in seen)
    assert torch.equal(output[2], attend(PYTORCH, tensors)[2])
    assert error(output[:2], dense(tensors)[:2]) < 2 * ROUNDING[dtype]


@pytest.mark.parametrize("in_float32", [True, False])
def test_what_is_bent_is_attended_to_once(in_float32, monkeypatch):
    """The host's own call is not made for rows that are bent, and torch's kernel is asked with the other keys alone."""
    monkeypatch.setattr(host_kernel, "multiplies_float32_as_fast", lambda: in_float32)
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    heads = Counter()

    class Calls(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func.overloadpacket is flash:
                rows, count, queries, _ = args[0].shape
                heads[rows, args[1].shape[2], args[0].dtype] += count
                assert queries == Grid(*GRID).cells
            return func(*args, **(kwargs or {}))

    tensors = qkv(torch.bfloat16)
    attend(PYTORCH, tensors, OneBend(slice(0, 3)))  # the kernel is tried once
    with Calls():
        attend(PYTORCH, tensors, OneBend(slice(0, 3)))
        attend(PYTORCH, tensors, OneBend(slice(1, 2)))
    filled_up = TOKENS - 2 + 5  # to whole vectors, by keys that are shut out
    own, parts = torch.bfloat16, torch.float32 if in_float32 else torch.bfloat16
    assert heads == {(3, filled_up, parts): HEADS, (1, TOKENS, own): 2 * HEADS, (1, filled_up, parts): HEADS}


@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
@pytest.mark.parametrize("dims", [2, 3, 4])
@KERNELS
def test_a_mask_over_the_call_is_cut_as_rows_and_queries_are(kernel, dtype, dims):
    """The film's tokens see fewer keys than those before them, and each row its own number, where the mask has rows."""
    first, seen = 10, (30, 30, 30) if dims == 2 else (20, 30, 40)
    tensors = qkv(dtype, first=first, device=kernel.device)
    mask = torch.zeros(3, Grid(*GRID).cells + first, TOKENS, device=kernel.device)
    for row, keys in enumerate(seen):
        mask[row, first:, keys:] = -1e4
    mask = {2: mask[0], 3: mask, 4: mask[:, None]}[dims]
    plain = attend(kernel, tensors, mask=mask)
    bender = OneBend(slice(1, 3), first=first, device=kernel.device)
    output = attend(kernel, tensors, bender, mask=mask)
    assert bender.ways == ["masked"]
    assert torch.equal(output[0], plain[0]) and torch.equal(output[:, :first], plain[:, :first])
    for row in (1, 2):
        q, k, v = (tensor[row : row + 1] for tensor in tensors)
        expected = dense((q, k[:, : seen[row]], v[:, : seen[row]]), first)
        assert error(output[row : row + 1, first:], expected) < ROUNDING[dtype]


# --- how a host's model may hand its tensors over ---------------------------------------------------------------------

FORMS = {
    "flat": {},
    "heads first": {"skip_reshape": True},
    "heads first on both sides": {"skip_reshape": True, "skip_output_reshape": True},
    "flat, asked for heads first": {"skip_output_reshape": True},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["by name", "by place"])
@on_both("pytorch", "sub_quad", "split")
@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
def test_each_form_of_call(kernel, dtype, form, how):
    """The bits of what is not bent, and the bent rows, are those of the flat call, in the form that was asked for."""
    tensors, options = qkv(dtype, device=kernel.device), FORMS[form]
    expected = attend(kernel, tensors, OneBend(slice(1, 2), device=kernel.device))
    if options.get("skip_reshape"):
        tensors = [tensor.unflatten(2, (HEADS, -1)).transpose(1, 2) for tensor in tensors]

    def forward(transformer_options):
        if how == "by name":
            return kernel.attend(*tensors, HEADS, **options, transformer_options=transformer_options)
        flags = (options.get("skip_reshape", False), options.get("skip_output_reshape", False))
        return kernel.attend(*tensors, HEADS, None, None, *flags, transformer_options=transformer_options)

    bender = OneBend(slice(1, 2), device=kernel.device)
    plain = forward({})
    output = bent_forward(bender, Site(0, ""), forward)(transformer_options={})
    assert output.shape == plain.shape and bender.ways == ["told"]
    if options.get("skip_output_reshape"):
        output, plain = (tensor.transpose(1, 2).flatten(2) for tensor in (output, plain))
    assert torch.equal(output[[0, 2]], plain[[0, 2]]) and torch.allclose(output, expected, atol=1e-6)


# --- keys that a conditioning's own mask shuts out ----------------------------------------------------------------

LEFT = [*range(30), *range(50, 60)]
"""The open keys: the blurred columns 5 and 6 are still in their places among them."""


def shut_out(dtype, device, rows=3, left=LEFT):
    mask = torch.full((rows, 1, 1, TOKENS), -torch.finfo(dtype).max, device=device)
    mask[..., left] = 0
    return mask.to(dtype)


class Leaving(OneBend):
    """One bend of rows whose masks leave the keys LEFT."""

    def __init__(self, *rows, **given):
        super().__init__(*rows, **given)
        keys = OpenKeys(LEFT, TOKENS, torch.device(given["device"]))
        self.slices = [replace(part, keys=keys) for part in self.slices]
        self.plan = plan_chain([(Bend(ops.Blur(1.0), "w"), ([5, 6],))], len(LEFT))
        self.keys, self.refused = keys, []

    def refuse(self, layer, reason):
        self.refused.append(reason)


@pytest.mark.parametrize("first", [0, 10])
@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@KERNELS
def test_masked_keys_are_left_out(kernel, dtype, chained, first):
    """So the kernel tells what the others weigh; another node's override sees all keys, and the mask."""
    tensors, mask = qkv(dtype, first=first, device=kernel.device), shut_out(dtype, kernel.device)
    seen = []

    def override(func, q, k, v, heads, **kwargs):
        seen.append((k.shape[1], kwargs["mask"] is None))
        return func(q, k, v, heads, **kwargs)

    bender = Leaving(slice(1, 2), first=first, device=kernel.device)
    plain = attend(kernel, tensors, mask=mask)
    output = attend(kernel, tensors, bender, override if chained else None, mask=mask)
    assert bender.ways == ["masked" if chained else "told"] and not bender.keys.unlike
    assert set(seen) == ({(TOKENS, False)} if chained else set())
    assert torch.equal(output[[0, 2]], plain[[0, 2]]) and torch.equal(output[:, :first], plain[:, :first])
    q, k, v = (tensor[1:2] for tensor in tensors)
    expected = dense((q, k[:, LEFT], v[:, LEFT]), first)
    assert error(output[1:2, first:], expected) < (2 if chained else 1) * ROUNDING[dtype]


@pytest.mark.parametrize("dtype", [torch.float32], ids=str)
@on_both("pytorch")
def test_a_mask_that_is_not_the_conditionings_is_seen(kernel, dtype):
    tensors, bender = qkv(dtype, device=kernel.device), Leaving(slice(1, 2), device=kernel.device)
    for mask in (None, torch.zeros(3, 1, GRID[0], TOKENS), shut_out(dtype, kernel.device)[..., :-1]):
        assert "another mask than its conditioning's own" in bender.keys.misfit(mask, slice(1, 2))
    attend(kernel, tensors, bender, mask=shut_out(dtype, kernel.device))
    assert not bender.keys.unlike and not bender.refused
    attend(kernel, tensors, bender, mask=shut_out(dtype, kernel.device, left=LEFT[1:]))
    assert bender.keys.unlike
