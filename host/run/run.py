"""The life of a run: from the sampler node's start to its end. Everything mutable is born here and dies here."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ...bending.attention.kernel import Attention
from ...bending.attention.schedule import Schedule
from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.uncopied import Uncopied
from ..families import family_of
from ..families.family import Site
from ..maps import record_store
from ..maps.records import RunRecords
from .acting import Acting
from .clock import Clock
from .cond_plan import CondPlan
from .conditionings import ROLES
from .installing import witnessed
from .layout import CallReader, CondSlice, Misfit, ModelCall
from .memory import bend_bytes, reserving
from .patch import Patch
from .plan import ModelSpec, RunPlan, make_plan
from .probing import Probing
from .reached import require_reached
from .report import Report
from .roles import Roles
from .site import OVERRIDE, bent_forward
from .suspects import Host, whose


class Run(Uncopied):
    """One sampling with bends: the plan, the call under way, and what has been done.

    Raises BendError at once for all that cannot work.
    """

    def __init__(
        self, guider, patches: tuple[Patch, ...], sigmas: list[float], shape: tuple[int, ...], seed: int | None
    ):
        """`shape` is that of the film's latent."""
        patcher = guider.model_patcher
        self.model = patcher.model
        if patcher.get_additional_models_with_key("multigpu"):
            raise BendError("a model spread over several GPUs cannot be bent yet. Remove the multi-GPU node.")
        self.family = family_of(self.model)
        self.sites = self.family.sites(patcher)
        self.schedule = Schedule(sigmas, patcher.get_model_object("model_sampling").percent_to_sigma)
        self.heads = self.family.heads(self.model)
        grid, self.batch = self.family.grid(self.model, shape), shape[0]
        conds = [cond for role in ROLES for cond in guider.conds.get(role) or ()]
        film = self.family.film(self.model, grid, conds)
        if not film:
            raise BendError("the latent holds reference pictures alone, and no frame of a film. Make it longer.")
        self.grid, self.cell = replace(grid, frames=len(film)), self.family.cell(patcher)
        layers, columns = 1 + max(site.layer for site in self.sites), partial(self.family.columns, self.model)
        encoders = tuple(encoder.works for encoder in self.family.encoders)
        told = columns, encoders, self.family.unprobed(self.model)
        subject = ModelSpec(layers, self.heads, len(film), self.cell.stride, self.schedule, *told)
        self.plan: RunPlan = make_plan(patches, guider.conds, subject)
        self.report = Report(self.plan, self.schedule)
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
        self.model_name = type(self.model.model_config).__name__
        self.layers = tuple(layer for layer in range(layers) if self.plan.acts_in(layer))
        context = guider.model_options.get("context_handler")
        retained = getattr(context, "latent_retain_index_list", ()) or ()
        self._reader = CallReader(self.family, shape, film, retained, self.cell.stride, self.heads)
        self._host = Host(self.model, patcher.object_patches, guider.model_options, type(guider))
        self._past_override = next((site.foreign for site in self.sites if site.attends.past_override), None)
        self._roles = Roles(self.plan, guider.conds, self.family.takes_embedding)
        self._conds: dict[uuid.UUID, CondPlan] = {}
        self._issued: set[uuid.UUID] = set()
        self._probing = Probing(self.family, self.model, self.plan.probes)
        self._acting = Acting(self.plan, self._probing, self.records, self.report, self._past_override)
        self._clock = Clock(self.schedule)
        self._call: ModelCall | None = None
        self._refused: BendError | None = None
        self._reached: set[Site] = set()
        self._checked_step = -1
        self._calls = 0
        self._visits = 0

    def forwards(self, patcher) -> dict[str, Callable]:
        """By their paths in the model, the forwards that take the place of a patcher's."""
        acting = (site for site in self.sites if site.layer in self.layers)
        return {site.path: bent_forward(self, site, patcher.get_model_object(site.path)) for site in acting}

    @property
    def wrappers(self) -> dict[str, Callable]:
        """By their kind, the wrappers of a sampling with the run."""
        wrappers = {
            WrappersMP.SAMPLER_SAMPLE: self.sample,
            WrappersMP.PREDICT_NOISE: self.predict,
            WrappersMP.APPLY_MODEL: self.call_model,
        }
        if beside := self._bytes_beside():
            wrappers[WrappersMP.PREPARE_SAMPLING] = reserving(beside)
        return wrappers

    def close(self) -> None:
        """At the end, however it comes."""
        self.records.close()
        self._call = None

    def _bytes_beside(self) -> int:
        """What bends and records hold on the device beside the model."""
        plans = (self._acting.chains.most(cond, self.plan.bends) for cond in self.plan.conds.values())
        element, width = self.model.get_dtype_inference().itemsize, self.family.head_width(self.model)
        rows = self.batch * self.grid.cells
        tempered = any(planned.applied and planned.bend.operator.acts_on == "logits" for planned in self.plan.bends)
        queries = element * rows * self.heads * width if tempered else 0
        acting = (plan for plan in plans if plan.steps or plan.watched)
        probed = self._probing.device_bytes(len(self.sites), self.heads * width, self.grid.cells, self.heads)
        return self.records.device_bytes + queries + probed + bend_bytes(acting, rows, self.heads, width, element)

    def sample(self, executor, guider, sigmas, extra_args, callback, *args, **kwargs):
        """SAMPLER_SAMPLE wrapper: have a call's rows tell whose they are, and listen to the sampler."""
        self._host.sampler = getattr(executor.class_obj, "sampler_function", executor.class_obj)
        issued = self._roles.issue(guider)
        self._issued.update(issued)
        self._conds.update((known, plan) for known, plan in issued.items() if plan is not None)
        self.plan.check_texts(guider.conds, self._conds)
        clock = self._clock = Clock(self.schedule)  # a guider may sample more than once in a run
        samples = executor(guider, sigmas, extra_args, clock.listen(executor.class_obj, callback), *args, **kwargs)
        self.report.conflict = self.report.conflict or clock.position.conflict
        return samples

    def predict(self, executor, x, timestep, *args, **kwargs):
        """PREDICT_NOISE wrapper: notice a prediction that another node makes without a call of the model."""
        calls, visits = self._calls, self._visits
        with self._clock.prediction(timestep):
            result = executor(x, timestep, *args, **kwargs)
            if self._calls == calls:
                self._acting.go_to(self._clock.go_to(timestep))
                unbent = any(planned.applied for planned in self._acting.active)
                self.report.skipped += unbent and self._visits == visits
                self.report.stripped += unbent and self._visits > visits
        return result

    def call_model(
        self, executor, x, t, c_concat=None, c_crossattn=None, control=None, transformer_options=None, **kwargs
    ):
        """APPLY_MODEL wrapper: prepare what the sites of this one model call need, and check what came out."""
        options = transformer_options or {}
        networks = [executor.class_obj.diffusion_model] if executor.class_obj is not self.model else []
        if self.report.skipped:
            options = witnessed(options, networks)
        self._calls += 1
        outer, call = self._call, self._prepare(executor.class_obj, x, options, kwargs)
        awaited = [site for site in self.sites if call and self._acting.slices(call, site.layer)]
        reached_before, self._reached = self._reached, set()
        self._call, bent_before = call, self.report.bent
        try:
            result = executor(x, t, c_concat, c_crossattn, control, options, **kwargs)
        finally:
            # another node may call the model in the middle of a call
            self._call, reached, self._reached = outer, self._reached, reached_before
        if call and not self._visits:  # a cache has nothing to answer a first call with
            self._refuse("a model call has reached no text attention of the host's.", self.layers, call.conds, options)
        # a node that answers inside the model, block by block, leaves no call un-made, but sites un-bent; a copy, too
        elif call and self.report.bent == bent_before:
            acting = (self._acting.applied(layer, part.cond) for part in call.slices for layer in self.layers)
            if any(acting):
                self.report.skipped += 1
                others = (type(ran).__name__ for ran in networks if ran is not self.model.diffusion_model)
                self.report.replica = self.report.replica or next(others, None)
        if not self._refused:  # which another node may have swallowed
            require_reached(executor.class_obj, awaited, reached, options)
        self._check(result)
        self.records.show()
        return result

    def _prepare(self, model, x: Tensor, options: dict, conditions: dict) -> ModelCall | None:
        uuids = options.get("uuids") or ()
        known = [(i, self._conds[u]) for i, u in enumerate(uuids) if u in self._conds]
        self.report.foreign_rows += sum(1 for u in uuids if u not in self._issued) if uuids else x.shape[0]
        self.report.passes.update(cond.role for _, cond in known)
        if not known:
            return None
        self._acting.go_to(self._clock.go_to(options.get("sigmas")))
        self.report.override = options.get(OVERRIDE) or self._past_override
        if not self.layers:
            return None
        moment = self._acting.moment if self._acting.active or self.plan.words else None
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
        acting = [planned for layer in layers for cond in conds for planned in self._acting.applied(layer, cond)]
        if not acting:
            self.report.unlike.setdefault(reason, set()).add(self._calls)
            return
        if options is not None:
            reason = f"{reason} {whose(self._host, options)}"
        first = min(acting, key=lambda planned: planned.number)
        self._refused = BendError(reason).within(first.title, first.bend.origin)
        raise self._refused

    def slices_at(self, site: Site) -> list[CondSlice]:
        """The rows of the call under way that something happens to, or is watched, at this site."""
        self._visits += 1
        self._reached.add(site)
        return self._acting.slices(self._call, site.layer) if self._call else []

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
        return self._acting.bends(layer, part)

    def bend(self, site: Site, part: CondSlice, attention: Attention) -> Tensor | None:
        """One slice's bent output `(B, L, H, D)`; None where it stays as it is."""
        return self._acting.bend(site, part, attention)

    def keep(self, samples: Tensor, patches: tuple[Patch, ...]) -> None:
        """At the end: the report is finished, and goes under the handles of all patches, the records under theirs."""
        if self._refused:  # another node has swallowed the error
            raise self._refused
        self._reader.require_masks()
        if not self._issued:
            self.plan.warnings.append(
                "another node took Patch Model's wrappers out of the model's options while it sampled, so that nothing "
                "could be bent or recorded. Bend a branch without that node."
            )
        self.report.costs = self.records.lines
        facts = {
            "prompt": "\n".join(self.plan.prompts),
            "bending": str(self.bending),
            "seed": self.seed,
            "steps": self.schedule.steps,
            "percents": [round(moment.percent, 6) for moment in self.schedule.moments],
            "model": self.model_name,
            "report": str(self.report),
        }
        watched = [cond.watched for cond in self.plan.conds.values()]
        recorded = self.records.keep(samples, facts, watched, self.plan.probed)
        for patch in patches:
            if patch.handle is not None and patch.handle not in recorded:
                record_store.put(patch.handle, samples, str(self.report))

    def _check(self, result: Tensor) -> None:
        """Once a step, and only after a bend: stop a film that is no longer finite, or was bent under another mask."""
        step = self._acting.moment.step
        # waits for the device, hence once a step
        if self.report.bent and step != self._checked_step:
            self._checked_step = step
            if not torch.isfinite(result).all():
                raise self.report.overflow(step)
            self._reader.require_masks()
