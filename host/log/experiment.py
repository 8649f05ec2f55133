"""What an experiment was, gathered from a graph, its conditioning and its records."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...bending.bend import Bending
from ...bending.errors import BendError
from ...bending.text.token_field import TokenField, TokenTerm
from ...bending.text.tokens import TokenMap, resolve
from ..maps.record_store import record_of
from ..text.prompt_encoding import KEY
from .graph_settings import settings


def experiment(
    graph: Mapping[str, Any] | None,
    node: str | None,
    bending: Bending | None = None,
    conditioning: Sequence | None = None,
    maps: Any = None,
    latent: Mapping[str, Any] | None = None,
    metrics: str | None = None,
    label: str | None = None,
    seed: int | None = None,
    artifacts: str | None = None,
) -> dict[str, Any]:
    """The fields of a line of the log; those that nothing is known of are left out.

    Raises BendError for maps without their latent, and for metrics that are no JSON.
    """
    graph_settings = settings(graph, node)
    record = None if maps is None else record_of(maps, latent)
    facts = {} if record is None else record.facts
    tokens = _token_map(conditioning)
    prompt = tokens.text if tokens else facts.get("prompt") or next(iter(graph_settings["prompts"]), None)
    entry = {
        "label": label,
        "prompt": prompt,
        "seed": _first(seed, facts.get("seed"), _seed(graph_settings["samplers"])),
        "model": facts.get("model"),
        **{name: graph_settings[name] for name in ("samplers", "models", "films")},
        "bending": str(bending) if bending is not None else facts.get("bending"),
        "bends": bending,
        "words": _words(tokens, record),
        "report": facts.get("report"),
        "metrics": _metrics(metrics, label),
        "artifacts": [line.strip() for line in (artifacts or "").splitlines() if line.strip()],
    }
    return {name: value for name, value in entry.items() if value is not None and value != []}


def _token_map(conditioning: Sequence | None) -> TokenMap | None:
    """The first entry's that has one."""
    return next((extras[KEY] for _, extras in conditioning or () if KEY in extras), None)


def _words(tokens: TokenMap | None, record: Any) -> list[dict[str, Any]]:
    """The marked words, or those that were recorded, and their columns."""
    if record is not None:
        pairs = zip(record.words, record.columns, strict=True)
        return [{"word": word, "columns": list(columns)} for word, columns in pairs]
    if tokens is None:
        return []
    words = []
    for word in tokens.marked_words:
        try:
            words.append({"word": word, "columns": list(resolve(TokenField(word, (TokenTerm(word),)), tokens).columns)})
        except BendError:  # a word that no column stands for is still one of the prompt's
            words.append({"word": word, "columns": []})
    return words


def _seed(samplers: Sequence[Mapping[str, Any]]) -> int | None:
    """The seed that is typed into the first sampler, or into its noise."""
    for sampler in samplers:
        for part in (sampler, *sampler.get("noise", ())):
            for name in ("seed", "noise_seed"):
                if isinstance(part, Mapping) and isinstance(part.get(name), int):
                    return part[name]
    return None


def _metrics(text: str | None, label: str | None) -> Any:
    """As JSON; of a sheet's, the one cell that is meant."""
    if text is None or not text.strip():
        return None
    try:
        metrics = json.loads(text)
    except ValueError:
        raise BendError("metrics is no JSON. Connect the json of Bend Grid or Attention Maps Grid.") from None
    if label is None or not isinstance(metrics, dict):
        return metrics
    cells = [cell for cell in metrics.get("cells") or () if isinstance(cell, dict)]
    return next((cell for cell in cells if cell.get("label") == label), metrics)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
