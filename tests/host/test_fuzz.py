"""Whatever is typed, wired or shared gives a result, or a sentence that says what was there and what to do."""

import re
import sys
from collections import Counter

import comfy.sampler_helpers
import folder_paths
import pytest
from attention_bending.bending.attention.schedule import Schedule
from attention_bending.bending.errors import BendError
from attention_bending.bending.files import parse
from attention_bending.bending.text.tokens import resolve
from attention_bending.host.run.attach import patch_model
from attention_bending.host.run.plan import ModelSpec, make_plan
from attention_bending.host.text.prompt_encoding import KEY, encode_prompt
from host.fuzzed import file_texts, patch_of, patches, prompt_texts, token_texts, uses
from host.support import SQUARE
from hypothesis import HealthCheck, given, reject, settings

SHARES = {"files": 100, "token fields": 80, "prompts": 60, "nodes": 80, "plans": 80}
"""Of four hundred."""

SAMPLED = 300

CURE = re.compile(
    r"\b(Add|Ask|Begin|Choose|Connect|Copy|copy that|Count|Delete|Give|give|Keep|Leave|List|Look|Lower|Make|Name|Put|"
    r"Remove|Save|Say|Sweep|Take|Type|Update|Use|use|Write|write|Did you mean|The prompt has)\b"
)


def assert_sentence(said: str) -> None:
    assert said[-1] in ".?" and CURE.search(said) and "Traceback" not in said, said
    assert len(said) < 3000, said


def counted(count, cases, judge) -> Counter:
    """Judge so many cases. Raises what is neither a result nor a sentence."""
    seen = Counter()

    @settings(max_examples=count, suppress_health_check=list(HealthCheck))
    @given(cases)
    def each(case):
        try:
            judge(case)
        except BendError as error:
            assert_sentence(str(error))
            seen["sentences"] += 1
        else:
            seen["results"] += 1

    each()
    return seen


@pytest.fixture
def tell(capsys):
    """Shows a line whatever pytest does with what is printed."""

    def show(line):
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return show


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """ComfyUI's folders for this test alone."""
    for name in ("input", "output", "user"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))


@pytest.fixture
def kinds(model, tiny_clip, positive, negative):
    """By name: cases, and what is done with each."""
    given = {"positive": positive, "negative": negative}
    conds = {role: comfy.sampler_helpers.convert_cond(cond) for role, cond in given.items()}
    schedule = Schedule([1.0, 0.9, 0.6, 0.0], model.get_model_object("model_sampling").percent_to_sigma)
    subject = ModelSpec(layers=2, heads=1, frames=3, stride=4, schedule=schedule)
    return {
        "files": (file_texts, lambda text: str(parse(text))),
        "token fields": (token_texts, lambda text: resolve(text, positive[0][1][KEY])),
        "prompts": (prompt_texts, lambda text: encode_prompt(tiny_clip, text)),
        "nodes": (uses, lambda use: use.execute()),
        "plans": (patches, lambda case: make_plan((patch_of(*case),), conds, subject)),
    }


@pytest.mark.parametrize("times", [1, pytest.param(25, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", SHARES)
def test_a_result_or_a_sentence(kind, times, kinds, tell):
    seen = counted(SHARES[kind] * times, *kinds[kind])
    tell(f"{kind}: {seen['results']} results, {seen['sentences']} sentences")
    assert seen.total() >= SHARES[kind] * times and len(seen) == 2


@pytest.mark.slow
def test_a_film_or_a_sentence(model, positive, negative, sample, tell):
    def judge(case):
        try:
            patch = patch_of(*case)
        except BendError:
            reject()  # by its nodes, and so no sampler starts
        film = sample(patch_model(model, patch), positive, negative, shape=SQUARE["shape"])
        assert film.isfinite().all()

    seen = counted(SAMPLED, patches, judge)
    tell(f"sampler: {seen['results']} films, {seen['sentences']} sentences")
    assert seen.total() >= SAMPLED and seen["results"] > SAMPLED / 10
