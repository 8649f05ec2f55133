"""The toy: files that ComfyUI's own loaders take, and a training that computes what the host does."""

from unittest import mock

import comfy.model_management
import comfy.sd
import pytest
import sentencepiece
import torch
from attention_bending.bending.errors import BendError
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from attention_bending.host.toy import FOLDER, MODEL, VAE, load_toy
from attention_bending.toy import flow, measure, text, world
from attention_bending.toy.films import Films

LONG = "a purple triangle in the bottom right moving left and a white star in the top left moving up on a grey field"


@pytest.fixture(scope="module")
def studio():
    with torch.inference_mode():
        return Films(*load_toy(), lambda clip, caption: encode_prompt(clip, caption)[0])


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
