"""The toy's training: it goes on where it stopped, and its files are those that the pack loads."""

import functools

import pytest
import torch
from attention_bending.bending.host.toy import FOLDER, VAE, load_toy
from attention_bending.dev.toy import export, learn, vae
from attention_bending.dev.toy.log import Log
from attention_bending.dev.toy.pool import Pool
from safetensors.torch import load_file

CPU = torch.device("cpu")
PLAN = learn.Plan(2, 2, image_batch=3, film_batch=2, images_first=8, images_a_step=1, films_first=2, films_a_step=1)


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


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path, coder, monkeypatch):
    train = functools.partial(learn.train, plan=PLAN, vae=coder, device=CPU, compiled=False)
    train(tmp_path / "whole", log=Log(tmp_path / "log"))
    # A checkpoint after each step, and a stop after the second.
    monkeypatch.setattr(learn, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as stopping, pytest.raises(KeyboardInterrupt):
        stopping.setattr(learn.Plan, "made", functools.partialmethod(stop_at, 2, learn.Plan.made))
        train(tmp_path / "halves", log=Log(tmp_path / "log"))
    train(tmp_path / "halves", log=Log(tmp_path / "log"))
    whole, halves = weights(tmp_path / "whole"), weights(tmp_path / "halves")
    assert all(torch.allclose(whole[name], halves[name], atol=1e-6) for name in whole)


def stop_at(plan, last: int, made, step: int) -> int:
    """What `made` gives, but for a stop at that step."""
    if step == last:
        raise KeyboardInterrupt
    return made(plan, step)


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
    pool = Pool(tmp_path, "test", 9, 16, CPU)
    pool.grow(functools.partial(vae.latents, coder), 8)
    latents, captions = pool.batch(64, torch.Generator().manual_seed(0))
    assert len(captions) == 64
    assert latents.std().item() == pytest.approx(1, abs=0.2)
    assert latents.mean().item() == pytest.approx(0, abs=0.1)


def test_a_pool_keeps_the_newest(tmp_path):
    pool = Pool(tmp_path, "ring", 1, 4, CPU)
    pool.grow(lambda films: torch.zeros(len(films), 16, 1, 14, 20), 6)
    assert pool.numbers.tolist() == [5, 6, 3, 4]
    assert len(Pool(tmp_path, "ring", 1, 4, CPU)) == 6


def test_the_plan_warms_up_and_cools_down():
    plan = learn.Plan(1000, 3000)
    assert plan.rate(0) < 0.02 and plan.rate(500) == plan.rate(2900) == 1 and plan.rate(3999) < 0.01
    assert [plan.is_image(step) for step in (999, 1000, 1003)] == [True, False, True]
