"""Records and files of maps that are spoiled in some way, for the tests of both."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.grid import Grid
from attention_bending.bending.maps.files import load, save
from attention_bending.bending.maps.record import PackedMaps, Record, even_bins
from attention_bending.bending.maps.report_text import about, report_text
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

FACTS = {"prompt": "a (kiss)", "bending": "one\ntwo", "seed": 2**63, "steps": 4, "model": "WAN21", "report": "1. x"}
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def made(
    words=("kiss", "rose#2"), grid=(2, 3, 4), steps=(4, 2), layers=(3, 3), heads=1, bent=True, facts=FACTS, seed=0
) -> Record:
    """A record of random maps; `steps` and `layers` are how many in how many bins."""
    shape = (len(words), steps[1], layers[1], heads, *grid)
    some = torch.Generator().manual_seed(seed)
    original, other = (PackedMaps.pack(torch.randn(shape, generator=some)) for _ in range(2))
    return Record(
        words=tuple(words),
        columns=tuple((i, i + 3) for i in range(len(words))),
        grid=Grid(*grid),
        steps=even_bins(*steps),
        layers=even_bins(*layers),
        heads=heads,
        original=original,
        bent=other if bent else original,
        seen=torch.rand(shape[:3], generator=some) < 0.7,
        cell=32,
        stride=2,
        facts=facts,
    )


def plain(record: Record) -> dict[str, Any]:
    tensors = ("original", "bent", "seen")
    return {name: value for name, value in vars(record).items() if name not in tensors}


def assert_same(one: Record, other: Record) -> None:
    assert plain(one) == plain(other)
    for name in ("original", "bent"):
        for part in ("values", "peaks"):
            mine, its = (getattr(getattr(record, name), part) for record in (one, other))
            assert mine.dtype == its.dtype
            assert torch.equal(mine, its)
    assert torch.equal(one.seen, other.seen)
    assert (one.bent is one.original) == (other.bent is other.original)


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def tampered(
    path: Path,
    fields: Mapping[str, Any] | None = None,
    text: str | None = None,
    tensors: Mapping[str, torch.Tensor] | None = None,
    drop: tuple[str, ...] = (),
    **metadata: str,
) -> Path:
    """A good file at `path`, but for some of its fields, its whole JSON, its tensors or its other metadata."""
    save(made(), path)
    found, held = metadata_of(path), load_file(path)
    record = {name: value for name, value in json.loads(found["record"]).items() if name not in drop}
    found["record"] = json.dumps({**record, **(fields or {})}) if text is None else text
    held = {name: tensor for name, tensor in {**held, **(tensors or {})}.items() if name not in drop}
    save_file(held, path, {**found, **metadata})
    return path


few = partial(st.integers, 1)


def assert_told_or_refused(path: Path) -> None:
    """A record that is whole enough to be told, or a BendError that names the file."""
    try:
        record = load(path)
    except BendError as refusal:
        assert f'"{path.name}"' in str(refusal)
    else:
        assert about(record)
        assert report_text(record)
