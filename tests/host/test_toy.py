"""The toy: files that ComfyUI's own loaders take, a training that computes what the host does, and bends that show."""

import functools
import random
from unittest import mock

import comfy.model_management
import comfy.sd
import pytest
import sentencepiece
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend
from attention_bending.bending.errors import BendError
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from attention_bending.host.toy import FOLDER, MODEL, VAE, load_toy
from attention_bending.toy import flow, measure, text, world
from attention_bending.toy.films import Films
from host.support import bent

LONG = "a purple triangle in the bottom right moving left and a white star in the top left moving up on a grey field"


@pytest.fixture(scope="module")
def studio():
    with torch.inference_mode():
        return Films(*load_toy(), lambda clip, caption: encode_prompt(clip, caption)[0])


SEEDS = [0, 1, 2]


def seen(studio: Films, caption: str, *bends: Bend) -> list[list[measure.Sighting]]:
    """The things in the film of each seed, which are sampled together."""
    films = studio.films(caption, SEEDS, bent(studio.model, *bends) if bends else None)
    return [measure.sightings(film) for film in films]


@pytest.fixture(scope="module")
def unbent(studio):
    """What is seen in the un-bent films of a caption; each is made once."""
    return functools.cache(lambda caption: seen(studio, caption))


def filled(module: torch.nn.Module) -> torch.nn.Module:
    """Weights in which every part of it speaks."""
    generator = torch.Generator().manual_seed(0)
    for weight in module.parameters():
        if weight.ndim > 1:
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.08)
    return module


def test_the_files_are_small():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 25e6


def test_missing_files_are_named(tmp_path):
    with pytest.raises(BendError, match=r"toy_wan\.safetensors, toy_umt5\.safetensors, toy_wan_vae\.safetensors"):
        load_toy(tmp_path)


def test_the_hosts_own_loaders_take_model_and_vae():
    model = comfy.sd.load_diffusion_model(str(FOLDER / MODEL))
    assert type(model.model.diffusion_model).__name__ == "WanModel"
    assert len(model.model.diffusion_model.blocks) == flow.CONFIG["num_layers"]
    assert comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(FOLDER / VAE))).latent_channels == 16


def test_every_word_of_the_world_is_one_token(studio):
    conditioning = encode_prompt(studio.clip, LONG)[0]
    (encoder,) = conditioning[0][1][KEY].encoders
    assert [piece.text.strip("▁") for piece in encoder.pieces] == LONG.split()
    assert conditioning[0][0].shape == (1, 512, text.CONFIG["d_model"])


def test_other_words_are_bytes_and_encode(studio):
    assert encode_prompt(studio.clip, "ein Éléphant, 大象")[0][0][0].isfinite().all()


def test_the_trained_encoder_is_the_hosts(studio):
    host = studio.clip.cond_stage_model.umt5xxl.transformer.float()
    processor = sentencepiece.SentencePieceProcessor(model_proto=text.vocabulary())
    captions = ["", LONG, "a red circle"]
    ids, mask = text.tokens(processor, captions, torch.device("cpu"))
    ours = text.encode(host, ids, mask)
    for row, caption in enumerate(captions):
        theirs = encode_prompt(studio.clip, caption)[0][0][0][0, : ids.shape[1]].float()
        assert torch.allclose(ours[row], theirs, atol=2e-3 * theirs.abs().max().item())


def test_the_trained_model_is_the_hosts_with_all_its_padding():
    cpu = torch.device("cpu")
    model = filled(flow.build(cpu))
    context, lengths = torch.randn(3, text.LONGEST, text.CONFIG["d_model"]), torch.tensor([[1], [7], [text.LONGEST]])
    mask = torch.arange(text.LONGEST) < lengths
    context = context * mask.unsqueeze(2)
    noisy, sigma = torch.randn(3, 16, 2, 6, 8), torch.tensor([0.1, 0.6, 0.97])
    padded = torch.nn.functional.pad(context, (0, 0, 0, text.COLUMNS - text.LONGEST))
    theirs = model(noisy, sigma * 1000, padded)
    attention = flow.Attention()
    with mock.patch.object(comfy.model_management, "in_training", True):
        target = torch.nn.functional.pad(mask, (0, 1)).float().unsqueeze(1).expand(3, 24, -1)
        short = attention.pad(context, mask, target)
        ours = model(noisy, sigma * 1000, short, transformer_options={"optimized_attention_override": attention})
    assert theirs.abs().max() > 0.1
    assert torch.allclose(ours, theirs, atol=1e-5 * theirs.abs().max().item() + 1e-5)
    assert attention.map_loss.item() == pytest.approx(0, abs=1e-4)  # its target is everywhere, all of it lies there


def test_films_come_back_from_latents(studio):
    film = world.film(world.scene(5))
    decoded = studio.vae.decode(studio.vae.encode(film.movedim(1, 3)))[0].movedim(3, 1)
    assert decoded.shape == film.shape
    assert (decoded - film).abs().mean() < 0.01
    (drawn, seen) = measure.sightings(film), measure.sightings(decoded)
    assert [(s.colour, s.shape) for s in seen] == [(s.colour, s.shape) for s in drawn]


def told(seed: int) -> tuple[str, str, str, str]:
    """A caption of one thing, with its shape, colour and place."""
    draw = random.Random(f"told {seed}")
    shape, colour, place = (
        draw.choice(world.SHAPES),
        draw.choice(tuple(world.COLOURS)),
        draw.choice(tuple(world.PLACES)),
    )
    return f"a {colour} {shape} {place}", shape, colour, place


def is_drawn_right(studio: Films, seed: int) -> bool:
    """Whether the film of a told thing shows one thing, of that shape and colour, at that place."""
    caption, shape, colour, place = told(seed)
    seen = measure.sightings(studio.film(caption, seed))
    if len(seen) != 1 or (seen[0].shape, seen[0].colour) != (shape, colour):
        return False
    column, row = world.PLACES[place]
    return (column is None or abs(seen[0].x - world.COLUMNS[column]) < 0.15) and (
        row is None or abs(seen[0].y - world.ROWS[row]) < 0.13
    )


def test_captions_are_drawn_right(studio):
    assert sum(is_drawn_right(studio, seed) for seed in range(5)) >= 4


@pytest.mark.slow
def test_nine_captions_of_ten_are_drawn_right(studio):
    assert sum(is_drawn_right(studio, seed) for seed in range(50)) >= 45


def two_drawn(studio: Films, seed: int) -> tuple[bool, bool]:
    """Whether a film of two told things shows two, each half's in its own colour; and in its own shape too."""
    draw = random.Random(f"two told {seed}")
    shapes, colours = draw.sample(world.SHAPES, 2), draw.sample(tuple(world.COLOURS), 2)
    caption = f"a {colours[0]} {shapes[0]} on the left and a {colours[1]} {shapes[1]} on the right"
    seen = sorted(measure.sightings(studio.film(caption, seed)), key=lambda s: s.x)
    in_colour = [s.colour for s in seen] == colours
    return in_colour, in_colour and [s.shape for s in seen] == shapes


@pytest.mark.slow
def test_two_things_keep_their_own_colours_and_shapes(studio):
    """Nine of ten colours; of the shapes, squares still come out round."""
    in_colour, right = map(sum, zip(*(two_drawn(studio, seed) for seed in range(30)), strict=True))
    assert in_colour >= 27 and right >= 15, (in_colour, right)


TWO = "a red circle on the left and a blue star on the right"


def test_one_word_is_moved_and_the_other_thing_stays(studio, unbent):
    moved = seen(studio, TWO, Bend(ops.Translate(0.0, 0.25), "red, circle"))
    for things, things_moved in zip(unbent(TWO), moved, strict=True):
        before, after = ({s.colour: s for s in sightings} for sightings in (things, things_moved))
        assert after["red"].y - before["red"].y > 0.1
        assert abs(after["blue"].x - before["blue"].x) < 0.03 and abs(after["blue"].y - before["blue"].y) < 0.03


def test_louder_words_carry_their_thing_a_quarter_aside(studio, unbent):
    """The recipe of docs/what-bends-do.md; Translate alone moves one film of three."""
    words, x = "red, circle", 0.25
    chain = [Bend(operator, words, renormalize=False) for operator in (ops.Translate(x, 0.0), ops.Amplify(2.0))]
    for (before, *_), after in zip(unbent("a red circle"), seen(studio, "a red circle", *chain), strict=True):
        red = [s for s in after if s.colour == "red"]
        assert red and all(s.x - before.x > x / 2 for s in red), (before, after)


def test_two_shapes_are_traded(studio):
    """Each thing keeps its colour and its place."""
    for things in seen(studio, TWO, Bend(ops.Swap("star"), "circle")):
        left, right = sorted(things, key=lambda s: s.x)[:2]
        assert (left.shape, right.shape) == ("star", "circle")


@pytest.mark.parametrize("x, y", [(0.1, 0.0), (-0.1, 0.0), (0.0, 0.25), (0.0, -0.25)])
def test_translate_of_all_goes_the_way_of_the_arrow(studio, unbent, x, y):
    """On a caption that tells no place: one that does speaks against the arrow."""
    ways = []
    moved = seen(studio, "a red circle", Bend(ops.Translate(x, y), "ALL"))
    for (before, *_), after in zip(unbent("a red circle"), moved, strict=True):
        ways += [(s.x - before.x) * x + (s.y - before.y) * y for s in after[:1]]
    assert len(ways) >= 2
    assert sum(ways) / len(ways) > 0.3 * (x * x + y * y)


def test_a_colour_word_amplified_by_nothing_loses_its_colour(studio):
    films = seen(studio, "a red circle on the left", Bend(ops.Amplify(0.0), "red"))
    assert sum(any(s.colour == "red" and s.off < 0.3 for s in things) for things in films) <= 1


@pytest.mark.parametrize("token", ["red, circle", "ALL"])
def test_a_mask_keeps_what_a_word_says_inside(studio, token):
    mask = ops.RegionalMask(0.5, 0.0, 1.0, 1.0, feather=0.0)
    for things in seen(studio, "a red circle", Bend(mask, token)):
        assert all(s.x > 0.45 for s in things if s.colour == "red")
