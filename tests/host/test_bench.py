"""The benchmark at its smallest: what it compares is the same thing, and what it writes has its shape. No times."""

import json

import pytest
import torch
from attention_bending.dev import bench, bench_cases, bench_count, bench_meter, bench_page, bench_subjects
from attention_bending.dev.console import Trouble, aligned
from PIL import Image

CPU, META = torch.device("cpu"), torch.device("meta")
KEYS = {"level", "model", "grid", "scenario", "dtype"}
TIMED = {"ms", "unbent_ms", "dense_ms", "extra_mb", "dense_extra_mb", "peak", "kernel", "way", "plan_ms", "rounding"}
KERNELS = {"attention_pytorch", "attention_sub_quad"}
"""What is measured on a CPU."""
BIASED, LEFT_OUT = ("padding-amplify", "prompt-amplify"), ("segments-6", *bench_cases.SCENES)
"""What is one call of the first with a bias; and what, of two frames, is heard or not, so that any leaves keys out."""
NEAR, NEAR_DENSE = {"float32": 1e-5, "bfloat16": 0.02}, {"float32": 1e-5, "bfloat16": 0.04}
"""Over the largest value: ours to float64, and what is dense in the call's own type to ours and to float64."""
NEAR_DENSE_STEP = {"float32": 0.01, "bfloat16": 0.04}
"""A step to the dense one; in float32 over the most that bends change."""


@pytest.fixture(scope="module", params=["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def call(request, device):
    return bench_subjects.Call("small", bench_cases.SMALL, request.param, torch.device(device))


@pytest.fixture(scope="module")
def rows(device):
    return list(bench_meter.rows(bench_cases.cases(device, smallest=True), torch.device(device)))


@pytest.mark.parametrize("name", [*bench_cases.CALLS, *bench_cases.MANY, *bench_cases.SEGMENTS])
def test_bent_is_dense_by_kernels_with_and_without_log_sum_exp(name, call):
    scenario = {**bench_cases.CALL, **bench_cases.SCENARIOS["many"], **bench_cases.SCENARIOS["segments"]}[name]
    near, near_dense = (bounds[str(call.dtype).removeprefix("torch.")] for bounds in (NEAR, NEAR_DENSE))
    exact = call.exact(scenario)
    assert exact.dtype == torch.float64
    kernels = call.kernels if call.device == CPU else call.kernels[:1]
    assert call.device != CPU or {kernel.__name__ for kernel in kernels} == KERNELS
    dense, *dense_maps = call.parts(scenario, call.kernels[0], dense=True)["dense"]()
    assert dense.dtype == call.dtype and (dense - exact).abs().max() < near_dense * exact.abs().max()
    assert len(dense_maps) == bool(scenario.watch)
    for kernel in kernels:
        parts = call.parts(scenario._replace(against=()), kernel, dense=False)
        (plain,) = parts["un-bent"]()
        for _ in range(2):  # with tables to make, and with tables made
            output, *maps = parts["bent"]()
            assert (output - exact).abs().max() < near * exact.abs().max()
        by_bias = name in LEFT_OUT or (name in BIASED and kernel is call.kernels[0])
        way = "a mask" if scenario.by_mask else "biased" if by_bias else "told"
        assert parts["bent"].way == (way if scenario.bends or scenario.watch else None)
        if scenario.bends:
            assert (output - plain).abs().max() > 1e-3 * plain.abs().max()
        else:
            assert torch.equal(output, plain)
        for bent, theirs in zip(maps, dense_maps, strict=True):
            assert (bent - theirs).abs().max() < near_dense * theirs.max()


@torch.inference_mode()
@pytest.mark.parametrize("model", ["small, heads first", "small, masked"])
@pytest.mark.parametrize("dtype", NEAR)
def test_other_models_calls_are_dense_too(model, dtype, device):
    """Handed over heads first, or masked as LTXV's always is; the log-sum-exp of what is open is told all the same."""
    call = bench_subjects.Call(model, bench_cases.SMALL, dtype, torch.device(device))
    for name in bench_cases.FEW:
        scenario = bench_cases.CALL[name]
        parts, exact = call.parts(scenario, call.kernels[0], dense=True), call.exact(scenario)
        (output,), (dense,), (plain,) = (parts[way]() for way in ("bent", "dense", "un-bent"))
        assert (output - exact).abs().max() < NEAR[dtype] * exact.abs().max()
        assert (dense - exact).abs().max() < NEAR_DENSE[dtype] * exact.abs().max()
        assert torch.equal(output, plain) == scenario.same_bits
        assert parts["bent"].way == ("told" if scenario.bends else None)


@pytest.mark.slow
def test_each_scenario_makes_a_row_and_all_parts_agree(rows, device):
    both = ("call", "aim", "many", "segments", "step")
    levels = {"bfloat16": (*both, "counted"), "float32": both}
    levels = {dtype: levels[dtype] for dtype in bench_cases.DTYPES[device]}
    assert [(row["dtype"], row["level"], row["scenario"]) for row in rows] == [
        (dtype, level, name) for dtype in levels for level in levels[dtype] for name in bench_cases.SCENARIOS[level]
    ]
    for row in rows:
        assert row.keys() >= KEYS and row["model"] == "small" and row["grid"] == bench_cases.SMALL
        if row["level"] == "counted":
            assert row["launches"] >= 2 and row["bytes"] > 2  # of a temperature the kernel alone, and a weight
            continue
        assert row.keys() >= TIMED and row["ms"] > 0 and row["unbent_ms"] > 0 and "attention" in row["kernel"]
        step, compared = row["level"] == "step", row["dense_ms"] is not None
        near = (NEAR_DENSE_STEP if step else NEAR_DENSE)[row["dtype"]]
        assert row["error"] < near if compared else row["error"] is None
        assert compared == bench_cases.SCENARIOS[row["level"]][row["scenario"]].dense
        others = [other["kernel"] for other in row["others"]]
        assert device == "cuda" or others == ([] if step else ["attention_sub_quad"])
        assert (row["of_step"] is None, row["plan_ms"] is None) == (not step, step)
        assert (row["rounding"] is not None) == (compared and not step)
        assert row["peak"] is None if step else row["peak"] >= 1  # the output itself


@pytest.mark.slow
def test_half_precision_rounds_as_the_unbent_call_does(rows):
    """Such small calls stray; docs/performance.md has the usual ones."""
    roundings = {
        row["scenario"]: row["rounding"] for row in rows if (row["level"], row["dtype"]) == ("call", "bfloat16")
    }
    assert roundings["inactive"] == 1 and max(roundings.values()) < 2


def test_the_call_takes_less_memory_than_dense():
    """Where the map is much more than the keys and values, as it is with a film."""
    call = bench_subjects.Call("1.3B", (4, 30, 52), "float32", CPU)
    parts = call.parts(bench_cases.SCENARIOS["call"]["words-1"], call.kernels[0], dense=True)
    bent, dense = (bench_meter.peak_bytes(parts[way], CPU) - call.tensors[0].nbytes for way in ("bent", "dense"))
    assert 0 <= bent < 0.1 * dense
    assert dense > 4 * call.heads * call.grid.cells * bench_cases.TOKENS


@torch.inference_mode()
def test_words_take_little_memory_beside_the_output(device):
    """Once their tables are made: at most 2.4 outputs, of which one is the output itself."""
    call = bench_subjects.Call("1.3B", (2, 30, 52), "bfloat16", torch.device(device))
    for name in ("words-1", "words-4", "words-16"):
        bent = call.parts(bench_cases.SCENARIOS["call"][name], call.kernels[0], dense=False)["bent"]
        bent()
        assert 1 <= bench_meter.peak_bytes(bent, call.device) / call.tensors[0].nbytes <= 2.4, name


def test_kernels_and_their_bytes_are_counted():
    with bench_count.Count() as count:
        numbers = torch.empty(2, 4, device=META).t()[:2]
        torch.add(numbers, 1, out=torch.empty_like(numbers))  # reads four and writes four
        numbers.unflatten(0, (1, 2)).mul_(2)
    assert (count.launches, count.bytes) == (2, 4 * (4 + 4) + 4 * 4)


@torch.inference_mode()
def test_a_gpu_is_asked_for_few_kernels():
    """Counted, so it is the same everywhere: at 480p and 81 frames, as docs/performance.md has it."""
    cases = [case for case in bench_cases.cases("cuda") if case.level == "counted"]
    rows = list(bench_meter.rows((case for case in cases if case.scenario in ("words-1", "words-4")), CPU))
    goals = [goal for goal in bench_page.GOALS if goal.level == "counted"]
    assert len(rows) == 2 and len(goals) == 4
    assert [goal.says for goal in goals if not goal.cells(rows, "bfloat16")[2].startswith("met")] == []


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
def step(device):
    return bench_subjects.Step("small", bench_cases.SMALL, "float32", torch.device(device))


@torch.inference_mode()
@pytest.mark.parametrize("level", ["call", "step"])
def test_nothing_is_timed_that_does_another_thing(level, call, step, monkeypatch):
    subject = {"call": call, "step": step}[level]
    four, parts = bench_cases.words(4), subject.parts

    def measure(**scenario):
        monkeypatch.setitem(bench_cases.SCENARIOS[level], "wrong", bench_cases.Scenario(**scenario))
        dtype = str(subject.dtype).removeprefix("torch.")
        bench_meter.measure(bench_cases.Case(level, "small", bench_cases.SMALL, "wrong", dtype, (2, 2, 2)), subject)

    with pytest.raises(AssertionError, match="other bits than without it"):
        measure(bends=four, same_bits=True)
    with pytest.raises(AssertionError, match="the same bits as without it"):
        measure(bends=four, against=four)
    one = parts(bench_cases.Scenario(four[:1]), subject.kernels[0], dense=True)
    monkeypatch.setattr(subject, "parts", lambda *given, **named: parts(*given, **named) | {"dense": one["dense"]})
    with pytest.raises(AssertionError, match="what was timed differs"):
        measure(bends=four)


@pytest.mark.slow
def test_the_json_the_page_and_the_picture(rows, tmp_path, device):
    result = {
        "machines": [bench_meter.machine(torch.device(device))],
        "rows": [row | {"model": "1.3B", "grid": bench_cases.USUAL, "machine": 0} for row in rows],
    }
    bench_page.write_json(tmp_path / "bench.json", result)
    results = {device: bench_page.read_json(tmp_path / "bench.json")}
    assert results[device] == json.loads(json.dumps(result))
    page = bench_page.PAGE.read_text(encoding="utf-8")
    filled = bench_page.fill(page, results)
    assert bench_page.fill(filled, results) == filled
    assert all(f"| {name} |" in filled for names in bench_cases.SCENARIOS.values() for name in names)
    assert "Not measured." in filled  # the other device
    bench_page.draw(results).savefig(tmp_path / "bench.png")
    assert len(Image.open(tmp_path / "bench.png").convert("RGB").getcolors(2**24)) > 20
    assert device == "cuda" or all("not measured" not in line for line in bench_page.goal_lines(result["rows"], "cpu"))
    assert result["machines"][0]["torch"] in bench_page.sittings(result)
    timed = [row for row in rows if row["level"] != "counted"]
    lines = aligned(bench_page.lines(result["rows"])).splitlines()
    assert len(lines) == len(timed) + 1 and {line.index(" 1.3B ") for line in lines[1:]} == {lines[0].index(" model")}
    assert len(bench_page.lines(result["rows"], counted=True)) == len(rows) - len(timed) + 1


def test_the_page_is_what_its_json_says():
    results = {device: bench_page.read_json(file) for device, file in bench_page.FILES.items() if file.is_file()}
    page = bench_page.PAGE.read_text(encoding="utf-8")
    assert bench_page.fill(page, results) == page


def test_a_goal_takes_the_worst_row():
    goal = bench_page.Goal("of dense", "call", ["words-1"], "of_dense", {"float32": 2.8, "cuda": 10}, ["1.3B"])
    row = {"level": "call", "scenario": "words-1", "dtype": "float32"}
    rows = [
        {**row, "model": model, "grid": [1, 2, i], "of_dense": times}
        for i, (model, times) in enumerate((("1.3B", 4.0), ("1.3B", 3.0), ("1.3B", None), ("14B", 2.0), ("small", 1.0)))
    ]
    rows.append({**row, "dtype": "bfloat16", "model": "1.3B", "grid": [1, 2, 5], "of_dense": 3.5})
    assert goal.cells(rows, "float32") == ["≥ 2.8", "3.00", "met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows, "cuda") == ["≥ 10", "3.00", "not met (words-1 at 1.3B 1×2×1)"]
    assert goal.cells(rows, "bfloat16") == ["none", "—", "—"]
    assert goal._replace(grid=(1, 2, 0)).cells(rows, "float32")[1] == "4.00"
    assert goal.cells(rows[2:5], "float32") == ["≥ 2.8", "—", "not measured"]


def test_what_is_written_of_a_goal_is_what_is_compared():
    goal = bench_page.Goal("added", "step", ["words-1"], "of_step", {"cuda": 0.015})
    row = {"level": "step", "scenario": "words-1", "dtype": "bfloat16", "model": "1.3B", "grid": [1, 2, 3]}
    assert goal.cells([{**row, "of_step": 0.0154}], "cuda")[:2] == ["≤ 1.5%", "1.5%"]
    assert goal.cells([{**row, "of_step": 0.0154}], "cuda")[2].startswith("met")
    assert goal.cells([{**row, "of_step": 0.0156}], "cuda")[1:] == ["1.6%", "not met (words-1 at 1.3B 1×2×3)"]


def test_every_case_has_its_scenario():
    for device in ("cpu", "cuda"):
        for case in bench_cases.cases(device, full=True):
            assert case.scenario in bench_cases.SCENARIOS[case.level]
            assert case.model.partition(", ")[0] in bench_cases.HEADS and case.dtype in bench_cases.DTYPES[device]


def test_the_page_needs_all_rows():
    assert bench.parse(["--device", "cuda", "--scenario", "words-4"]).scenario == "words-4"
    with pytest.raises(Trouble, match="needs all rows"):
        bench.parse(["--write-docs", "--scenario", "words-4"])
