"""No command loads a file of the pack twice: a process of each kind, and what it has loaded at its end."""

import json
import subprocess

import pytest
from attention_bending.dev import paths
from attention_bending.dev.host import locate

BEGIN = """
import json, runpy, sys
sys.path.append({tools!r})
runpy.run_path({pack!r})["alias"]()
"""
END = """
from attention_bending.dev.pack import loaded_twice
from attention_bending.bending import api
from attention_bending.bending.attention import chain
print("TWICE " + json.dumps(loaded_twice()))
"""

COMMANDS = {
    "demo, workflows --pictures": """
from pathlib import Path
from attention_bending.dev import demo, headless, thumbnails

class Short(demo.Demo):
    def __init__(self):
        super().__init__()
        self.workflow[demo.only(self.workflow, "KSampler")]["inputs"]["steps"] = 1

demo.Demo, demo.GRID_STEPS, demo.ROWS = Short, "0", {demo.SEEN: demo.ROWS[demo.SEEN]}
demo.SWEPT.graph["bend"]["inputs"]["values_1"] = "0.2"
demo.demo(Path({folder!r}) / "demo")
assert (Path({folder!r}) / "demo" / "contact_sheet.png").is_file()
from attention_bending.dev import help_pictures
""",
    "bench, train-toy, evaluate-toy": """
import torch
from pathlib import Path
from attention_bending.dev import bench
bench.run(["--smallest", "--scenario", "words-1"])
from attention_bending.toy import cases, evaluate, export, learn, page, plots, vae
with torch.inference_mode():
    rows = evaluate.Evaluation(1, Path({folder!r}) / "rows.jsonl")
    assert rows.run(next(cases.cases()), cases.SUBJECTS[0], 1)
""",
}
"""Those with the pack as ComfyUI loads it, and those without; what one has loaded, another of its kind may load too."""


@pytest.mark.slow  # each room looks at its own process in every run
@pytest.mark.parametrize("commands", COMMANDS)
def test_no_file_is_loaded_twice(commands, tmp_path):
    places = {"tools": str(paths.TOOLS), "pack": str(paths.DEV / "pack.py"), "folder": str(tmp_path)}
    program = BEGIN.format(**places) + COMMANDS[commands].replace("{folder!r}", repr(str(tmp_path))) + END
    ended = subprocess.run([locate().python, "-c", program], capture_output=True, text=True, timeout=300)
    assert not ended.returncode, ended.stderr[-2000:]
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("TWICE "))
    assert json.loads(line.removeprefix("TWICE ")) == {}
