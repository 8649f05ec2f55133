"""The benchmark at its smallest: what it compares is the same thing, and what it writes has its shape. No times."""

import json

import pytest
import torch
from attention_bending.dev import bench, bench_call, bench_cases, bench_meter, bench_page, bench_plot, bench_step
from attention_bending.dev.console import Trouble
from PIL import Image

CPU = torch.device("cpu")
KEYS = {"level", "model", "grid", "scenario", "ms", "unbent_ms", "dense_ms", "extra_mb", "dense_extra_mb", "kernel"}


@pytest.fixture(scope="module")
def inputs():
    return bench_call.Inputs("small", bench_cases.SMALL, CPU)


@pytest.fixture(scope="module")
def rows():
    with torch.inference_mode():
        return list(bench.measure(bench_cases.cases("cpu", smallest=True), CPU))


@pytest.mark.parametrize("name", bench_cases.SCENARIOS)
def test_bent_is_dense_by_kernels_with_and_without_log_sum_exp(name, inputs):
    scenario = bench_cases.SCENARIOS[name]
    dense = bench_call.Dense(scenario, inputs.grid, inputs.heads, CPU)
    expected = dense(*inputs.tensors)
    for kernel in map(bench_call.get_attention_function, ("pytorch", "sub_quad")):
        bent = bench_call.OneSite(scenario, inputs, kernel)
        plain = bent.unbent()
        for _ in range(2):  # with tables to make, and with tables made
            output = bent()
            assert (output - expected).abs().max() < 1e-5 * expected.abs().max()
        if scenario.bends:
            assert (output - plain).abs().max() > 1e-3 * plain.abs().max()
        else:
            assert torch.equal(output, plain)
        if scenario.watch:
            assert (bent.maps - dense.maps).abs().max() < 1e-5 * dense.maps.max()


def test_each_scenario_makes_a_row_and_all_parts_agree(rows):
    assert [(row["level"], row["scenario"]) for row in rows] == [
        *(("call", name) for name in bench_cases.SCENARIOS),
        *(("aim", name) for name in bench_cases.AIMS),
        *(("step", name) for name in bench_cases.STEPS),
    ]
    for row in rows:
        assert row.keys() >= KEYS and row["model"] == "small" and row["grid"] == list(bench_cases.SMALL)
        assert row["ms"] > 0 and row["unbent_ms"] > 0 and "attention" in row["kernel"]
        whole_step = row["level"] == "step"
        assert row["error"] is None if row["dense_ms"] is None else row["error"] < (0.01 if whole_step else 1e-5)
        assert row["level"] != "call" or [other["kernel"] for other in row["others"]] == ["attention_sub_quad"]


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


def test_a_step_without_an_active_bend_is_checked_to_the_bit(monkeypatch):
    step = bench_step.Step("small", bench_cases.SMALL, CPU)
    active = step.bent()
    monkeypatch.setattr(step, "bent", lambda start: active)
    with pytest.raises(AssertionError, match="other bits than without it"):
        bench_step.measure_step(step, bench_cases.Case("step", "small", bench_cases.SMALL, "inactive", (2, 2, 0)))


def test_the_json_the_page_and_the_picture(rows, tmp_path):
    result = {"machine": bench_meter.machine(CPU), "rows": [{**row, "model": "1.3B"} for row in rows]}
    bench_page.write_json(tmp_path / "bench.json", result)
    results = {"cpu": json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))}
    assert results["cpu"] == json.loads(json.dumps(result))
    page = bench_page.PAGE.read_text(encoding="utf-8")
    filled = bench_page.fill(page, results)
    assert bench_page.fill(filled, results) == filled
    assert all(f"| {name} |" in filled for name in bench_cases.SCENARIOS)
    assert "Not measured." in filled  # the other device
    bench_plot.draw(results).savefig(tmp_path / "bench.png")
    assert len(Image.open(tmp_path / "bench.png").convert("RGB").getcolors(2**24)) > 20
    assert "not measured" not in bench_page.goals_as_text(result["rows"], "cpu")
    assert result["machine"]["torch"] in bench_page.about(result["machine"])


def test_a_goal_takes_the_worst_row():
    (goal,) = (goal for goal in bench_page.GOALS if goal.value is bench_page.of_dense)
    rows = [
        {"level": "call", "scenario": "words-1", "model": model, "grid": [1, 2, i], "ms": 1.0, "dense_ms": ms}
        for i, (model, ms) in enumerate((("1.3B", 4.0), ("1.3B", 3.0), ("1.3B", None), ("14B", 2.0), ("small", 1.0)))
    ]
    assert goal.cells(rows, "cpu") == ["≥ 2.8", "3.00", "met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows, "cuda") == ["≥ 10", "3.00", "not met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows[2:], "cpu") == ["≥ 2.8", "—", "not measured"]


def test_every_case_has_its_scenario():
    known = {"call": bench_cases.SCENARIOS, "aim": bench_cases.AIMS, "step": bench_cases.STEPS}
    for device in ("cpu", "cuda"):
        for case in bench_cases.cases(device, full=True):
            assert case.scenario in known[case.level]
            assert case.model in bench_cases.HEADS


def test_the_page_needs_all_rows():
    assert bench.parse(["--device", "cuda", "--scenario", "words-4"]).scenario == "words-4"
    with pytest.raises(Trouble, match="needs all rows"):
        bench.parse(["--write-docs", "--scenario", "words-4"])
