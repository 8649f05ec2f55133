"""How the benchmark measures: times in turn, the allocator's own account of memory, and what the machine can do."""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby
from timeit import repeat, timeit
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from ..bending.attention.chain import plan_chain
from . import comfy_host
from .bench_cases import DTYPES, SCENARIOS, Case
from .bench_count import counted
from .bench_subjects import Call, Step

MB = 1e6
SUBJECTS = {"call": Call, "aim": Call, "many": Call, "segments": Call, "step": Step, "counted": Call}
TOLERANCE = {Call: {torch.float32: 1e-4, torch.bfloat16: 0.1}, Step: {torch.float32: 0.01, torch.bfloat16: 0.2}}
CALLS_IN_A_ROW = {Call: 10, Step: 1}
"""How many a GPU is given at once: as in a model, it computes one while the processor starts the next."""
WAYS = {"un-bent": "unbent_", "bent": "", "dense": "dense_"}  # what the names of each way's quantities begin with


@torch.inference_mode()
def rows(cases: Iterable[Case], device: torch.device) -> Iterator[dict[str, Any]]:
    """The row of each Case, as it stands in the JSON. The tensors of one model, grid and type are made once."""

    def inputs(case: Case) -> tuple:
        on = torch.device("meta") if case.level == "counted" else device
        return SUBJECTS[case.level], case.model, case.grid, case.dtype, on

    for (kind, *inputs_of_kind), group in groupby(cases, inputs):
        subject = kind(*inputs_of_kind)
        for case in group:
            yield counted(case, subject) if case.level == "counted" else measure(case, subject)
        del subject  # before the next tensors are made


def measure(case: Case, subject: Call | Step) -> dict[str, Any]:
    """One row; docs/performance.md says what the numbers are. `others` are the same by the host's other kernels."""
    scenario, (rounds, dense_rounds, other_rounds) = SCENARIOS[case.level][case.scenario], case.rounds
    own, *others = subject.kernels
    row = case._asdict() | compared(case, subject, own, rounds, dense_rounds) | subject.facts
    row["others"] = [compared(case, subject, other, other_rounds, 0) for other in others if other_rounds]
    row["ratio_by_others"] = max((other["ratio"] for other in row["others"]), default=None)
    row["of_dense"] = row["dense_ms"] / row["ms"] if row["dense_ms"] else None
    row["memory"] = row["extra_mb"] / row["dense_extra_mb"] if row["dense_extra_mb"] else None
    row |= dict.fromkeys(("plan_ms", "rounding", "of_step"))
    if case.level == "step":
        row["of_step"] = (row["ratio"] - 1) / 2  # with guidance the other half of a step is not bent
    else:
        seconds = repeat(partial(plan_chain, scenario.bends, subject.shape.keys), number=1)
        row["plan_ms"] = round(1000 * statistics.median(seconds), 2)
        if scenario.dense and case.level != "aim":
            row["rounding"] = round(subject.error(scenario) / subject.unbent_error, 3)
    return row


def compared(case: Case, subject: Call | Step, kernel: Callable, rounds: int, dense_rounds: int) -> dict[str, Any]:
    """What is measured by one kernel. Raises AssertionError where the ways do not agree as the scenario says."""
    scenario = SCENARIOS[case.level][case.scenario]
    parts = subject.parts(scenario, kernel, dense=scenario.dense and case.rounds[1] > 0)
    turns = {"un-bent": rounds, "bent": rounds, "dense": dense_rounds}
    timed = {way: run for way, run in parts.items() if turns[way]}
    peaks = {way: peak_bytes(run, subject.device) for way, run in timed.items()}  # of first calls: tables are made
    output_bytes = subject.tensors[0].nbytes if isinstance(subject, Call) else None  # as many as q has
    base = output_bytes if case.level in ("call", "many", "segments") else peaks["un-bent"]
    error = checked(case, {way: run() for way, run in parts.items()}, TOLERANCE[type(subject)][subject.dtype])
    seconds = time_in_turn(timed, turns, subject.device, CALLS_IN_A_ROW[type(subject)])
    low, middle, high = statistics.quantiles(seconds["un-bent"], n=4)
    row = {"kernel": kernel.__name__, "way": getattr(parts["bent"], "way", None)}
    row |= {"noise": round((high - low) / middle / 2, 4), "error": error, "peak": None}
    if output_bytes:
        row["peak"] = round(peak_bytes(parts["bent"], subject.device) / output_bytes, 3)
    for way, prefix in WAYS.items():
        row[f"{prefix}ms"] = round(1000 * statistics.median(seconds[way]), 3) if way in timed else None
        row[f"{prefix}extra_mb"] = round((peaks[way] - base) / MB, 2) if way in timed else None
    return row | {"ratio": row["ms"] / row["unbent_ms"]}


def checked(case: Case, outputs: Mapping[str, Sequence[Tensor]], tolerance: float) -> float | None:
    """The largest difference of bent from dense, over the largest value.

    Of a step in float32 over the most that bends change; in a half type one word changes it less than rounding does.
    """
    unbent, bent, dense = (outputs.get(way, ()) for way in WAYS)
    same = torch.equal(bent[0], unbent[0])
    told = f"{case.scenario}: {'the same bits as' if same else 'other bits than'} without it"
    assert same == SCENARIOS[case.level][case.scenario].same_bits, told
    if not dense:
        return None
    units = [bent[0] - unbent[0]] if case.level == "step" and case.dtype == "float32" else dense
    triples = zip(bent, dense, units, strict=True)
    error = max(float((ours - theirs).abs().max() / unit.abs().max()) for ours, theirs, unit in triples)
    assert error < tolerance, f"{case.scenario}: {error:.1e} from dense, so what was timed differs"
    return float(f"{error:.1e}")


def seconds_of(run: Callable, device: torch.device, calls: int) -> float:
    """Of one call: by a GPU's own clock, of `calls` in a row; elsewhere of one.

    Processor time where one thread does all, so that a shared machine takes nothing away; else that of the wall.
    """
    if device.type == "cuda":
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        for _ in range(calls):
            run()
        ended.record()
        ended.synchronize()
        return begun.elapsed_time(ended) / 1000 / calls
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    return timeit(run, timer=clock, number=1)


def time_in_turn(
    parts: Mapping[str, Callable], rounds: Mapping[str, int], device: torch.device, calls: int = 1
) -> dict[str, list[float]]:
    """Seconds of each part, warm before, in each of its rounds.

    All run in turn, forwards and backwards by turns: none always follows the same one, and a machine that slows down
    slows all of them.
    """
    seconds: dict[str, list[float]] = {part: [] for part in parts}
    for turn in range(max(rounds[part] for part in parts)):
        due = [part for part in parts if turn < rounds[part]]
        for part in due if turn % 2 == 0 else reversed(due):
            seconds[part].append(seconds_of(parts[part], device, calls))
    return seconds


def peak_bytes(run: Callable, device: torch.device) -> int:
    """The most memory that it had allocated at once, beyond what was there before and with what it returns.

    On a CPU the few MB that the matrix library takes for itself do not count.
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
    name = torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
    cores, threads, memory = os.cpu_count(), torch.get_num_threads(), round(psutil.virtual_memory().total / 1e9)
    facts = {"device": device.type, "name": name, "cores": cores, "threads": threads, "memory_gb": memory}
    facts |= {"load": round(psutil.getloadavg()[0], 2), "system": platform.system(), **comfy_host.versions()}
    length, side = (2**29, 8192) if on_gpu else (2**25, 1024)
    dtype = getattr(torch, DTYPES[device.type][-1])
    source, matrix = (torch.ones(size, dtype=dtype, device=device) for size in (length, (side, side)))
    parts = {"copy": partial(torch.empty_like(source).copy_, source), "product": partial(matrix.mm, matrix)}
    seconds = time_in_turn(parts, dict.fromkeys(parts, 6), device)
    copy, product = (statistics.median(warm) for _, *warm in seconds.values())
    speeds = {"copy_gb_s": 2 * source.nbytes / copy, "matmul_gflop_s": 2 * side**3 / product}
    return facts | {speed: round(per_second / 1e9, 1) for speed, per_second in speeds.items()}
