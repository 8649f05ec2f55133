"""Words that are in no prompt, as the film's places would hear them: by the keys that sites make of their sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import comfy.utils
import torch
from torch import Tensor

from ...bending.attention.device_cache import DeviceCache
from ...bending.attention.kernel import Attention
from ...bending.attention.probes import Sentences
from ...bending.errors import BendError
from ..families.family import Columns, Family, Site
from ..keeping import keeping
from ..text.probes import Probe, Probes
from .conditionings import Conditioning, check_encoders, quoted
from .kernel import HostKernel, named_options
from .memory import FLOAT32
from .site import OVERRIDE

TITLE = "Concept Probe"


@dataclass(frozen=True, eq=False)
class PlannedProbe:
    """A probe of a run: the `keys` that a site attends to in its sentence, and which of them, in their order, are its
    word's.
    """

    probe: Probe
    keys: tuple[int, ...]
    own: tuple[int, ...]

    @property
    def kept(self) -> int:
        """How many of its keys differ, as far as is known before they are made: an encoder's padding is one."""
        encoder = self.probe.tokens.encoder()
        return min(len(self.keys), encoder.columns - max(0, len(encoder.padding) - 1))


def plan_probes(
    probes: Probes,
    conditionings: Sequence[Conditioning],
    columns: Callable[[dict], Columns],
    encoders: Sequence[str],
    unprobed: str,
    warnings: list[str],
) -> tuple[PlannedProbe, ...]:
    """The probes of a patch, for a guider's conditionings; what is to be said becomes a warning.

    `columns`, `encoders` and `unprobed` are the model's (see ModelSpec). Raises BendError for what cannot be asked.
    """
    try:
        if unprobed:
            raise BendError(f"{unprobed} Take the probes off Patch Model.")
        planned = tuple(_planned(probe, columns, encoders) for probe in probes.each)
    except BendError as error:
        raise error.within(TITLE, probes.node) from None
    notes = list(probes.notes)
    if given := [probe.word for probe in probes.each if _is_given(probe.word, conditionings)]:
        notes.append(
            f"{quoted(given)} {'is' if len(given) == 1 else 'are'} in the prompt: a probe asks as if it were not. What "
            f"the prompt's own word did is told by record."
        )
    warnings += [f"{TITLE}: {note}" for note in notes]
    return planned


def _planned(probe: Probe, columns: Callable[[dict], Columns], encoders: Sequence[str]) -> PlannedProbe:
    sentence = Conditioning("probe", 1, dict(probe.cond), columns)
    check_encoders([sentence], encoders)
    keys = sentence.open or range(sentence.columns.count)
    own = [column + sentence.columns.shift for column in probe.columns]
    if not set(own) & set(keys):
        raise BendError(f'the model masks all tokens of "{probe.word}". Ask for another word.')
    return PlannedProbe(probe, tuple(keys), tuple(i for i, key in enumerate(keys) if key in own))


def _is_given(word: str, conditionings: Sequence[Conditioning]) -> bool:
    """Whether a positive prompt has the word."""
    return any(cond.role == "positive" and cond.tokens and cond.tokens.places(word) for cond in conditionings)


class Probing:
    """The probes of a run at its sites: each site is asked for their keys once, at its first call."""

    def __init__(self, family: Family, model, probes: Sequence[PlannedProbe]):
        self._family, self._model, self._probes = family, model, probes
        self._sentences: dict[torch.device, Sentences] = {}
        self._keys: dict[tuple[Site, torch.device], Tensor] = {}

    def device_bytes(self, sites: int, width: int, places: int, heads: int) -> int:
        """What is held beside the model: the keys of `sites`, each of `width` numbers, and the maps of one of them."""
        return FLOAT32 * (
            sites * width * sum(probe.kept for probe in self._probes) + places * heads * len(self._probes)
        )

    def shares(self, site: Site, attention: Attention, cache: DeviceCache) -> Tensor:
        """The share of each probe's word `(1, L, H, P)` float32, of the first film's queries at a site."""
        device = attention.q.device
        if device not in self._sentences:
            with keeping():
                self._sentences[device] = self._asked(device)
        if (site, device) not in self._keys:
            with keeping():
                self._keys[site, device] = self._made(site, self._sentences[device].columns, attention)
        return self._sentences[device].shares(attention.q[:1], self._keys[site, device], attention.scale, cache)

    def _asked(self, device: torch.device) -> Sentences:
        texts = ((planned, self._family.text(self._model, planned.probe.cond, device)[0]) for planned in self._probes)
        return Sentences.of([(text[list(planned.keys)], planned.own) for planned, text in texts])

    def _made(self, site: Site, columns: Tensor, attention: Attention) -> Tensor:
        """The keys `(H, K, D)` float32 that a site's own forward makes of a text's columns."""
        module = comfy.utils.get_attr(self._model, site.path.removesuffix(".forward"))
        calls: list[Tensor] = []

        def take(func, q, k, v, heads, *args, **kwargs):
            kernel = HostKernel(func, None, q, k, v, heads, named_options(args, kwargs))
            calls.append(kernel.heads_apart(k))
            return kernel.handed_back(kernel.heads_apart(q))

        one = columns.new_zeros(1, 1, attention.q.shape[2] * attention.q.shape[3])
        given = {**self._family.text_alone, "transformer_options": {OVERRIDE: take}}
        type(module).forward(module, one, columns, **given)
        return calls[self._family.attends_of(module).text[0]][0].transpose(0, 1).float()
