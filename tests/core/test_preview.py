"""What is shown of a bending before the film is what dense attention makes of the same maps."""

import numpy as np
import pytest
import torch
from attention_bending.bending import narrow
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.frames.layout import FrameLayout
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.pictures import test_card as card
from attention_bending.bending.preview import MOST, Scene, before_and_after, picture, words_of
from attention_bending.bending.time.animation import parse_keyframes
from attention_bending.bending.time.windows import SamplingMoment, TimeWindow
from core import oracle_film as oracle

FRAMES, HEIGHT, WIDTH = 5, 6, 9
STEPS = 4
BLUR = Bend(ops.Blur(1.0), "kiss")
ROTATE = Bend(ops.Rotate(30.0), "kiss")
MASK = MaskVideo(torch.linspace(0, 1, HEIGHT * WIDTH).view(1, HEIGHT, WIDTH))
FILM = MaskVideo(torch.rand(FRAMES, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1)))
TURN = ("angle", "frames", parse_keyframes("0%: 0, 100%: 90"))

STILL = {
    "amplify": Bending((Bend(ops.Amplify(3.0), "kiss"),)),
    "below 0": Bending((Bend(ops.Amplify(-1.0), "kiss", renormalize=False),)),
    "a chain of two words": Bending((BLUR, Bend(ops.Translate(0.3), "rose"), Bend(ops.Amplify(2.0), "kiss"))),
    "all tokens": Bending((Bend(ops.Flip("horizontal"), "ALL"), BLUR)),
    "swap": Bending((Bend(ops.Swap("rose", mix=0.7), "kiss"),)),
    "paint": Bending((Bend(ops.Paint(MASK), "kiss", 0.5),)),
    "temperature": Bending((Bend(ops.Temperature(0.5), "ALL"), Bend(ops.Amplify(2.0), "rose"))),
    "its own window": Bending((Bend(ops.Blur(1.0), "kiss", 0.5, 0.6, 0.7, "3"),)),
    "a mask": narrow.where(Bending((BLUR,)), mask=MASK, heads="2"),
}
OVER_FRAMES = {
    "time": Bending((Bend(ops.Time("shift", 1.5), "kiss"),)),
    "animated": narrow.animate(Bending((ROTATE,)), *TURN),
    "some frames": narrow.where(Bending((BLUR,)), frames="1-2"),
    "a film of masks": narrow.where(Bending((BLUR,)), mask=FILM),
}
OVER_STEPS = {
    "animated": narrow.animate(Bending((ROTATE,)), "strength", "steps", parse_keyframes("0: 0, 3: 1")),
    "a window": narrow.when(Bending((BLUR,)), TimeWindow("percent", 0.25, 0.8, fade_in=0.5)),
}
BOTH = {"both": narrow.when(narrow.animate(Bending((ROTATE,)), *TURN), TimeWindow("steps", 1, 2))}


def scene(bending):
    words = words_of(bending)
    shares = torch.rand(len(words), FRAMES, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(7)) * 0.4
    return Scene(words, shares, STEPS)


def dense(bending, scene, frames, step):
    """The maps `(W, F, h, w)` of some frames at a step, by a float64 softmax of their logarithms."""
    maps = scene.maps[:, frames].double()
    shares = torch.cat((maps, 1 - maps.sum(0, keepdim=True))).flatten(1).T.numpy()
    tokens = shares.shape[1]
    layout = FrameLayout(Grid(*maps.shape[1:]), tuple(frames), FRAMES)
    q, k = np.log(shares)[None] * tokens**0.5, np.eye(tokens)[None]
    columns = {word: [column] for column, word in enumerate(scene.words)} | {"ALL": [*range(tokens)]}
    seen = [Bend(**{**vars_of(bend), "start": 0.0, "end": 1.0, "heads": "all"}) for bend in bending]
    chain = [(bend, [columns[token.text] for token in bend.tokens]) for bend in seen]
    _, bent, _ = oracle.bent_attention(q, k, k, chain, layout, SamplingMoment(step / STEPS, step, STEPS))
    return torch.from_numpy(bent[0].T).view(tokens, *maps.shape[1:])[: len(scene.words)]


def vars_of(bend):
    return {name: value for name, value in vars(bend).items() if name != "tokens"}


def assert_is(views, frames, bent, of):
    before, after = views.values.unbind(1)
    assert torch.equal(before, of.maps[:, frames])
    torch.testing.assert_close(after.double(), torch.stack(bent, 1), rtol=1e-4, atol=2e-6)
    assert not torch.allclose(before, after, atol=1e-3)


@pytest.mark.parametrize("name", STILL)
def test_a_still_bend_is_seen_in_the_middle_of_the_film(name):
    of = scene(STILL[name])
    views = before_and_after(STILL[name], of)
    assert views.words == of.words and views.values.shape[2] == 1
    assert_is(views, [FRAMES // 2], [dense(STILL[name], of, [FRAMES // 2], 0)[:, 0]], of)


@pytest.mark.parametrize("name", OVER_FRAMES)
def test_what_moves_over_the_film_plays_it(name):
    of = scene(OVER_FRAMES[name])
    whole = dense(OVER_FRAMES[name], of, range(FRAMES), 0)
    views = before_and_after(OVER_FRAMES[name], of)
    assert_is(views, [*range(FRAMES)], [*whole.unbind(1)], of)


@pytest.mark.parametrize("name", OVER_STEPS)
def test_what_moves_over_the_sampling_plays_that(name):
    of = scene(OVER_STEPS[name])
    middle = FRAMES // 2
    bent = [dense(OVER_STEPS[name], of, [middle], step)[:, 0] for step in range(STEPS)]
    assert_is(before_and_after(OVER_STEPS[name], of), [middle] * STEPS, bent, of)


def test_film_and_sampling_play_together():
    (bending,) = BOTH.values()
    of = scene(bending)
    steps = [0, 0, 1, 2, 3]
    bent = [dense(bending, of, range(FRAMES), step)[:, frame] for frame, step in enumerate(steps)]
    assert_is(before_and_after(bending, of), [*range(FRAMES)], bent, of)


def test_a_long_film_is_shown_in_parts():
    of = Scene(("kiss",), torch.rand(1, 33, 3, 4) * 0.5, 50)
    for bending in (*OVER_FRAMES.values(), *OVER_STEPS.values()):
        assert before_and_after(bending, of).values.shape[2] == MOST


@pytest.mark.parametrize("bend", [Bend(ops.Blur(0.0), "kiss"), Bend(ops.Blur(2.0), "kiss", 0.0)])
def test_what_does_nothing_shows_nothing(bend):
    before, after = before_and_after(Bending((bend,)), scene(Bending((bend,)))).values[0]
    torch.testing.assert_close(before, after, rtol=1e-5, atol=1e-6)


def test_what_the_sampler_refuses_is_refused():
    swap = Bending((Bend(ops.Swap("kiss"), "kiss"),))
    with pytest.raises(BendError, match="share a token"):
        before_and_after(swap, scene(swap))


def test_words_are_named_once_and_all_is_no_word():
    assert words_of(Bending((BLUR, Bend(ops.Swap("rose, sea"), "kiss")))) == ("kiss", "rose")
    assert words_of(Bending((Bend(ops.Flip(), "ALL"),))) == ("ALL",)


@pytest.mark.parametrize("width", [192, 384])
@pytest.mark.parametrize("shape", [(24, 42), (52, 30), (1, 1)])
def test_a_picture_keeps_within_its_width(width, shape):
    of = Scene(("kiss", "rose"), torch.rand(2, 1, *shape) * 0.4)
    film = picture(before_and_after(STILL["swap"], of), "gray", width)
    assert film.shape[2] <= width and film.shape[1] <= 0.6 * width + 4
    assert film.min() >= 0 and film.max() <= 1


def test_the_card_is_of_shares_and_looks_different_from_every_side():
    words = torch.stack([card.word(number) for number in range(4)])
    assert words.shape[1:] == (card.FRAMES, card.HEIGHT, card.WIDTH)
    assert words.min() > 0 and words.sum(0).max() < 1
    moon = card.word(0)
    for turned in (moon.flip(1), moon.flip(2), moon.flip(1, 2), moon.flip(0), card.word(1)):
        assert (moon - turned).abs().max() > 0.05
