"""What a training says while it goes on."""

import json
import time
from pathlib import Path


class Log:
    """A line of JSON for each report, in a file and, shorter, on the screen with a bar; it counts on after a stop."""

    def __init__(self, file: Path):
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        before = json.loads(lines[-1])["seconds"] if lines else 0
        self.begun = time.perf_counter() - before

    def write(self, stage: str, step: int, steps: int, **numbers: float) -> None:
        """Say how far the stage is, with numbers such as losses."""
        rounded = {name: float(f"{number:.4g}") for name, number in numbers.items()}
        seconds = round(time.perf_counter() - self.begun)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"stage": stage, "step": step, "seconds": seconds, **rounded}) + "\n")
        bar = "█" * (20 * step // steps) + "░" * (20 - 20 * step // steps)
        shown = "  ".join(f"{name} {number:.4g}" for name, number in rounded.items())
        print(f"[{seconds // 60:4d} min] {stage:6} {bar} {step}/{steps}  {shown}", flush=True)
