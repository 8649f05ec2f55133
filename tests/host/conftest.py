"""A real ComfyUI in this process, on the CPU, with the tiny models.

ComfyUI comes first on the path, or its ``import nodes`` would find a module of ours; and it reads its arguments when it
is first imported, so both are settled before that.
"""

import functools
import gc

import pytest
from attention_bending.dev import comfy_host, paths

comfy_host.start("--cpu", f"--base-directory={paths.BASE}")

import comfy.clip_vision  # noqa: E402
import comfy.model_management  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sample  # noqa: E402
import comfy.sd  # noqa: E402
import comfy.utils  # noqa: E402
import folder_paths  # noqa: E402
import torch  # noqa: E402
from attention_bending.dev.nodes_tiny import umt5  # noqa: E402
from host.support import SMALL, ShownRecords, prompt, remember, run  # noqa: E402

gc.freeze()  # what was imported stays: half a million objects that no collection need look at


@pytest.fixture(autouse=True)
def inference_mode():
    """As ComfyUI runs its nodes."""
    with torch.inference_mode():
        yield


@pytest.fixture(autouse=True)
def shown_records(monkeypatch):
    """For tests that look at maps as they are seen, before they are stored."""
    monkeypatch.setattr(run, "RunRecords", ShownRecords)


@pytest.fixture(autouse=True)
def no_dead_models():
    """A patcher that ends while its model lives on, as those of the session do, would have the host collect all garbage
    before every sampling to come.
    """
    yield
    loaded = comfy.model_management.current_loaded_models
    loaded[:] = [each for each in loaded if not each.is_dead()]


@pytest.fixture(scope="session")
def tiny_model():
    """A function from a tiny file's name, without "tiny_", to a ModelPatcher: a clone, so that tests do not meet.

    ``fresh=True`` loads the file again, for a test that may change the module itself.
    """
    loaded = {}

    def load(name: str = "wan21_t2v", *, fresh: bool = False):
        path = folder_paths.get_full_path_or_raise("diffusion_models", f"tiny_{name}.safetensors")
        if fresh:
            return comfy.sd.load_diffusion_model(path)
        if name not in loaded:
            loaded[name] = comfy.sd.load_diffusion_model(path)
            remember(loaded[name].model.diffusion_model.text_embedding)
        return loaded[name].clone()

    return load


@pytest.fixture(scope="session")
def tiny_clip():
    """A CLIP object with UMT5's rules: encodes to (1, 512, 4096)."""
    return umt5.load(folder_paths.get_full_path_or_raise("text_encoders", umt5.FILE_NAME))


@pytest.fixture(scope="session")
def tiny_vae():
    """The VAE of Wan 2.1, of which all models but the 5B speak the latents."""
    path = folder_paths.get_full_path_or_raise("vae", "tiny_wan21_vae.safetensors")
    return comfy.sd.VAE(sd=comfy.utils.load_torch_file(path))


@pytest.fixture(scope="session")
def encode(tiny_clip):
    """A function from a text to plain conditioning, as CLIPTextEncode makes it; each text is encoded once."""
    return functools.cache(lambda text: tiny_clip.encode_from_tokens_scheduled(tiny_clip.tokenize(text)))


@pytest.fixture
def kernel(request, dtype, monkeypatch):
    """One of `kernels.on_both`, where its device has it for the type; float32 is float32 there, in convolutions too."""
    if not request.param.runs(dtype):
        pytest.skip(f"torch has no {request.param} here for {dtype}")
    if request.param.name == "pytorch":
        monkeypatch.setattr(comfy.ops, "SDPA_BACKEND_PRIORITY", [request.param.fused], raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    return request.param


@pytest.fixture
def model(tiny_model):
    return tiny_model(SMALL)


@pytest.fixture
def positive(tiny_clip):
    return prompt(tiny_clip, "a romantic (kiss) at sunset")


@pytest.fixture
def negative(tiny_clip):
    return prompt(tiny_clip, "blurry")


@pytest.fixture
def clip_vision_output():
    """What CLIPVisionEncode gives for one picture, with random features (1, 257, 1280): no small encoder loads."""
    output = comfy.clip_vision.Output()
    output["penultimate_hidden_states"] = torch.randn(1, 257, 1280, generator=torch.Generator().manual_seed(1))
    return output


@pytest.fixture
def sample():
    """A function that samples a latent film (B, C, F, H, W), by default 3 latent frames for 128 × 128 pixels."""

    def run(
        model,
        positive,
        negative,
        *,
        shape=(1, 16, 3, 16, 16),
        latent=None,
        steps=2,
        cfg=5.0,
        sampler="euler",
        scheduler="simple",
        seed=0,
        **options,
    ):
        latent = torch.zeros(shape) if latent is None else latent
        noise = comfy.sample.prepare_noise(latent, seed)
        arguments = (model, noise, steps, cfg, sampler, scheduler, positive, negative, latent)
        return comfy.sample.sample(*arguments, disable_pbar=True, seed=seed, **options)

    return run
