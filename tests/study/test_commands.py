"""What `python study` says without a server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from attention_bending.study import cli, one_film, results, study_file
from attention_bending.study.graph import MEASURE, template
from attention_bending.study.pack import ROOT
from attention_bending.study.plan import plan, read_workflow
from attention_bending.study.progress import Progress, duration, size
from attention_bending.study.store import Store
from study.workflows import CIRCLE, STUDY, toy, written

PRESETS = [f for f in sorted((ROOT / "presets" / "studies").glob("*.yaml")) if not f.stem.endswith("paper")]
"""The paper's are of the same workflows."""


def run(file: Path, *arguments):
    return cli.main(["run", str(file), "--store", str(file.parent / "store"), *arguments])


def test_a_dry_run_counts_and_makes_nothing(tmp_path, capsys):
    assert run(written(tmp_path), "--dry-run") == 0
    told = capsys.readouterr().out
    assert "6 cells, 2 of them without effect, and 1 un-bent films" in told
    assert "5 films to make: 0 are kept, 5 missing" in told and "not known before a film is made" in told
    assert not (tmp_path / "store").exists()


FOUR = STUDY.replace("seeds: [1]", "seeds: [1, 2]").replace(
    "seeds:", '  - {text: "a (blue) star", subject: blue}\nseeds:'
)


@pytest.mark.parametrize("of", [2, 3, 8, 40])
def test_shards_tell_of_their_own_cells_and_of_all_together(tmp_path, capsys, of):
    study = study_file.parse(FOUR)
    whole = plan(template(toy()), study.cells)
    shards = [whole.shard(number, of) for number in range(1, of + 1)]
    rows = [list(results.rows(shard, Store(tmp_path / "none"))) for shard in shards]
    assert {row["key"] for some in rows for row in some} == {task.key for task in whole.tasks}
    assert sorted(key for shard in shards for key in {*shard.keys} - {task.unbent for task in shard.tasks}) == sorted(
        {*whole.keys} - {task.unbent for task in whole.tasks}
    )
    assert run(written(tmp_path, FOUR), "--dry-run", "--shard", f"1/{of}") == 0
    assert capsys.readouterr().out.startswith(f"{len(shards[0].cells)} cells")


def test_a_few_values_are_in_their_order_and_numbers(tmp_path):
    bending = tmp_path / "faint.yaml"
    bends = [{"mode": "amplify", "token": "red", "factor": 0.25}]
    bending.write_text(json.dumps({"format": "attention-bending", "bends": bends, "version": 1}), encoding="utf-8")
    made = list(one_film.cells(bending, CIRCLE, 1, ["factor=0, 1, 2, 4", "seed=5, 3"]))
    told = [(cell.axes["factor"], cell.seed, cell.no_op) for cell in made]
    assert told == [(factor, seed, factor == 1) for seed in (5, 3) for factor in (0.0, 1.0, 2.0, 4.0)]
    assert all(set(cell.axes) == {"mode", "factor"} for cell in made)


def test_a_page_of_a_study_that_was_never_run_says_so(tmp_path, capsys):
    file = written(tmp_path)
    assert cli.main(["page", str(file), "--store", str(tmp_path / "store")]) == 2
    assert "is not there yet. Run the study first" in capsys.readouterr().err


FAULTS = {
    "a file": (STUDY.replace("factor", "factr").replace("red}", "blue}"), toy(), ("line 9", "line 5")),
    "a workflow": (
        STUDY,
        {"1": {"class_type": "KSampler", "inputs": {}}},
        ("no Patch Model", "no Bend Prompt", "seed"),
    ),
    "no server": (STUDY, toy(), ("--server URL",)),
}


@pytest.mark.parametrize(("study", "workflow", "told"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_work_is_told_all_at_once(tmp_path, capsys, study, workflow, told):
    assert run(written(tmp_path, study, workflow)) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in told), said


def test_a_comfyui_that_is_none_is_told(tmp_path, capsys):
    assert run(written(tmp_path), "--start", "1", "--comfyui", str(tmp_path)) == 2
    assert "it has no main.py" in capsys.readouterr().err


def test_what_ray_needs_is_told_where_there_is_none(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(written(tmp_path), "--ray", "auto") == 2
    assert f"pip install -r {ROOT / 'study' / 'ray.txt'}" in capsys.readouterr().err


@pytest.mark.parametrize("file", PRESETS, ids=[file.stem for file in PRESETS])
def test_each_study_that_comes_with_the_pack_makes_graphs_of_its_workflow(file):
    study = study_file.load(file)
    ready = template(read_workflow(file.parent / study.workflow), study.set, study.record)
    first = study.cells[0]
    assert MEASURE in ready.graph(first.prompt, first.seed, first.bending)


def test_it_runs_in_a_python_without_torch(tmp_path):
    """As it is called: by its folder's name."""
    code = "import runpy, sys\nsys.modules |= dict.fromkeys(['torch', 'numpy', 'PIL', 'safetensors'])\n"
    code += f"sys.argv = ['study', 'missing', {str(written(tmp_path))!r}]\nsys.path.insert(0, '')\n"
    code += f"runpy.run_path({str(ROOT / 'study')!r}, run_name='__main__')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert len(ended.stdout.split()) == 5, ended.stderr


def test_progress_tells_what_is_made_and_how_long_is_left():
    progress = Progress(total=4, whole=1)
    progress.count = 1
    for how in ("kept", "refused"):
        progress.step(how)
    assert progress.line().startswith("[##################......] 2 of 4 films · 1 refused · ")
    assert progress.line().endswith(" left")
    assert (duration(80), duration(600), duration(9000)) == ("80 s", "10.0 min", "2.5 h")
    assert (size(900), size(2.5e9)) == ("900 bytes", "2.5 GB")
