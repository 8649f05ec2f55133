"""Studies made by a real ComfyUI: what is kept, measured, refused, and not made twice."""

import csv
import json
import os
import shutil

import pytest
from attention_bending.study import cli
from attention_bending.study.client import Comfy
from attention_bending.study.graph import template
from attention_bending.study.plan import settled
from attention_bending.study.rendering import KEPT, render
from attention_bending.study.store import Store
from attention_bending.study.work import Task
from study.workflows import CIRCLE, STUDY, changed, toy, written

DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def made(server, tmp_path_factory):
    """A study that was made by a server, beside one that is dead: its file and its store."""
    folder = tmp_path_factory.mktemp("made")
    file, store = written(folder), Store(folder / "store")
    code = cli.main(["run", str(file), "--store", str(store.folder), "--server", DEAD, "--server", server.url])
    assert code == 0
    return file, store


@pytest.fixture
def own(made, tmp_path):
    """A copy of that study, to go on with."""
    file, store = made
    shutil.copytree(file.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / file.name, Store(tmp_path / store.folder.name)


def run(file, store, *arguments):
    return cli.main(["run", str(file), "--store", str(store.folder), *arguments])


def table(store):
    return list(csv.DictReader((store.folder / "results.csv").open(encoding="utf-8")))


def kept(store):
    return [entry["key"] for entry in store.journal() if entry["what"] == "kept"]


def test_a_study_is_made_film_by_film_and_told_in_a_table(made):
    _, store = made
    rows = table(store)
    assert [(row["mode"], row["token"], row["factor"], row["status"]) for row in rows] == [
        ("un-bent", "", "", "kept"),
        *(("amplify", "ALL", factor, "un-bent" if factor == "1.0" else "kept") for factor in ("0.0", "0.5", "1.0")),
        *(("amplify", "subject", factor, "un-bent" if factor == "1.0" else "kept") for factor in ("0.0", "0.5", "1.0")),
    ]
    assert sorted(kept(store)) == sorted(store.whole()) == sorted({row["key"] for row in rows})
    for key in store.whole():
        result = store.result(key)
        assert (store.folder / "cells" / key / "film.mp4").stat().st_size > 0
        assert result["unbent"]["digest"] == rows[0]["digest"]
    assert store.result(rows[0]["key"])["metrics"]["change"] == 0
    assert all(float(row["change"]) > 0 for row in rows if row["status"] == "kept" and row["mode"] != "un-bent")


def test_a_bend_without_effect_makes_the_unbent_film_to_the_bit(server, made):
    bending = json.dumps({"format": "attention-bending", "bends": [{"mode": "amplify", "token": "red", "factor": 0,
                                                                    "strength": 0}], "version": 1})  # fmt: skip
    task = Task("identity", CIRCLE, 1, bending, "unbent")
    outcome = render(Comfy(server.url), template(toy()), task, "it")
    assert outcome.how == KEPT and outcome.result["metrics"]["change"] == outcome.result["metrics"]["largest"] == 0
    assert outcome.result["digest"] == outcome.result["unbent"]["digest"] == table(made[1])[0]["digest"]


def test_its_numbers_are_those_of_bend_grid(server, made):
    graph = changed(toy(), "9", bending=["sweep", 0])
    graph = changed(changed(graph, "8", token="red"), "11", seed=1)
    swept = {"bending": ["8", 0], "parameter_1": "factor", "values_1": "0; 0.5"}
    graph["sweep"] = {"class_type": "AttnBendSweep", "inputs": swept}
    sheet = {"images": ["12", 0], "cells": ["sweep", 3]}
    graph["grid"] = {"class_type": "AttnBendGrid", "inputs": sheet}
    graph["numbers"] = {"class_type": "PreviewAny", "inputs": {"source": ["grid", 2]}}
    for node in ("13", "14", "15", "16", "17"):
        del graph[node]
    cells = json.loads(server.queue(graph)["numbers"]["text"][0])["cells"]
    rows = [row for row in table(made[1]) if row["token"] == "subject" and row["status"] == "kept"]
    numbers = [{name: float(row[name]) for name in ("change", "ssim")} for row in rows]
    assert numbers == [{name: cell[name] for name in ("change", "ssim")} for cell in cells[1:]]


def test_a_finished_study_asks_no_server(own):
    file, store = own
    before = store.journal()
    assert run(file, store) == 0
    assert store.journal() == before


def test_a_grown_file_makes_what_is_new(server, own):
    file, store = own
    before = kept(store)
    written(file.parent, STUDY.replace("0; 0.5; 1", "0; 0.5; 1; 2").replace("ALL; subject", "ALL"))
    assert run(file, store, "--server", server.url) == 0
    assert len(kept(store)) == len(before) + 1
    assert [row["factor"] for row in table(store)] == ["", "0.0", "0.5", "1.0", "2.0"]


def test_what_is_refused_is_told_and_not_tried_again(server, own, capsys):
    file, store = own
    written(file.parent, STUDY.replace("0; 0.5; 1", "0").replace("version", "  - {mode: blur, layers: 90}\nversion"))
    assert run(file, store, "--server", server.url) == 1
    told = settled(store.journal())
    assert len(told) == 2 and all(state.refused and "90" in state.why for state in told.values())
    assert capsys.readouterr().err.count("refused:") == 2
    assert run(file, store) == 1  # no server is asked
    assert run(file, store, "--server", server.url, "--again") == 1
    assert len([entry for entry in store.journal() if entry["what"] == "refused"]) == 4


def test_a_server_that_differs_is_refused_by_name(server, own, capsys):
    file, store = own
    lock = json.loads(store.lock_file.read_text())
    lock["comfyui"], lock["classes"]["KSampler"] = "0.1.0", "another"
    store.lock_file.write_text(json.dumps(lock))
    written(file.parent, STUDY.replace("seeds: [1]", "seeds: [7]"))
    assert run(file, store, "--server", server.url) == 2
    told = capsys.readouterr().err
    assert f"{server.url}: ComfyUI is 0.30.0 there, and 0.1.0 in the study; the node KSampler is another there" in told
    assert run(file, store, "--server", server.url, "--limit", "1", "--mixed") == 1
    assert len(kept(store)) == 6  # and four are missing


@pytest.mark.parametrize("another", [False, True], ids=["in the last bit", "another model"])
def test_an_unbent_film_that_differs_is_measured_and_told_once(server, own, capsys, another):
    """The study's was made by a server that is gone: its digest is another, or its picture too."""
    file, store = own
    unbent = store.cells / table(store)[0]["key"]
    result = json.loads((unbent / "result.json").read_text())
    (unbent / "result.json").write_text(json.dumps(result | {"digest": "0", "server": "http://elsewhere"}))
    if another:
        changed_most = max((row for row in table(store) if row["change"]), key=lambda row: float(row["change"]))
        shutil.copyfile(store.folder / changed_most["film"], unbent / "film.mp4")
    written(file.parent, STUDY.replace("0; 0.5; 1", "2; 3"))
    code = run(file, store, "--server", server.url)
    (told,) = [entry for entry in store.journal() if entry["what"] == "differs"]
    said = capsys.readouterr().err
    assert said.count("differ in the same un-bent film") == 1 and "http://elsewhere" in said
    if another:
        assert told["mean"] > 0.02 and told["largest"] > 0.1
        assert code == 1 and "which is another model" in said and len(kept(store)) == 5
    else:
        assert told["mean"] == told["largest"] == 0
        assert code == 0 and len(kept(store)) == 9


def test_two_samplers_make_one_film_and_one_of_maps(server, tmp_path):
    workflow = toy("Wan 2.2 two samplers")
    study = STUDY.replace("0; 0.5; 1", "0").replace("ALL; subject", "ALL")
    file = written(tmp_path, study.replace("version", "record: {words: bent words, limit_mb: 1}\nversion"), workflow)
    store = Store(tmp_path / "store")
    assert run(file, store, "--server", server.url) == 0
    unbent, bent = table(store)
    assert float(bent["change"]) > 0 and float(unbent["change"]) == 0
    assert bent["unbent_digest"] == unbent["digest"]
    files = [sorted(os.listdir(store.cells / row["key"])) for row in (unbent, bent)]
    assert files[0] == ["film.mp4", "poster.webp", "result.json"] and files[1] == [
        "film.mp4",
        "maps.mp4",
        *files[0][1:],
    ]


def test_shards_are_parts_that_merge_into_the_whole(made, tmp_path, capsys):
    file, store = made
    parts = []
    for shard in ("1/2", "2/2"):
        capsys.readouterr()
        assert cli.main(["missing", str(file), "--store", str(tmp_path / "none"), "--shard", shard]) == 0
        parts.append(set(capsys.readouterr().out.split()))
    unbent = {table(store)[0]["key"]}
    assert parts[0] | parts[1] == store.whole() and parts[0] & parts[1] == unbent
    folders = [Store(tmp_path / f"part{number}") for number in (1, 2)]
    for part, folder in zip(parts, folders, strict=True):
        for key in part:
            shutil.copytree(store.cells / key, folder.cells / key)
    merged = Store(tmp_path / "merged")
    assert cli.main(["merge", str(file), "--store", str(merged.folder), *(str(f.folder) for f in folders)]) == 0
    assert merged.whole() == store.whole() and table(merged) == table(store)


def test_an_export_has_films_and_a_row_for_each(made, tmp_path):
    file, store = made
    assert cli.main(["export", str(file), "--store", str(store.folder), "--to", str(tmp_path / "set")]) == 0
    rows = list(csv.DictReader((tmp_path / "set" / "metadata.csv").open(encoding="utf-8")))
    assert len(rows) == 7 and all((tmp_path / "set" / row["file_name"]).is_file() for row in rows)
    assert cli.main(["export", str(file), "--store", str(store.folder), "--to", str(tmp_path / "set")]) == 2


def test_a_few_values_of_a_file_are_filmed_beside_the_unbent(server, made, tmp_path, capsys):
    bending = tmp_path / "faint.yaml"
    bends = [{"mode": "amplify", "token": "red", "factor": 0.25}]
    bending.write_text(json.dumps({"format": "attention-bending", "bends": bends, "version": 1}))
    asked = ["film", str(made[0].parent / "toy.json"), "--bending", str(bending), "--prompt", CIRCLE, "--seed", "1"]
    asked += ["--set", "factor=0; 0.5", "--store", str(tmp_path / "film"), "--server", server.url]
    assert cli.main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and "un-bent" in lines[0] and "factor 0.5" in lines[2]
    assert lines[3] == str(tmp_path / "film" / "index.html") and (tmp_path / "film" / "index.html").is_file()
    assert '"factor"' in (tmp_path / "film" / "cells.js").read_text(encoding="utf-8")


def test_a_server_that_lacks_what_the_workflow_names_takes_part_no_more(server, tmp_path, capsys):
    file = written(tmp_path, STUDY, changed(toy(), "11", sampler_name="nobodys"))
    store = Store(tmp_path / "store")
    assert run(file, store, "--server", server.url) == 1
    said = capsys.readouterr().err
    assert "takes part no more" in said and "nobodys" in said
    assert "5 films are still to be made" in said
    assert not settled(store.journal())  # no cell is held guilty of it
