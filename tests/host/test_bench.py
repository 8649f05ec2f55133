"""The benchmark at its smallest: what it compares is the same thing, and what it writes has its shape. No times."""

import json

import pytest
import torch
from attention_bending.dev import bench, bench_cases, bench_meter, bench_page, bench_subjects
from attention_bending.dev.console import Trouble, aligned
from PIL import Image

CPU = torch.device("cpu")
KEYS = {"level", "model", "grid", "scenario", "ms", "unbent_ms", "dense_ms", "extra_mb", "dense_extra_mb", "kernel"}


@pytest.fixture(scope="module")
def call():
    return bench_subjects.Call("small", bench_cases.SMALL, CPU)


@pytest.fixture(scope="module")
def rows():
    return list(bench_meter.rows(bench_cases.cases("cpu", smallest=True), CPU))


@pytest.mark.parametrize("name", bench_cases.CALLS)
def test_bent_is_dense_by_kernels_with_and_without_log_sum_exp(name, call):
    scenario = bench_cases.SCENARIOS["call"][name]
    assert [kernel.__name__ for kernel in call.kernels] == ["attention_pytorch", "attention_sub_quad"]
    expected, *expected_maps = call.parts(scenario, call.kernels[0], dense=True)["dense"]()
    assert len(expected_maps) == bool(scenario.watch)
    for kernel in call.kernels:
        parts = call.parts(scenario, kernel, dense=False)
        (plain,) = parts["un-bent"]()
        for _ in range(2):  # with tables to make, and with tables made
            output, *maps = parts["bent"]()
            assert (output - expected).abs().max() < 1e-5 * expected.abs().max()
        if scenario.bends:
            assert (output - plain).abs().max() > 1e-3 * plain.abs().max()
        else:
            assert torch.equal(output, plain)
        for bent, dense in zip(maps, expected_maps, strict=True):
            assert (bent - dense).abs().max() < 1e-5 * dense.max()


def test_each_scenario_makes_a_row_and_all_parts_agree(rows):
    assert [(row["level"], row["scenario"]) for row in rows] == [
        (level, name) for level in ("call", "aim", "step") for name in bench_cases.SCENARIOS[level]
    ]
    for row in rows:
        assert row.keys() >= KEYS and row["model"] == "small" and row["grid"] == list(bench_cases.SMALL)
        assert row["ms"] > 0 and row["unbent_ms"] > 0 and "attention" in row["kernel"]
        whole_step = row["level"] == "step"
        assert row["error"] is None if row["dense_ms"] is None else row["error"] < (0.01 if whole_step else 1e-5)
        assert (row["dense_ms"] is not None) == bench_cases.SCENARIOS[row["level"]][row["scenario"]].dense
        assert [other["kernel"] for other in row["others"]] == ([] if whole_step else ["attention_sub_quad"])


def test_the_call_takes_less_memory_than_dense(rows):
    """Even this small; the map is (2 heads, 60 places, 512 tokens)."""
    (row,) = (row for row in rows if (row["level"], row["scenario"]) == ("call", "words-1"))
    assert 0 <= row["extra_mb"] < 0.5 * row["dense_extra_mb"]
    assert row["dense_extra_mb"] > 4 * 2 * 60 * 512 / bench_meter.MB


def test_peak_memory_counts_what_lives_at_once():
    def part():
        one = torch.zeros(1000, 1000)
        two = one + 1
        del one
        return two + 1

    kept = []
    assert 2e6 <= bench_meter.peak_bytes(lambda: kept.append(torch.zeros(1000, 500)), CPU) < 2.1e6
    assert 8e6 <= bench_meter.peak_bytes(part, CPU) < 8.1e6
    assert bench_meter.peak_bytes(kept.clear, CPU) < 1e5


@pytest.fixture(scope="module")
def step():
    return bench_subjects.Step("small", bench_cases.SMALL, CPU)


@torch.inference_mode()
@pytest.mark.parametrize("level", ["call", "step"])
def test_nothing_is_timed_that_does_another_thing(level, call, step, monkeypatch):
    subject = {"call": call, "step": step}[level]
    four, parts = bench_cases.words(4), subject.parts

    def measure(**scenario):
        monkeypatch.setitem(bench_cases.SCENARIOS[level], "wrong", bench_cases.Scenario(**scenario))
        bench_meter.measure(bench_cases.Case(level, "small", bench_cases.SMALL, "wrong", (2, 2, 2)), subject)

    with pytest.raises(AssertionError, match="other bits than without it"):
        measure(bends=four, same_bits=True)
    with pytest.raises(AssertionError, match="the same bits as without it"):
        measure(bends=four, against=four)
    one = parts(bench_cases.Scenario(four[:1]), subject.kernels[0], dense=True)
    monkeypatch.setattr(subject, "parts", lambda *given, **named: parts(*given, **named) | {"dense": one["dense"]})
    with pytest.raises(AssertionError, match="what was timed differs"):
        measure(bends=four)


def test_the_json_the_page_and_the_picture(rows, tmp_path):
    result = {"machine": bench_meter.machine(CPU), "rows": [{**row, "model": "1.3B"} for row in rows]}
    bench_page.write_json(tmp_path / "bench.json", result)
    results = {"cpu": json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))}
    assert results["cpu"] == json.loads(json.dumps(result))
    page = bench_page.PAGE.read_text(encoding="utf-8")
    filled = bench_page.fill(page, results)
    assert bench_page.fill(filled, results) == filled
    assert all(f"| {name} |" in filled for names in bench_cases.SCENARIOS.values() for name in names)
    assert "Not measured." in filled  # the other device
    bench_page.draw(results).savefig(tmp_path / "bench.png")
    assert len(Image.open(tmp_path / "bench.png").convert("RGB").getcolors(2**24)) > 20
    assert all("not measured" not in goal.cells(result["rows"], "cpu") for goal in bench_page.GOALS)
    assert result["machine"]["torch"] in bench_page.ABOUT.format(**result["machine"])
    lines = aligned([[*bench_page.COLUMNS], *map(bench_page.cells, result["rows"])]).splitlines()
    assert len(lines) == len(rows) + 1 and {line.index(" 1.3B ") for line in lines[1:]} == {lines[0].index(" model")}


def test_the_page_is_what_its_json_says():
    results = {
        device: json.loads(file.read_text(encoding="utf-8"))
        for device, file in bench_page.FILES.items()
        if file.is_file()
    }
    page = bench_page.PAGE.read_text(encoding="utf-8")
    assert bench_page.fill(page, results) == page


def test_a_goal_takes_the_worst_row():
    (goal,) = (goal for goal in bench_page.GOALS if goal.value == "of_dense")
    rows = [
        {"level": "call", "scenario": "words-1", "model": model, "grid": [1, 2, i], "of_dense": times}
        for i, (model, times) in enumerate((("1.3B", 4.0), ("1.3B", 3.0), ("1.3B", None), ("14B", 2.0), ("small", 1.0)))
    ]
    assert goal.cells(rows, "cpu") == ["≥ 2.8", "3.00", "met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows, "cuda") == ["≥ 10", "3.00", "not met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows[2:], "cpu") == ["≥ 2.8", "—", "not measured"]


def test_every_case_has_its_scenario():
    for device in ("cpu", "cuda"):
        for case in bench_cases.cases(device, full=True):
            assert case.scenario in bench_cases.SCENARIOS[case.level]
            assert case.model in bench_cases.HEADS


def test_the_page_needs_all_rows():
    assert bench.parse(["--device", "cuda", "--scenario", "words-4"]).scenario == "words-4"
    with pytest.raises(Trouble, match="needs all rows"):
        bench.parse(["--write-docs", "--scenario", "words-4"])
