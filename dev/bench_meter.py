"""How the benchmark measures: times in turn, the allocator's own account of memory, and what the machine can do."""

import gc
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby
from timeit import timeit
from typing import Any

import comfyui_version
import psutil
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import timer  # it waits for a GPU

from .bench_cases import DTYPES, SCENARIOS, Case
from .bench_subjects import Call, Step

MB = 1e6
SUBJECTS = {"call": Call, "aim": Call, "step": Step}
TOLERANCE = {Call: {torch.float32: 1e-4, torch.bfloat16: 0.1}, Step: {torch.float32: 0.01, torch.bfloat16: 0.5}}
WAYS = {"un-bent": "unbent_", "bent": "", "dense": "dense_"}  # what the names of each way's quantities begin with


@torch.inference_mode()
def rows(cases: Iterable[Case], device: torch.device) -> Iterator[dict[str, Any]]:
    """The row of each Case, as it stands in the JSON. The tensors of one model and grid are made once."""
    for (kind, model, grid), group in groupby(cases, lambda case: (SUBJECTS[case.level], case.model, case.grid)):
        subject = kind(model, grid, device)
        for case in group:
            yield measure(case, subject)
        del subject  # before the next tensors are made


def measure(case: Case, subject: Call | Step) -> dict[str, Any]:
    """One row; docs/performance.md says what the numbers are. `others` are the same by the host's other kernels."""
    rounds, dense_rounds, other_rounds = case.rounds
    own, *others = subject.kernels
    row = compared(case, subject, own, {"un-bent": rounds, "bent": rounds, "dense": dense_rounds})
    turns = {"un-bent": other_rounds, "bent": other_rounds, "dense": 0}
    row |= {"others": [compared(case, subject, other, turns) for other in others if other_rounds]}
    row |= {"dtype": str(subject.dtype).removeprefix("torch."), "heads": subject.heads, **subject.facts}
    return case._asdict() | {"grid": list(case.grid), "rounds": rounds} | row


def compared(case: Case, subject: Call | Step, kernel: Callable, rounds: dict[str, int]) -> dict[str, Any]:
    """What is measured by one kernel. Raises AssertionError where the ways do not agree as the scenario says."""
    scenario = SCENARIOS[case.level][case.scenario]
    parts = subject.parts(scenario, kernel, dense=scenario.dense and case.rounds[1] > 0)
    timed = {way: run for way, run in parts.items() if rounds[way]}
    peaks = {way: peak_bytes(run, subject.device) for way, run in timed.items()}  # of first calls: tables are made
    base = subject.tensors[0].nbytes if case.level == "call" else peaks["un-bent"]
    error = checked(case, {way: run() for way, run in parts.items()}, TOLERANCE[type(subject)][subject.dtype])
    seconds = time_in_turn(timed, rounds)
    low, middle, high = statistics.quantiles(seconds["un-bent"], n=4)
    quantities = {
        "ms": {way: round(1000 * statistics.median(times), 3) for way, times in seconds.items()},
        "extra_mb": {way: round((peak - base) / MB, 2) for way, peak in peaks.items()},
    }
    row = {WAYS[way] + name: values.get(way) for name, values in quantities.items() for way in WAYS}
    return row | {"kernel": kernel.__name__, "spread": round((high - low) / middle, 3), "error": error}


def checked(case: Case, outputs: Mapping[str, Sequence[Tensor]], tolerance: float) -> float | None:
    """The largest difference of bent from dense: over the largest value; of a step, over the most that bends change."""
    unbent, bent, dense = (outputs.get(way, ()) for way in WAYS)
    same = torch.equal(bent[0], unbent[0])
    told = f"{case.scenario}: {'the same bits as' if same else 'other bits than'} without it"
    assert same == SCENARIOS[case.level][case.scenario].same_bits, told
    if not dense:
        return None
    units = [bent[0] - unbent[0]] if case.level == "step" else dense
    triples = zip(bent, dense, units, strict=True)
    error = max(float((ours - theirs).abs().max() / unit.abs().max()) for ours, theirs, unit in triples)
    assert error < tolerance, f"{case.scenario}: {error:.1e} from dense, so what was timed differs"
    return float(f"{error:.1e}")


def time_in_turn(parts: Mapping[str, Callable], rounds: Mapping[str, int]) -> dict[str, list[float]]:
    """Seconds of each part in each of its rounds.

    All parts run in turn, forwards and backwards by turns, so that none always follows the same one and a machine that
    slows down slows all of them. Each should have run before, to be warm.
    """
    seconds: dict[str, list[float]] = {part: [] for part in parts}
    for turn in range(max(rounds[part] for part in parts)):
        due = [part for part in parts if turn < rounds[part]]
        for part in due if turn % 2 == 0 else reversed(due):
            seconds[part].append(timeit(parts[part], timer=timer, number=1))
    return seconds


def peak_bytes(run: Callable, device: torch.device) -> int:
    """The most memory that it had allocated at once, beyond what was there before and with what it returns.

    On a CPU every allocation of torch's own allocator counts, those inside its kernels too; what the matrix library
    takes for itself, a few MB, does not.
    """
    gc.collect(1)
    if device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=False) as profiler:
        result = run()
    del result
    events = sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"), default=0)


def machine(device: torch.device) -> dict[str, Any]:
    """What it was measured on, and how fast that copies (bytes read and written) and multiplies matrices."""
    on_gpu = device.type == "cuda"
    like = {"dtype": DTYPES[device.type], "device": device}
    source, side = torch.ones(2**29 if on_gpu else 2**25, **like), 8192 if on_gpu else 1024
    target, matrix = torch.empty_like(source), torch.ones(side, side, **like)
    parts = {"copy": partial(target.copy_, source), "product": partial(matrix.mm, matrix)}
    copy, product = (statistics.median(warm) for _, *warm in time_in_turn(parts, dict.fromkeys(parts, 6)).values())
    name = torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
    memory, load = round(psutil.virtual_memory().total / 1e9), round(psutil.getloadavg()[0], 2)
    speeds = round(2 * source.nbytes / copy / 1e9, 1), round(2 * side**3 / product / 1e9, 1)
    return (
        {"device": device.type, "name": name, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
        | {"memory_gb": memory, "load": load, "system": platform.system(), "python": platform.python_version()}
        | {"torch": torch.__version__, "comfyui": comfyui_version.__version__}
        | {"copy_gb_s": speeds[0], "matmul_gflop_s": speeds[1]}
    )
