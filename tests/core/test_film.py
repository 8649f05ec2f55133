"""Whole films of bends against the dense oracle: chains of every kind, aimed and played; and what costs nothing."""

from unittest import mock

import numpy as np
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.api import bend_attention
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.attention.device_cache import DeviceCache
from attention_bending.bending.attention.kernel import Attention
from attention_bending.bending.attention.kernel_cache import KernelCache
from attention_bending.bending.attention.state import bend_output
from attention_bending.bending.bend import Animation, Bend, Bending
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.time.animation import parse_keyframes, sampled_curve
from attention_bending.bending.time.windows import SamplingMoment, TimeWindow
from core.oracle_film import bent_attention
from core.test_bend_attention import SETS, WIDE, tensors
from core.test_operators import CASES
from hypothesis import assume, given, settings
from hypothesis import strategies as st

WORDS = {name: [columns] for name, columns in SETS.items()}
PAIRS = [[[3], [7, 9]], [[7, 9], [3, 4, 5]], [[100], [3]]]
GRID = (3, 3, 4)
FIRST = SamplingMoment(0.0, 0, 1)


def dense(tensors, bends, words, film, moment=FIRST, rounding=0.0):
    """The oracle on tensors (B, H, L, D)."""
    rows = [tuple(tensor[b].double().numpy() for tensor in tensors) for b in range(len(tensors[0]))]
    chain = list(zip(bends, words, strict=True))
    results = [bent_attention(*row, chain, film, moment, rounding=rounding) for row in rows]
    outputs, maps, enlarged = zip(*results, strict=True)
    return np.stack(outputs), np.stack(maps), max(enlarged)


def bent(tensors, bends, words, film, moment=FIRST, watch=()):
    """The same by the code."""
    columns = [some if len(bend.tokens) > 1 else some[0] for bend, some in zip(bends, words, strict=True)]
    return bend_attention(*tensors, Bending(tuple(bends)), film.grid, columns, watch=watch, moment=moment, layout=film)


def check(bends, words, film=None, moment=FIRST, *, width=WIDE, dtype=torch.float32, tolerance=1e-5, watch=()):
    """Hold the code against the oracle, the output and the watched maps."""
    film = film or FrameLayout.whole(Grid(*GRID))
    qkv = tensors(film.grid.shape, width, dtype)
    return compare(qkv, bends, words, film, moment, dense(qkv, bends, words, film, moment), tolerance, watch)


def compare(qkv, bends, words, film, moment, oracle, tolerance=1e-5, watch=()):
    expected, maps, enlarged = oracle
    got = bent(qkv, bends, words, film, moment, watch)
    assert got.output.dtype == qkv[0].dtype
    scale = max(1.0, np.abs(expected).max()) * enlarged
    np.testing.assert_allclose(got.output.double().numpy() / scale, expected / scale, atol=tolerance)
    for column in watch:
        found = got.maps[column].flatten(2).double().numpy()
        np.testing.assert_allclose(found / scale, maps[..., column] / scale, atol=tolerance)
    return got


# --- chains of everything --------------------------------------------------------------------------------------------

generator = torch.Generator().manual_seed(7)
MASKS = [
    MaskVideo(torch.rand(1, 7, 9, generator=generator), 0.3),
    MaskVideo(torch.rand(3, 3, 4, generator=generator)),
    MaskVideo(torch.rand(9, 6, 8, generator=generator)),  # nine pictures are three latent frames
    MaskVideo(torch.rand(5, 4, 4, generator=generator), 0.5),  # five are stretched
    MaskVideo(torch.tensor([[[0.0, 1.0]], [[0.0, 0.0]], [[1.0, 0.0]]])),  # hard, and one frame empty
]
WINDOWS = [
    TimeWindow("percent", 0.1, 0.9, 0.6, 0.5),
    TimeWindow("steps", 1, 3, fade_in=1, fade_out=2),
    TimeWindow("percent", 0.0, 1.0, curve=(0.2, 1.0, 0.4)),
]
MOMENT = SamplingMoment(0.45, 2, 5)


def numbers_of(operator):
    """Values that one of its numbers may take, by name."""
    low, high = {"factor": (0.5, 3), "sigma": (0.4, 2), "amount": (0.3, 2), "angle": (5, 80)}.get(
        next(iter(operator.numbers), ""), (0.05, 0.24)
    )
    free = [name for name in operator.numbers if name not in ("kernel_size", "mix", "high", "temperature")]
    return (st.sampled_from(free), st.floats(low, high)) if free else None


@st.composite
def played(draw, operator, words):
    """A bend with some of all the aims there are."""
    animations = []
    if (can := numbers_of(operator)) and draw(st.booleans()):
        parameter, value = draw(can[0]), can[1]
        values = draw(st.lists(value, min_size=1, max_size=9))
        if parameter in ("x1", "y1", "x2", "y2"):
            values = [v + (0.7 if parameter[1] == "2" else 0) for v in values]
        animations.append(Animation(parameter, draw(st.sampled_from(["frames", "steps"])), sampled_curve(values)))
    if draw(st.booleans()):
        keys = parse_keyframes(draw(st.sampled_from(["0: 0.3, 2: 1", "0%: 1, 50%: 0.2, -1: 0.7", "1: 0.6"])), "ease")
        animations.append(Animation("strength", draw(st.sampled_from(["frames", "steps"])), keys))
    return Bend(
        operator,
        "w",
        strength=draw(st.sampled_from([1.0, 0.5])),
        heads=draw(st.sampled_from(["all", "0", "-1"])),
        frames=draw(st.sampled_from(["all", "0, 2", "0%-50%", "1-2 & -1"])),
        masks=tuple(draw(st.lists(st.sampled_from(MASKS[:4]), max_size=2))),
        windows=tuple(draw(st.lists(st.sampled_from(WINDOWS), max_size=2))),
        animations=tuple(animations),
        renormalize=draw(st.booleans()),
    ), words


frame_operators = st.sampled_from(list(CASES)).flatmap(
    lambda key: CASES[key].filter(lambda op: op.gain < 6 and not op.is_identity)
)
times = st.builds(
    ops.Time,
    st.sampled_from(["shift", "blur", "reverse", "freeze", "stretch"]),
    st.floats(0.25, 2.5, width=32),
    st.sampled_from(ops.PADDINGS),
)
paints = st.builds(ops.Paint, st.sampled_from(MASKS))
swaps = st.builds(ops.Swap, st.just("o"), st.sampled_from(["trade", "follow"]), st.sampled_from([0.3, 1.0]))
temperatures = st.builds(ops.Temperature, st.floats(0.5, 2, width=32))
words_of = st.sampled_from(["word", "other word", "phrase"]).map(WORDS.get)
some_of = st.sampled_from(list(WORDS)).map(WORDS.get)

links = st.one_of(
    *(
        st.tuples(operators, words).flatmap(lambda pair: played(*pair))
        for operators, words in (
            (frame_operators, some_of),
            (frame_operators, some_of),
            (times, some_of),
            (paints, words_of),
            (swaps, st.sampled_from(PAIRS)),
            (temperatures, st.just("ALL").map(WORDS.get)),
        )
    )
)


@settings(max_examples=60, deadline=None)
@given(chain=st.lists(links, min_size=2, max_size=5), seed=st.integers(0, 9), part=st.booleans())
def test_chains_of_everything(chain, seed, part):
    bends, words = zip(*chain, strict=True)
    film = FrameLayout(Grid(*GRID), (1, 2, 4), 5) if part else FrameLayout.whole(Grid(*GRID))
    qkv = tensors(GRID, WIDE, batch=1, seed=seed)
    oracle = output, _, enlarged = dense(qkv, bends, words, film, MOMENT)
    rounded, *_ = dense(qkv, bends, words, film, MOMENT, rounding=1e-7)
    # where float32's own rounding, enlarged, would be seen, a chain is no test
    assume(enlarged < 1e3 and np.abs(rounded - output).max() < 2e-6 * max(1, np.abs(output).max()) * enlarged)
    compare(qkv, bends, words, film, MOMENT, oracle, watch=[3, 9, 100])


def everything():
    """A chain that takes every way a plan has."""
    aim = {"masks": tuple(MASKS[:1]), "heads": "0", "windows": tuple(WINDOWS[:1])}
    turning = (Animation("angle", "frames", sampled_curve([10, 40, 80])),)
    return [
        (Bend(ops.Rotate(), "ALL", animations=turning, **aim), WORDS["ALL"]),
        (Bend(ops.Temperature(0.8), "ALL", masks=tuple(MASKS[1:2])), WORDS["ALL"]),
        (Bend(ops.Paint(MASKS[2]), "w", frames="0-1"), WORDS["phrase"]),
        (Bend(ops.Time("shift", 0.5), "w", strength=0.6), WORDS["padding"]),
        (Bend(ops.Swap("o", mix=0.7), "w", 0.8), PAIRS[0]),
        (Bend(ops.Sharpen(), "w", heads="1", renormalize=False), WORDS["prompt and more"]),
        (Bend(ops.Time("reverse"), "ALL", masks=tuple(MASKS[3:4])), WORDS["ALL"]),
        (Bend(ops.Amplify(2.0), "w", frames="-1"), WORDS["other word"]),
    ]


def test_a_plan_takes_every_way():
    chain = [(bend, words) for bend, words in everything() if bend.operator.key != "temperature"]
    plan = plan_chain(chain, WIDE)
    assert len(plan.blocks) > 2 and plan.groups
    whole, paint, padding, swap, sharp, reverse, word = plan.steps
    assert whole.all_columns and reverse.all_columns
    assert len(paint.words) == 1 and len(swap.words) == 2
    assert len(padding.blocks) > 1  # sharpened later, so one by one
    assert len(sharp.blocks) > 2 and [block for block, _ in word.blocks] == [0]
    assert plan_chain(chain[2:3], WIDE).groups  # alone, the padding is a group


@pytest.mark.parametrize("part", [False, True])
def test_every_way_at_once(part):
    bends, words = zip(*everything(), strict=True)
    film = FrameLayout(Grid(*GRID), (0, 1, 3), 4) if part else None
    check(bends, words, film, MOMENT, watch=[3, 4, 7, 100])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 3e-2), (torch.float16, 4e-3)])
def test_half_types(dtype, tolerance):
    for bend, words in everything():
        check([bend], [words], moment=MOMENT, dtype=dtype, tolerance=tolerance)


# --- a part of a longer film -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["phrase", "padding", "ALL"])
def test_a_context_window_bends_its_frames_as_the_whole_film_does(name):
    """Aims, masks and motion are the film's; only Time lives inside the window."""
    whole, window = FrameLayout.whole(Grid(5, 3, 4)), FrameLayout(Grid(2, 3, 4), (1, 3), 5)
    bend = Bend(
        ops.Translate(0.2),
        "w",
        frames="20%-80%",
        masks=(MaskVideo(torch.rand(5, 6, 8, generator=torch.Generator().manual_seed(1)), 0.3),),
        animations=(
            Animation("x", "frames", parse_keyframes("0: 0, 4: 0.5")),
            Animation("strength", "frames", sampled_curve([0.1, 0.9, 0.3, 0.6, 1.0])),
        ),
    )
    q, k, v = tensors(whole.grid.shape, WIDE)
    film = bent((q, k, v), [bend], [WORDS[name]], whole, watch=[3])
    own = q.unflatten(2, (5, 12))[:, :, [1, 3]].flatten(2, 3)
    part = bent((own, k, v), [bend], [WORDS[name]], window, watch=[3])
    expected = film.output.unflatten(2, (5, 12))[:, :, [1, 3]].flatten(2, 3)
    torch.testing.assert_close(part.output, expected, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(part.maps[3], film.maps[3][:, :, [1, 3]])
    check([bend], [WORDS[name]], window)


# --- nothing twice ---------------------------------------------------------------------------------------------------


def many_sites(chain, tables, sites=2):
    """Run a chain at several sites of one model call, as a model's layers do."""
    plan = plan_chain([pair for pair in chain if pair[0].operator.key != "temperature"], WIDE)
    tempers = [bend for bend, _ in chain if bend.operator.key == "temperature"]
    for seed in range(sites):
        q, k, v = (tensor.transpose(1, 2) for tensor in tensors(GRID, WIDE, seed=seed))

        def kernel(q, k, values, scale):
            heads_first = (tensor.transpose(1, 2) for tensor in (q, k, values))
            return torch.nn.functional.scaled_dot_product_attention(*heads_first, scale=scale).transpose(1, 2)

        attention = Attention(q, k, v, kernel, q.shape[3] ** -0.5).at_temperature(tempers, tables)
        bend_output(plan, attention, tables)


def at_steps(chain, steps):
    """What was made up to the end of each step, over several sites each."""
    tables, made = DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device("cpu")), []
    for step in range(steps):
        tables.go_to(SamplingMoment(step / steps, step, steps))
        many_sites(chain, tables, sites=1)
        after_one = tables.builds
        many_sites(chain, tables)
        assert tables.builds == after_one  # further sites found everything there
        made.append(tables.builds)
    return made


def test_nothing_is_made_twice_in_a_step():
    """Each bend once a step, its kernels and Paint's mask once a run; the first bend turns from the second step on."""
    bends, mask, kernels = len(everything()), 1, 4  # shift, sharpen, reverse, amplify
    assert at_steps(everything(), 3) == [bends + mask + kernels] + [n * bends + mask + kernels + 3 for n in (2, 3)]


@pytest.mark.parametrize(("over", "kernels"), [("frames", [3, 3, 3, 3]), ("steps", [1, 2, 3, 4])])
def test_kernels_of_what_moves(over, kernels):
    """Over the frames one for each, once a run; over the steps one a step."""
    moving = (Animation("angle", over, parse_keyframes("0%: 10, 100%: 80")),)
    made = at_steps([(Bend(ops.Rotate(), "ALL", animations=moving), WORDS["ALL"])], 4)
    assert [count - step for step, count in enumerate(made, 1)] == kernels


def test_context_windows_share_what_does_not_depend_on_the_frames():
    """An angle that moves over the film: each frame's kernel once, however many windows see the frame."""
    moving = (Animation("angle", "frames", parse_keyframes("0%: 10, 100%: 80")),)
    chain = [(Bend(ops.Rotate(), "ALL", animations=moving), WORDS["ALL"])]
    kernels = KernelCache(torch.device("cpu"))
    windows = [tuple(range(start, start + GRID[0])) for start in range(5)]
    for frames in windows:
        many_sites(chain, DeviceCache(FrameLayout(Grid(*GRID), frames, 7), 2, torch.device("cpu"), kernels), sites=1)
    assert kernels.builds == len({frame for frames in windows for frame in frames}) == 7


@pytest.mark.parametrize("operator", [ops.Amplify(2.0), ops.Paint(MASKS[3])], ids=str)
def test_a_mask_meets_the_grid_once_a_step(operator):
    chain = [(Bend(operator, "w", masks=() if operator.key == "paint" else (MASKS[3],)), WORDS["phrase"])]
    tables = DeviceCache(FrameLayout.whole(Grid(*GRID)), 2, torch.device("cpu"))
    with mock.patch.object(MaskVideo, "on", autospec=True, side_effect=MaskVideo.on) as on:
        for step in range(3):
            tables.go_to(SamplingMoment(step / 3, step, 3))
            many_sites(chain, tables)
    assert on.call_count <= 3
