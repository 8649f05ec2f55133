"""The moment of the model call under way, read off the sampler's own noise levels and callback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from comfy.samplers import Sampler
from torch import Tensor

from ...bending.attention.schedule import Schedule
from ...bending.errors import BendError
from ...bending.time.position import Position
from ...bending.time.windows import SamplingMoment

OWN_STEPS = ("dpm_fast_function", "dpm_adaptive_function")
"""ComfyUI's samplers that are handed the first and the last level alone: their callbacks count other steps."""


class Clock:
    """Percent and step of each model call of one run.

    A level lies on the device, so that reading it waits for what is queued there. It is read once for a prediction, as
    ComfyUI hands all of that one's calls the same tensor and the sampler does not run between them; from one prediction
    to the next nothing but the values is compared, for a sampler may fill one tensor again and again.
    """

    def __init__(self, schedule: Schedule):
        self.position = Position(schedule.sigmas)
        self.moment = SamplingMoment(0.0, 0, 1)
        self._schedule = schedule
        self._timestep: Tensor | None = None
        self._read: Tensor | None = None

    def listen(self, sampler: Sampler, callback: Callable | None) -> Callable:
        """The callback that a sampler is to be handed, `callback(step, x0, x, total_steps)`: it notes the step."""
        names_steps = _goes_along_the_schedule(sampler)

        def noted(step, *args, **kwargs):
            if names_steps:
                self.position.name(int(step))
            return None if callback is None else callback(step, *args, **kwargs)

        return noted

    @contextmanager
    def prediction(self, timestep: Tensor) -> Iterator[None]:
        """Around all that is done for one prediction at these levels `(B,)`."""
        around = self._timestep, self._read
        self._timestep, self._read = timestep, None
        try:
            yield
        finally:
            self._timestep, self._read = around

    def go_to(self, sigmas: Tensor | None) -> SamplingMoment:
        """Go to the moment of a call at levels `(B,)`, of which the first counts; at the prediction's if it has none.

        The step is the prediction's, whatever another node makes of its level on the way to the model. Raises BendError
        where nobody knows the level.
        """
        sigmas = self._timestep if sigmas is None else sigmas
        if sigmas is None:
            raise BendError(
                "a model call came without its noise level: another node has rebuilt its transformer_options without "
                "sigmas. Bend a branch without that node."
            )
        if sigmas is not self._read:
            self._read = None if self._timestep is None else sigmas
            sigma = float(sigmas[0])
            is_own = self._timestep is None or sigmas is self._timestep
            self.moment = self._schedule.moment(sigma, self.position.at(sigma if is_own else float(self._timestep[0])))
        return self.moment


def _goes_along_the_schedule(sampler: Sampler) -> bool:
    """Whether the steps that a sampler's callback names are the schedule's; one that wraps another is as that one."""
    wrapped = (value for value in getattr(sampler, "extra_options", {}).values() if isinstance(value, Sampler))
    function = getattr(sampler, "sampler_function", None)
    return getattr(function, "__name__", None) not in OWN_STEPS and all(map(_goes_along_the_schedule, wrapped))
