"""How the benchmark measures: times in turn, the allocator's own account of memory, and what the machine can do."""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from .bench_cases import Case

MB = 1e6
DTYPES = {"cpu": torch.float32, "cuda": torch.bfloat16}

Part = Callable[[], object]
"""A thing to measure. What it returns is dropped."""


def measure(case: Case, subject, parts: Mapping[str, Part], check: Callable[[], float | None]) -> dict[str, Any]:
    """The row of a case in the JSON, from the parts `un-bent`, `bent`, perhaps `dense`, and those of other kernels.

    level, model, grid, scenario  the case
    ms, unbent_ms, dense_ms       medians, in milliseconds; for an aim or a record, un-bent is the same bends without
    extra_mb, dense_…, unbent_…   the peak of a first call above its inputs and the un-bent output, in MB of 10⁶ bytes;
                                  of an aim or a step, above the un-bent peak
    kernel, dtype, heads, layers  of the `subject`, Inputs or a Step; a call has no layers
    rounds, spread                how often un-bent was timed, and the distance between its quartiles over its median
    error                         what `check` tells: the largest difference of bent from dense over the largest value;
                                  of a step, over the most that the bends change
    lse                           whether the kernel gave its log-sum-exp
    others                        the same call by the host's other kernels: the parts `<kernel>` and `<kernel> un-bent`
    """
    ours = [name for name in ("un-bent", "bent", "dense") if name in parts]
    peaks = {name: peak_bytes(parts[name], subject.device) for name in ours}  # of first calls: tables are made
    base = subject.q.nbytes if case.level == "call" else peaks["un-bent"]
    extra = {name: round((peak - base) / MB, 2) for name, peak in peaks.items()}
    error = check()
    error = None if error is None else float(f"{error:.1e}")
    seconds = time_in_turn({name: (part, case.rounds_of(name)) for name, part in parts.items()}, subject.device)
    ms = {name: round(1000 * statistics.median(times), 3) for name, times in seconds.items()}
    low, middle, high = statistics.quantiles(seconds["un-bent"], n=4)
    kernels = [name for name in parts if f"{name} un-bent" in parts]
    others = [{"kernel": name, "ms": ms[name], "unbent_ms": ms[f"{name} un-bent"]} for name in kernels]
    return (
        {"level": case.level, "model": case.model, "grid": list(case.grid), "scenario": case.scenario}
        | {"ms": ms["bent"], "unbent_ms": ms["un-bent"], "dense_ms": ms.get("dense")}
        | {"extra_mb": extra["bent"], "dense_extra_mb": extra.get("dense"), "unbent_extra_mb": extra["un-bent"]}
        | {"kernel": subject.kernel, "dtype": str(subject.dtype).removeprefix("torch."), "heads": subject.heads}
        | {"rounds": case.rounds[0], "spread": round((high - low) / middle, 3), "error": error}
        | {"lse": subject.lse, "layers": subject.layers, "others": others}
    )


def time_in_turn(parts: Mapping[str, tuple[Part, int]], device: torch.device) -> dict[str, list[float]]:
    """Seconds of each part in each of its rounds; `parts` holds each with its number of rounds.

    All parts run in turn, forwards and backwards by turns, so that none always follows the same one and a machine that
    slows down slows all of them. Each should have run before, to be warm.
    """
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    gc.collect(1)
    gc.disable()
    try:
        for turn in range(max(rounds for _, rounds in parts.values())):
            due = [(name, part) for name, (part, rounds) in parts.items() if turn < rounds]
            for name, part in due if turn % 2 == 0 else reversed(due):
                wait()
                begun = time.perf_counter()
                part()
                wait()
                seconds[name].append(time.perf_counter() - begun)
    finally:
        gc.enable()
    return seconds


def peak_bytes(part: Part, device: torch.device) -> int:
    """The most memory that it had allocated at once, beyond what was there before and with what it returns.

    On a CPU every allocation of torch's own allocator counts, those inside its kernels too; what the matrix library
    takes for itself, a few MB, does not.
    """
    gc.collect(1)
    if device.type == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        part()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=False) as profiler:
        result = part()
    del result
    events = sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    return max(accumulate(event.nbytes() for event in events if event.name() == "[memory]"), default=0)


def machine(device: torch.device) -> dict[str, Any]:
    """What it was measured on, and how fast that copies (bytes read and written) and multiplies matrices."""
    import comfyui_version
    import psutil

    on_gpu = device.type == "cuda"
    like = {"dtype": DTYPES[device.type], "device": device}
    source, side = torch.ones(2**29 if on_gpu else 2**25, **like), 8192 if on_gpu else 1024
    target, matrix = torch.empty_like(source), torch.ones(side, side, **like)
    parts = {"copy": (lambda: target.copy_(source), 6), "product": (lambda: matrix @ matrix, 6)}
    copy, product = (
        statistics.median(times[1:]) for times in time_in_turn(parts, device).values()
    )  # the first is cold
    name = torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability()
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    memory = round(psutil.virtual_memory().total / 1e9)
    speeds = round(2 * source.nbytes / copy / 1e9, 1), round(2 * side**3 / product / 1e9, 1)
    return (
        {"device": device.type, "name": name, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
        | {"memory_gb": memory, "load": load, "system": platform.system(), "python": platform.python_version()}
        | {"torch": torch.__version__, "comfyui": comfyui_version.__version__}
        | {"copy_gb_s": speeds[0], "matmul_gflop_s": speeds[1]}
    )
