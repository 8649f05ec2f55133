"""Films of the toy, sampled by ComfyUI as a workflow's KSampler and VAE Decode would."""

import torch
from torch import Tensor

from . import world

STEPS, CFG = 20, 4.0

FRAMES = (world.FRAMES + 3) // 4
"""Of the latents that the toy was trained on."""


class Films:
    """A loaded toy: prompts to films. Makes each prompt's conditioning once."""

    def __init__(self, model, clip, vae, encode):
        """`encode(clip, text)` makes a conditioning, with or without a map of its words."""
        self.model, self.clip, self.vae, self._encode = model, clip, vae, encode
        self._conditionings: dict[str, list] = {}

    def conditioning(self, text: str) -> list:
        if text not in self._conditionings:
            self._conditionings[text] = self._encode(self.clip, text)
        return self._conditionings[text]

    def film(self, caption: str, seed: int, model=None, *, steps: int = STEPS) -> Tensor:
        """`(F, 3, H, W)` in 0 … 1, by `model`, a patched clone of its own, where one is given."""
        (film,) = self.films(caption, [seed], model, steps=steps)
        return film

    def films(self, prompt: str | list, seeds: list[int], model=None, **how) -> list[Tensor]:
        """A film of each seed, sampled together; `how` as for `latents`."""
        return self.decoded(self.latents(prompt, seeds, model, **how))

    def latents(
        self, prompt: str | list, seeds: list[int], model=None, *, steps: int = STEPS, frames: int = FRAMES
    ) -> Tensor:
        """What the sampler makes of each seed, `(B, 16, F', h, w)`; `prompt` is a caption, or its conditioning."""
        import comfy.sample

        latent = torch.zeros(1, 16, frames, world.HEIGHT // 8, world.WIDTH // 8)
        noise = torch.cat([comfy.sample.prepare_noise(latent, seed) for seed in seeds])
        latent = latent.expand_as(noise)
        positive = self.conditioning(prompt) if isinstance(prompt, str) else prompt
        prompts = (positive, self.conditioning(""))
        arguments = (model or self.model, noise, steps, CFG, "euler", "simple", *prompts, latent)
        return comfy.sample.sample(*arguments, disable_pbar=True, seed=seeds[0])

    def decoded(self, latents: Tensor) -> list[Tensor]:
        """The film of each. Of several at once torch takes a third of the time: it knows fast kernels for batches."""
        return [film.movedim(3, 1).float() for film in self.vae.decode(latents)]
