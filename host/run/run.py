"""The life of a run: from the sampler node's start to its end. Everything mutable is born here and dies here."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key
from torch import Tensor

from ...bending.attention.action import strength_at
from ...bending.attention.device_cache import DeviceCache
from ...bending.attention.kernel import Attention
from ...bending.attention.kernel_cache import KernelCache
from ...bending.attention.schedule import Schedule
from ...bending.attention.state import bend_maps, bend_output
from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.frames.layout import FrameLayout
from ...bending.time.windows import SamplingMoment
from ..families import family_of
from ..keeping import keeping
from ..maps.records import RunRecords
from .chains import Chains
from .conditionings import ROLES
from .memory import bend_bytes, reserving
from .patch import KEY, Patch
from .plan import CondPlan, ModelSpec, PlannedBend, RunPlan, make_plan
from .reached import require_reached
from .report import Report
from .site import OVERRIDE, RowSlice, bent_forward

SEED = 3
"""Where a guider's outer_sample has its seed, after the noise, the latent, the sampler and the sigmas."""


def bend_run(executor, noise, latent_image, sampler, sigmas, *args, **kwargs):
    """OUTER_SAMPLE wrapper: plan, patch a clone of the model, sample, and leave nothing behind."""
    guider = executor.class_obj
    seed = args[SEED] if len(args) > SEED else kwargs.get("seed")
    run = Run(guider, guider.model_options[KEY], sigmas.tolist(), noise.shape, seed)
    run.records.log_size()
    with run.installed(guider):
        samples = executor(noise, latent_image, sampler, sigmas, *args, **kwargs)
        run.keep(samples)
    run.report.send()
    return samples


@dataclass(frozen=True)
class CondSlice(RowSlice):
    """Rows of one model call that share a conditioning, with its plan and what the algebra keeps on the device."""

    cond: CondPlan
    cache: DeviceCache


class Run:
    """One sampling with bends: the plan, the call under way, and what has been done.

    Raises BendError at once for all that cannot work.
    """

    def __init__(self, guider, patches: tuple[Patch, ...], sigmas: list[float], shape: torch.Size, seed: int | None):
        patcher = guider.model_patcher
        if patcher.get_additional_models_with_key("multigpu"):
            raise BendError("a model spread over several GPUs cannot be bent yet. Remove the multi-GPU node.")
        self.family = family_of(patcher.model)
        self.sites = self.family.sites(patcher)
        self.schedule = Schedule(sigmas, patcher.get_model_object("model_sampling").percent_to_sigma)
        self.heads = self.family.heads(patcher.model)
        self.grid, self.batch = self.family.grid(patcher.model, shape), shape[0]
        self.cell = self.family.cell(patcher)
        subject = ModelSpec(len(self.sites), self.heads, self.grid.frames, self.cell.stride, self.schedule)
        self.plan: RunPlan = make_plan(patches, guider.conds, subject)
        self.report = Report(self.plan, self.schedule, patches)
        self.records = RunRecords(
            self.plan.recordings,
            self.plan.words,
            self.plan.warnings,
            (self.schedule.steps, subject.layers, subject.heads),
            self.grid,
            *self.cell,
        )
        self.bending = Bending.join(patch.bending for patch in patches)
        self.seed = seed
        self.model_name = type(patcher.model.model_config).__name__
        context = guider.model_options.get("context_handler")
        self._retained = tuple(getattr(context, "latent_retain_index_list", ()) or ())
        self._conds: dict[uuid.UUID, CondPlan] = {}
        self._issued: set[uuid.UUID] = set()
        self._caches: dict[tuple[FrameLayout, torch.device], DeviceCache] = {}
        self._kernels: dict[torch.device, KernelCache] = {}
        self._chains = Chains()
        self._sigmas: Tensor | None = None
        self._moment = SamplingMoment(0.0, 0, 1)
        self._active: tuple[PlannedBend, ...] = ()
        self._slices: list[CondSlice] = []
        self._reached: set[int] = set()
        self._checked_step = -1
        self._calls = 0

    @contextmanager
    def installed(self, guider) -> Iterator[None]:
        """Put the run into a clone of the guider's model, and take every trace of it out again."""
        original = guider.model_patcher
        # a second clone: the user's own model is never touched, so another branch, or a failed run, sees nothing of it
        clone = original.clone()
        for site in self.sites:
            if self.plan.acts_in(site.layer):
                clone.add_object_patch(site.path, bent_forward(self, site, original.get_model_object(site.path)))
        wrappers = {WrappersMP.SAMPLER_SAMPLE: self.assign_roles, WrappersMP.APPLY_MODEL: self.call_model}
        if beside := self._bytes_beside(original.model):
            wrappers[WrappersMP.PREPARE_SAMPLING] = reserving(beside)
        for kind, wrapper in wrappers.items():
            add_wrapper_with_key(kind, KEY, wrapper, guider.model_options, is_model_options=True)
        # outermost, so that it sees a cache that answers in the model's place
        kinds = guider.model_options["transformer_options"]["wrappers"]
        kinds[WrappersMP.PREDICT_NOISE] = {KEY: [self.predict], **kinds.get(WrappersMP.PREDICT_NOISE, {})}
        guider.model_patcher = clone
        try:
            yield
        finally:
            guider.model_patcher = original
            for kind in (*wrappers, WrappersMP.PREDICT_NOISE):
                del guider.model_options["transformer_options"]["wrappers"][kind][KEY]
            # the clone shares the network with the original: its forwards go back, the weights stay as they are loaded
            clone.unpatch_model(unpatch_weights=False)
            clone.object_patches.clear()
            self.records.close()
            self._slices = []
            self._sigmas = None

    def _bytes_beside(self, model) -> int:
        """What bends and records hold on the device beside the model."""
        plans = (self._chains.most(cond, self.plan.bends) for cond in self.plan.conds.values())
        element, width = model.get_dtype_inference().itemsize, self.family.head_width(model)
        rows = self.batch * self.grid.cells
        tempered = any(planned.applied and planned.bend.operator.acts_on == "logits" for planned in self.plan.bends)
        queries = element * rows * self.heads * width if tempered else 0
        acting = (plan for plan in plans if plan.steps or plan.watched)
        return self.records.device_bytes + queries + bend_bytes(acting, rows, self.heads, width, element)

    def assign_roles(self, executor, guider, *args, **kwargs):
        """SAMPLER_SAMPLE wrapper: give every prepared cond a fresh uuid, so that a call's rows tell their role.

        `cond_or_uncond` is a position and no role, and ComfyUI itself may copy one uuid into two roles.
        """
        for role, conds in guider.conds.items():  # all roles, so that a foreign guider's rows can be told from them
            guider.conds[role] = [{**cond, "uuid": uuid.uuid4()} for cond in conds]
            self._issued.update(cond["uuid"] for cond in guider.conds[role])
        for role in ROLES:
            for cond in guider.conds.get(role) or ():
                embedding = cond["model_conds"].get("c_crossattn")
                # by identity: the plan is of this very tensor, and another of the same values may be another prompt
                plan = self.plan.conds.get((role, id(embedding.cond))) if embedding is not None else None
                if plan is not None:
                    self._conds[cond["uuid"]] = plan
        return executor(guider, *args, **kwargs)

    def predict(self, executor, x, timestep, *args, **kwargs):
        """PREDICT_NOISE wrapper: notice a prediction that another node makes without a call of the model."""
        calls = self._calls
        result = executor(x, timestep, *args, **kwargs)
        if self._calls == calls:
            self._set_moment(timestep)
            self.report.skipped += any(planned.applied for planned in self._active)
        return result

    def call_model(
        self, executor, x, t, c_concat=None, c_crossattn=None, control=None, transformer_options=None, **kwargs
    ):
        """APPLY_MODEL wrapper: prepare what the sites of this one model call need, and check what came out."""
        options = transformer_options or {}
        self._calls += 1
        self._slices = self._prepare(executor.class_obj, x, options, kwargs)
        awaited = [site for site in self.sites if self._slices_in(site.layer)]
        self._reached.clear()
        bent_before = self.report.bent
        try:
            result = executor(x, t, c_concat, c_crossattn, control, options, **kwargs)
        finally:
            slices, self._slices = self._slices, []
        # a node that answers inside the model, block by block, leaves no call un-made, but sites un-bent
        expected = any(self._applied_bends(site.layer, part.cond) for part in slices for site in self.sites)
        if expected and self.report.bent == bent_before:
            self.report.skipped += 1
        require_reached(executor.class_obj, awaited, self._reached, options)
        self._check(result)
        self.records.show()
        return result

    def _prepare(self, model, x: Tensor, options: dict, conditions: dict) -> list[CondSlice]:
        uuids = options.get("uuids") or ()
        known = [(i, self._conds[u]) for i, u in enumerate(uuids) if u in self._conds]
        self.report.foreign_rows += sum(1 for u in uuids if u not in self._issued)
        if not known:
            return []
        self._set_moment(options["sigmas"])
        if not (self._active or self.plan.words):
            return []
        if x.shape[0] % len(uuids):
            raise BendError(
                f"a model call has {x.shape[0]} rows for {len(uuids)} conditionings, so their rows cannot be told "
                f"apart. Another node splits the batch; bend a branch without it."
            )
        self.report.override = options.get(OVERRIDE)
        geometry = self.family.geometry(model, x.shape, conditions, options, self._retained)
        if not geometry.own:
            return []
        batch = x.shape[0] // len(uuids)
        layout = FrameLayout(geometry.grid, geometry.own_frames, self.grid.frames, self.cell.stride)
        if (layout, x.device) not in self._caches:
            kernels = self._kernels.setdefault(x.device, KernelCache(x.device, keeping))
            self._caches[layout, x.device] = DeviceCache(layout, self.heads, x.device, kernels)
        cache = self._caches[layout, x.device]
        cache.go_to(self._moment)
        tokens = geometry.rows(x.device)
        return [CondSlice(slice(i * batch, (i + 1) * batch), tokens, geometry, cond, cache) for i, cond in known]

    def _set_moment(self, sigmas: Tensor) -> None:
        """Note the level of this call. ComfyUI hands all calls of a level one tensor, so its value is read once."""
        if sigmas is not self._sigmas:
            self._sigmas = sigmas
            self._moment = self.schedule.moment(float(sigmas[0]))
            self._active = tuple(planned for planned in self.plan.bends if strength_at(planned.bend, self._moment))

    def _applied_bends(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        return tuple(planned for planned in self._watched_bends(layer, cond) if planned.applied)

    def slices_at(self, layer: int) -> list[CondSlice]:
        """The rows of the call under way that something happens to, or is watched, in this layer, now that it runs."""
        self._reached.add(layer)
        return self._slices_in(layer)

    def _slices_in(self, layer: int) -> list[CondSlice]:
        return [part for part in self._slices if part.cond.watched.columns or self._applied_bends(layer, part.cond)]

    def bends(self, layer: int, part: CondSlice) -> bool:
        """Whether one slice's output is bent now, so that nobody needs the un-bent one."""
        bends = self._applied_bends(layer, part.cond)
        return any(part.cache.action(planned.bend) is not None for planned in bends)

    def bend(self, layer: int, part: CondSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""
        bends = self._applied_bends(layer, part.cond)
        columns = part.cond.watched.columns
        watched = self._watched_bends(layer, part.cond) if columns else ()
        with self.records.timed(attention.q.device):
            bent, known = None, None
            if self.bends(layer, part):
                tempered = self._at_temperature(bends, part, attention)
                # who watches has no part in it: the same bits with a record and without
                bent, known = bend_output(
                    self._chains.plan(part.cond, bends), tempered, part.cache, keep_lse=watched == bends
                )
                if self.records:
                    self.records.changes.add(layer, attention, bent)
            if columns:
                self._record(layer, part, attention, watched, known if watched == bends else None)
        self.report.count(bends, layer, self._moment.step, attention.way)
        return bent

    def _watched_bends(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        """The bends that a record shows: also those that are not applied to the output."""
        return tuple(planned for planned in self._active if layer in planned.layers and planned.number in cond.columns)

    def _at_temperature(self, bends: tuple[PlannedBend, ...], part: CondSlice, attention: Attention) -> Attention:
        """The attention as those of `bends` make it that act on logits."""
        on_logits = tuple(planned.bend for planned in bends if planned.bend.operator.acts_on == "logits")
        if not on_logits:
            return attention
        return replace(attention, q=part.cache.scale_queries(on_logits, attention.q), lse=None)

    def _record(
        self,
        layer: int,
        part: CondSlice,
        attention: Attention,
        bends: tuple[PlannedBend, ...],
        known: Attention | None,
    ) -> None:
        """Hand on the maps before all bends and after those of `bends`.

        `known` is their attention with what the chain of the output has learned of it, where that has run.
        """
        columns = part.cond.watched.columns
        tempered = known or self._at_temperature(bends, part, attention)
        maps = bend_maps(self._chains.plan(part.cond, bends, columns), tempered, part.cache)
        original, bent = maps.original, maps.bent
        if tempered.q is not attention.q:
            original = attention.columns(columns, part.cache)
        self.records.add(layer, self._moment.step, part.cond.watched, part.cache.layout.frames, original, bent)

    def keep(self, samples: Tensor) -> None:
        """At the end: the report is finished, and the records go under their handles."""
        self.report.costs = self.records.lines
        facts = {
            "prompt": "\n".join(self.plan.prompts),
            "bending": str(self.bending),
            "seed": self.seed,
            "steps": self.schedule.steps,
            "model": self.model_name,
            "report": str(self.report),
        }
        self.records.keep(samples, facts, [cond.watched for cond in self.plan.conds.values()])

    def _check(self, result: Tensor) -> None:
        """Once a step, and only after a bend: stop a film that is no longer finite."""
        step = self._moment.step
        # waits for the device, hence once a step
        if self.report.bent and step != self._checked_step:
            self._checked_step = step
            if not torch.isfinite(result).all():
                raise BendError(self.report.overflow_message(step))
