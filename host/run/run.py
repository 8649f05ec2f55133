"""The life of a run: from the sampler node's start to its end. Everything mutable is born here and dies here."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key
from torch import Tensor

from ...bending.attention.action import strength_at
from ...bending.attention.kernel import Attention
from ...bending.attention.schedule import Schedule
from ...bending.attention.state import bend_maps, bend_output
from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.time.windows import SamplingMoment
from ..families import family_of
from ..maps.records import RunRecords
from .chains import Chains
from .conditionings import ROLES
from .layout import CallReader, CondSlice, Misfit, ModelCall
from .memory import bend_bytes, reserving
from .patch import KEY, Patch
from .plan import CondPlan, ModelSpec, PlannedBend, RunPlan, make_plan
from .report import Report
from .site import OVERRIDE, bent_forward
from .suspects import Host, whose

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
        self._host = Host(patcher.model, patcher.object_patches, guider.model_options, type(guider))
        self.layers = tuple(site.layer for site in self.sites if self.plan.acts_in(site.layer))
        self._past_override = next((site.foreign for site in self.sites if site.attends.past_override), None)
        self.model_name = type(patcher.model.model_config).__name__
        context = guider.model_options.get("context_handler")
        retained = getattr(context, "latent_retain_index_list", ()) or ()
        self._reader = CallReader(self.family, shape, retained, self.grid, self.cell.stride, self.heads)
        self._conds: dict[uuid.UUID, CondPlan] = {}
        self._issued: set[uuid.UUID] = set()
        self._chains = Chains()
        self._sigmas: Tensor | None = None
        self._moment = SamplingMoment(0.0, 0, 1)
        self._active: tuple[PlannedBend, ...] = ()
        self._call: ModelCall | None = None
        self._ever_reached = False
        self._refused: str | None = None
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
            self._call = None
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
        self._host.sampler = getattr(executor.class_obj, "sampler_function", executor.class_obj)
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
        outer, call = self._call, self._prepare(executor.class_obj, x, options, kwargs)
        self._call, bent_before = call, self.report.bent
        try:
            result = executor(x, t, c_concat, c_crossattn, control, options, **kwargs)
        finally:
            self._call = outer  # another node may call the model in the middle of a call
        if call and not self._ever_reached:  # a cache has nothing to answer a first call with
            self._refuse("a model call has reached no text attention of the host's.", self.layers, call.conds, options)
        # a node that answers inside the model, block by block, leaves no call un-made, but sites un-bent
        elif call and self.report.bent == bent_before:
            acting = (self._applied_bends(layer, part.cond) for part in call.slices for layer in self.layers)
            self.report.skipped += any(acting)
        self._check(result)
        self.records.show()
        return result

    def _prepare(self, model, x: Tensor, options: dict, conditions: dict) -> ModelCall | None:
        uuids = options.get("uuids") or ()
        known = [(i, self._conds[u]) for i, u in enumerate(uuids) if u in self._conds]
        self.report.foreign_rows += sum(1 for u in uuids if u not in self._issued) if uuids else x.shape[0]
        if not known:
            return None
        self._set_moment(options["sigmas"])
        self.report.override = options.get(OVERRIDE) or self._past_override
        if not self.layers:
            return None
        moment = self._moment if self._active or self.plan.words else None
        try:
            return self._reader.read(model, x, options, conditions, known, moment)
        except BendError as error:  # one of the family's own says itself whose doing it is
            asks_whose = options if isinstance(error, Misfit) else None
            self._refuse(str(error), self.layers, [cond for _, cond in known], asks_whose)
            return None

    def _refuse(
        self, reason: str, layers: Iterable[int], conds: Sequence[CondPlan], options: dict | None = None
    ) -> None:
        """A call that cannot be bent: an error where a bend would act in it, else counted.

        With the transformer_options of the call, whose doing it looks like is found and said.
        """
        acting = [planned for layer in layers for cond in conds for planned in self._applied_bends(layer, cond)]
        if not acting:
            self.report.unlike.setdefault(reason, set()).add(self._calls)
            return
        if options is not None:
            reason = f"{reason} {whose(self._host, options)}"
        self._refused = f"{min(acting, key=lambda planned: planned.number).title}: {reason}"
        raise BendError(self._refused)

    def _set_moment(self, sigmas: Tensor) -> None:
        """Note the level of this call. ComfyUI hands all calls of a level one tensor, so its value is read once."""
        if sigmas is not self._sigmas:
            self._sigmas = sigmas
            self._moment = self.schedule.moment(float(sigmas[0]))
            self._active = tuple(planned for planned in self.plan.bends if strength_at(planned.bend, self._moment))

    def _applied_bends(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        return tuple(planned for planned in self._watched_bends(layer, cond) if planned.applied)

    def slices_at(self, layer: int) -> list[CondSlice]:
        """The rows of the call under way that something happens to, or is watched, in this layer."""
        self._ever_reached = True
        slices = self._call.slices if self._call else ()
        return [part for part in slices if part.cond.watched.columns or self._applied_bends(layer, part.cond)]

    def checks(self, layer: int) -> bool:
        """Whether this layer's attention is looked at though nothing happens there: the first's, in every call."""
        return self._call is not None and layer == self.layers[0]

    def misfit(self, layer: int, rows: int, more: bool, queries: int, keys: int, options: dict) -> str | None:
        """How the text's attention is not laid out as expected, if so; there may be `more` of its rows to come."""
        return self._call.layout.misfit(rows, more, queries, keys, self.family.grid_told(options))

    def refuse(self, layer: int, reason: str) -> None:
        """Take note of an attention that cannot be bent. Raises BendError where a bend would act in it."""
        self._refuse(reason, (layer,), self._call.conds, self._call.options)

    def bends(self, layer: int, part: CondSlice) -> bool:
        """Whether one slice's output is bent now, so that nobody needs the un-bent one."""
        bends = self._applied_bends(layer, part.cond)
        return any(part.cache.action(planned.bend) is not None for planned in bends)

    def bend(self, layer: int, part: CondSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""
        bends = self._applied_bends(layer, part.cond)
        columns = part.cond.watched.columns if part.is_first else ()
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
        if part.is_first:
            self.report.count(bends, layer, self._moment.step, attention.way)
        return bent

    def _watched_bends(self, layer: int, cond: CondPlan) -> tuple[PlannedBend, ...]:
        """The bends that a record shows: also those that are not applied to the output."""
        return tuple(planned for planned in self._active if layer in planned.layers and planned.number in cond.columns)

    def _at_temperature(self, bends: tuple[PlannedBend, ...], part: CondSlice, attention: Attention) -> Attention:
        """The attention as those of `bends` make it that act on logits."""
        on_logits = tuple(planned for planned in bends if planned.bend.operator.acts_on == "logits")
        if on_logits and attention.kernel.mask is not None:
            who = f" ({self._past_override})" if self._past_override else ""
            raise BendError(
                f"{on_logits[0].title}: another node{who} lays a mask over the text's attention, whose logits are then "
                f"not the words' alone. Remove that node from this model's branch, or use another bend."
            )
        return attention.at_temperature(tuple(planned.bend for planned in on_logits), part.cache)

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
        if any(planned.bend.operator.acts_on == "logits" for planned in bends):
            original = attention.columns(columns, part.cache)
        self.records.add(layer, self._moment.step, part.cond.watched, part.cache.layout.frames, original, bent)

    def keep(self, samples: Tensor) -> None:
        """At the end: the report is finished, and the records go under their handles."""
        if self._refused:  # another node has swallowed the error
            raise BendError(self._refused)
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
