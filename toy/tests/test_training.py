"""The toy's training: it goes on where it stopped, and its files are those that the pack loads."""

import functools
import random

import pytest
import torch
from attention_bending.host.toy import FOLDER, VAE, load_toy
from attention_bending.toy import export, learn, vae, words, world
from attention_bending.toy.log import Log
from attention_bending.toy.pool import Pool
from safetensors.torch import load_file

CPU = torch.device("cpu")
PLAN = learn.Plan(2, 2, image_batch=3, film_batch=2, images=9, films=2, whole_steps=1, mixed_steps=2)


@pytest.fixture(autouse=True)
def inference_mode():
    """In place of the room's: a training needs gradients."""
    yield


@pytest.fixture(autouse=True)
def not_in_training(monkeypatch):
    """Puts ComfyUI's own switch back after a test."""
    import comfy.model_management

    monkeypatch.setattr(comfy.model_management, "in_training", False)


@pytest.fixture(scope="module")
def coder():
    trained = vae.build(CPU)
    trained.load_state_dict({name: weight.float() for name, weight in load_file(FOLDER / VAE).items()})
    return trained


def weights(folder) -> dict[str, torch.Tensor]:
    return torch.load(folder / "flow-state.pt", weights_only=True)["average"]


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path, coder, monkeypatch):
    train = functools.partial(learn.train, plan=PLAN, vae=coder, device=CPU, compiled=False)
    train(tmp_path / "whole", log=Log(tmp_path / "log"))
    # A checkpoint after each step, and a stop after the second.
    monkeypatch.setattr(learn, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stopping.setattr(learn.Plan, "rate", functools.partialmethod(stop_at, 2, learn.Plan.rate))
        train(tmp_path / "halves", log=Log(tmp_path / "log"))
    train(tmp_path / "halves", log=Log(tmp_path / "log"))
    whole, halves = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    assert all(torch.allclose(whole[name], halves[name], atol=1e-6) for name in whole)


def stop_at(plan, last: int, rate, step: int) -> float:
    """What `rate` gives, but for a stop at that step."""
    if step == last:
        raise KeyboardInterrupt
    return rate(plan, step)


def test_what_it_writes_is_what_the_pack_loads(tmp_path, coder):
    learn.train(tmp_path, PLAN, coder, CPU, Log(tmp_path / "log.jsonl"), False)
    torch.save(coder.state_dict(), tmp_path / "vae.pt")
    (tmp_path / "log.jsonl").touch()
    export.write(tmp_path, tmp_path / "files")
    model, clip, _ = load_toy(tmp_path / "files")
    loaded = model.model.diffusion_model.state_dict()
    assert loaded["blocks.5.ffn.0.weight"].equal(
        weights(tmp_path)["model.blocks.5.ffn.0.weight"].half().to(model.model_dtype())
    )
    assert clip.tokenize("red")["umt5xxl"][0][1][0] == 1


def test_latents_are_what_a_sampler_expects(coder, tmp_path):
    pool = Pool(tmp_path, "test", 9, 8, CPU)
    pool.fill(functools.partial(vae.latents, coder), Log(tmp_path / "log"))
    latents, scenes = pool.batch(64, torch.Generator().manual_seed(0))
    assert len(scenes) == 64
    assert latents.std().item() == pytest.approx(1, abs=0.2)
    assert latents.mean().item() == pytest.approx(0, abs=0.1)


def test_a_pool_goes_on_where_it_stopped_and_knows_its_films(tmp_path):
    def encode(films):
        encode.films += len(films)
        if encode.films == 16:
            raise KeyboardInterrupt
        return films.mean((1, 2, 3, 4)).view(-1, 1, 1, 1, 1).expand(-1, 16, 1, 14, 20)

    encode.films = 0
    with pytest.raises(KeyboardInterrupt):
        Pool(tmp_path, "pool", 1, 20, CPU).fill(encode, Log(tmp_path / "log"))
    pool = Pool(tmp_path, "pool", 1, 20, CPU)
    assert int(pool.filled) == 8
    pool.fill(encode, Log(tmp_path / "log"))
    assert encode.films == 28
    latents, scenes = pool.batch(6, torch.Generator().manual_seed(0))
    means = [world.film(scene, last=1).mean().item() * 2 - 1 for scene in scenes]
    assert latents.mean((1, 2, 3, 4)).tolist() == pytest.approx(means, abs=1e-3)


def test_maps_of_a_things_words_belong_on_it():
    red = world.Thing("circle", "red", 0.2, 0.5, 16.0)
    star = world.Thing("star", "blue", 0.8, 0.5, 16.0, motion="up")
    scene = world.Scene((red, star), "black", "a red circle on the left and a blue star, moving up")
    assert words.columns(scene) == [[1, 2], [8, 9]]
    wanted = words.targets([scene], 3).view(3, 7, 10, -1)
    assert wanted.amax((0, 1, 2)).nonzero().flatten().tolist() == [1, 2, 8, 9]
    assert wanted[0, :, :5].sum() == wanted[0, :, :, 1:3].sum() > 0  # the circle at the left, the star at the right
    rows = torch.arange(7.0).view(7, 1)
    heights = [(wanted[frame, :, :, 9] * rows).sum() / wanted[frame, :, :, 9].sum() for frame in range(3)]
    assert heights[0] > heights[1] > heights[2]  # upwards
    assert wanted[0, :, :, 1].equal(wanted[2, :, :, 1])


def test_a_caption_that_tells_less_wants_less():
    thing = world.Thing("circle", "red", 0.2, 0.5, 16.0)
    assert [words.columns(world.Scene((thing,), "grey", caption)) for caption in ("", "a circle", "red shape")] == [
        [[]],
        [[1]],
        [[0]],
    ]


def test_maps_on_their_things_have_no_loss():
    wanted = torch.zeros(2, 4, 3)
    wanted[0, 1, 1] = wanted[1, 2:, 2] = 1
    on = torch.tensor([[[0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1.0]]])
    half = torch.stack([torch.full((4, 3), 0.25), torch.full((4, 3), 0.25)])
    two_heads = [torch.stack([maps_, maps_], dim=1) for maps_ in (on, half)]
    assert words.map_loss(two_heads[0], wanted).item() == pytest.approx(0, abs=1e-5)
    # A quarter of the first one's even map lies there, half of the second one's.
    expected = -(torch.tensor(0.25).log() + torch.tensor(0.5).log()) / 2
    assert words.map_loss(two_heads[1], wanted).item() == pytest.approx(expected.item(), abs=1e-4)


def test_a_word_that_is_left_out_tells_another_of_its_kind():
    scene = next(scene for scene in map(world.scene, range(100)) if scene.caption.count(" and ") == 1)
    whole = scene.caption.split()
    draws = [words.left_out(scene, random.Random(seed)) for seed in range(400)]
    missed = [(caption.split(), column) for caption, column in draws if column is not None]
    assert 40 < len(missed) < 120
    assert {column for _, column in missed} == {column for thing in words.columns(scene) for column in thing}
    assert all(caption == scene.caption for caption, column in draws if column is None)
    for caption, column in missed:
        assert [at for at, word in enumerate(caption) if word != whole[at]] == [column]
        kinds = [caption[column].rstrip(",") in kind for kind in (world.COLOURS, world.SHAPES)]
        assert kinds == [whole[column].rstrip(",") in kind for kind in (world.COLOURS, world.SHAPES)]


def test_what_columns_tell_of_another():
    whole = torch.randn(2, 3, 4)
    changed = whole.clone()
    changed[0, 1] += 2.0
    mask = torch.tensor([[True, True, False], [True, True, True]])
    attended = mask.clone()
    attended[0, 1] = False
    assert words.leak(changed, whole, mask, attended) == 0
    changed[0, 0] += 1.0  # a quarter of the other's square
    assert words.leak(changed, whole, mask, attended).item() == pytest.approx(0.25)
    assert words.leak(whole, whole, mask, mask) == 0


def test_the_plan_warms_up_and_cools_down():
    plan = learn.Plan(1000, 3000)
    assert plan.rate(0) < 0.02 and plan.rate(500) == plan.rate(2900) == 1 and plan.rate(3999) < 0.01
    assert [plan.is_image(step) for step in (999, 1000, 1003)] == [True, False, True]
