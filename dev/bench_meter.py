"""How the benchmark measures: times in turn, the allocator's own account of memory, and what the machine can do."""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import accumulate

import torch
from torch.profiler import ProfilerActivity, profile, record_function

MB = 1e6

Part = Callable[[], object]
"""A thing to measure. What it returns is dropped."""


def time_in_turn(parts: Mapping[str, tuple[Part, int]], device: torch.device) -> dict[str, list[float]]:
    """Seconds of each part in each of its rounds; `parts` holds each with its number of rounds.

    All parts run in turn, forwards and backwards by turns, so that none always follows the same one and a machine that
    slows down slows all of them. Each should have run before, to be warm.
    """
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    gc.collect(1)
    gc.disable()
    try:
        for turn in range(max(rounds for _, rounds in parts.values())):
            due = [(name, part) for name, (part, rounds) in parts.items() if turn < rounds]
            for name, part in due if turn % 2 == 0 else reversed(due):
                _wait(device)
                begun = time.perf_counter()
                part()
                _wait(device)
                seconds[name].append(time.perf_counter() - begun)
    finally:
        gc.enable()
    return seconds


def median_ms(seconds: list[float]) -> float:
    return round(1000 * statistics.median(seconds), 3)


def spread(seconds: list[float]) -> float:
    """How noisy the times were: the distance between their quartiles over their median."""
    low, middle, high = statistics.quantiles(seconds, n=4)
    return round((high - low) / middle, 3)


def peak_bytes(parts: Mapping[str, Part], device: torch.device) -> dict[str, int]:
    """The most memory that each part had allocated at once, beyond what was there before and with what it returns.

    On a CPU every allocation of torch's own allocator counts, those inside its kernels too; what the matrix library
    takes for itself, a few MB, does not.
    """
    gc.collect(1)
    if device.type == "cuda":
        return {name: _peak_on_gpu(part, device) for name, part in parts.items()}
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=False) as profiler:
        for name, part in parts.items():
            with record_function(f"part {name}"):
                result = part()
            del result
    events = sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    allocations = [(event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"]
    spans = {event.name(): (event.start_ns(), event.end_ns()) for event in events if event.name().startswith("part ")}
    peaks = {}
    for name in parts:
        first, last = spans[f"part {name}"]
        live = accumulate(size for at, size in allocations if first <= at <= last)
        peaks[name] = max(live, default=0)
    return peaks


def _peak_on_gpu(part: Part, device: torch.device) -> int:
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    part()
    return torch.cuda.max_memory_allocated(device) - before


def machine(device: torch.device) -> dict[str, object]:
    """What it was measured on, and how fast that copies (bytes read and written) and multiplies matrices."""
    import comfyui_version
    import psutil

    name = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    source = torch.ones(2**25 if device.type == "cpu" else 2**29, dtype=dtype, device=device)
    target = torch.empty_like(source)
    side = 1024 if device.type == "cpu" else 8192
    matrix = torch.ones(side, side, dtype=dtype, device=device)
    parts = {"copy": (lambda: target.copy_(source), 5), "product": (lambda: matrix @ matrix, 5)}
    for part, _ in parts.values():
        part()
    seconds = {key: statistics.median(times) for key, times in time_in_turn(parts, device).items()}
    return {
        "device": device.type,
        "name": name,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "comfyui": comfyui_version.__version__,
        "copy_gb_s": round(2 * source.nbytes / seconds["copy"] / 1e9, 1),
        "matmul_gflop_s": round(2 * side**3 / seconds["product"] / 1e9, 1),
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
