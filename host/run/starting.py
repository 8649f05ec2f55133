"""How a run begins: with ComfyUI's own sampling, or inside of one that another node drives."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import comfy.utils
import torch
from comfy.patcher_extension import WrappersMP, get_wrappers_with_key

from ...bending.errors import BendError
from ...bending.uncopied import Uncopied
from ..families.family import film_shape
from . import run
from .installing import patched, patched_while_loaded, run_on, with_wrappers, wrapped
from .patch import KEY, Patch
from .report import telling

SEED = 3
"""Where a guider's outer_sample has its seed, after the noise, the latent, the sampler and the sigmas."""


@dataclass(frozen=True)
class Start(Uncopied):
    """What Patch Model leaves on a model: its patches, and the two wrappers of a sampling that may begin a run.

    The patches travel with the wrappers and nowhere else, so that no node that rebuilds a model's options can take one
    without the other.
    """

    patches: tuple[Patch, ...]

    @classmethod
    def of(cls, model) -> "Start":
        """What is on a model already; without patches where nothing is."""
        outer = model.get_wrappers(WrappersMP.OUTER_SAMPLE, KEY)
        inner = get_wrappers_with_key(WrappersMP.SAMPLER_SAMPLE, KEY, model.model_options, is_model_options=True)
        return next((wrapper.__self__ for wrapper in (*outer, *inner)), cls(()))

    def put_on(self, model) -> None:
        """Put it on a model in the place of another."""
        model.wrappers.setdefault(WrappersMP.OUTER_SAMPLE, {})[KEY] = [self.outer_sample]
        # into the options: who drives a guider's inner_sample need not merge the model's wrappers into them
        model.model_options = with_wrappers(model.model_options, {WrappersMP.SAMPLER_SAMPLE: self.sampler_sample})

    def outer_sample(self, executor, noise, latent_image, sampler, sigmas, *args, **kwargs):
        """OUTER_SAMPLE wrapper: plan, patch a clone of the model, sample, and leave nothing behind."""
        guider = executor.class_obj
        if run_on(guider):  # it has begun: this wrapper was merged in twice
            return executor(noise, latent_image, sampler, sigmas, *args, **kwargs)
        seed = args[SEED] if len(args) > SEED else kwargs.get("seed")
        latents = kwargs.get("latent_shapes")
        with self._begun(guider, sigmas, film_shape(noise.shape, latents), seed) as begun:
            with patched(guider, begun), wrapped(guider, begun.wrappers):
                samples = executor(noise, latent_image, sampler, sigmas, *args, **kwargs)
            begun.keep(film_of(samples, latents), self.patches)
        return samples

    def sampler_sample(self, executor, guider, sigmas, extra_args, callback, noise, *args, **kwargs):
        """SAMPLER_SAMPLE wrapper, idle where a run's own stands in its place.

        Where that is not so, another node has rebuilt the options, and the run that is under way is put in again; or
        it drives the guider's inner_sample by itself, and the run begins here. Raises BendError where it cannot.
        """

        def sample(some):
            inside = {**extra_args, "model_options": with_wrappers(extra_args["model_options"], some.wrappers)}
            with wrapped(guider, some.wrappers):
                return some.sample(executor, guider, sigmas, inside, callback, noise, *args, **kwargs)

        if under_way := run_on(guider):
            return sample(under_way)
        _require_plannable(guider)
        latents = _packed(guider.conds)
        with self._begun(guider, sigmas, film_shape(noise.shape, latents), extra_args.get("seed")) as begun:
            with patched_while_loaded(guider, begun):
                samples = sample(begun)
            film = film_of(guider.inner_model.process_latent_out(samples.to(torch.float32)), latents)
            begun.keep(film, self.patches)
        return samples

    @contextmanager
    def _begun(self, guider, sigmas, shape: tuple[int, ...], seed: int | None) -> Iterator["run.Run"]:
        """A run of a film's latent of that shape, from its plan to its report. Raises BendError for all that cannot."""
        with telling(self.patches) as tell:
            begun = run.Run(guider, self.patches, sigmas.tolist(), shape, seed)
            tell("\n".join(["sampling …", *begun.report.plan_lines, *begun.records.log_sizes()]))
            with closing(begun):
                yield begun
        begun.report.send(tell)


def film_of(samples: torch.Tensor, latents: Sequence[Sequence[int]] | None) -> torch.Tensor:
    """The film's latent of samples in which the host may have packed several `latents` of those shapes."""
    return comfy.utils.unpack_latents(samples, latents)[0] if latents and len(latents) > 1 else samples


def _packed(conds: Mapping[str, Sequence[dict]]) -> Sequence[Sequence[int]] | None:
    """The shapes of the latents that are packed in one, as prepared conditionings tell them."""
    told = (cond["model_conds"].get("latent_shapes") for listed in conds.values() for cond in listed)
    return next((shapes.cond for shapes in told if shapes is not None), None)


def _require_plannable(guider) -> None:
    """Raises BendError where a guider that is driven from inside does not say what is sampled."""
    owner = f"{type(guider).__module__}.{type(guider).__qualname__}"
    begun = f"another node drives the guider's sampling itself ({owner}.inner_sample)"
    cure = "Sample with ComfyUI's own nodes, or without Patch Model in this branch."
    if guider.inner_model is not guider.model_patcher.model:
        raise BendError(f"{begun}, with another model than the one that Patch Model was put on. {cure}")
    conds = (cond for listed in getattr(guider, "conds", {}).values() for cond in listed)
    if not any("cross_attn" in cond for cond in conds):
        raise BendError(f"{begun}, with conditionings that no longer hold their text: its words are not known. {cure}")
