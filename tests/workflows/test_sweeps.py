"""A sweep through the server's queue: one run makes all films, a sheet of them, and lines of the log."""

import json

import pytest
import torch
from attention_bending.bending.explore.experiment_log import read
from attention_bending.dev.server import WorkflowError
from PIL import Image
from safetensors.torch import load_file
from workflows.filming import Prompt, edited, shoot, smallest, the, without_bends

AXIS = {"parameter_1": "factor", "values_1": "0, 1, 2.5"}
"""Of Bend: Amplify; at 1 it does nothing."""


def swept(seed: int = 42, **inputs) -> Prompt:
    """Bend one word, with a sweep before Patch Model and a grid behind VAE Decode."""
    prompt = smallest()
    patch, sampler = the(prompt, "AttnBendModel"), the(prompt, "KSampler")
    bends = {"bending": [the(prompt, "AttnBendAmplify"), 0], **AXIS, "seed": seed, **inputs}
    prompt["sweep"] = {"class_type": "AttnBendSweep", "inputs": bends}
    prompt = edited(edited(prompt, patch, bending=["sweep", 0]), sampler, seed=["sweep", 2])
    films = {"images": [the(prompt, "VAEDecode"), 0], "cells": ["sweep", 3]}
    prompt["grid"] = {"class_type": "AttnBendGrid", "inputs": films}
    prompt["still"] = {"class_type": "SaveImage", "inputs": {"images": ["grid", 1], "filename_prefix": "sheet"}}
    return prompt


def logged(prompt: Prompt, file: str, **inputs) -> Prompt:
    """With an Experiment Log of each film."""
    given = {"observations": "it glows", "success": "partial", "file": file, **inputs}
    return {**prompt, "log": {"class_type": "AttnBendLog", "inputs": given}}


def latents(server, take, prompt) -> list[torch.Tensor]:
    """All that the sampler made, in order."""
    files = take.outputs[f"latents of {the(prompt, 'KSampler')}"]["latents"]
    return [load_file(server.output / file["subfolder"] / file["filename"])["latent_tensor"] for file in files]


@pytest.fixture(scope="module")
def run(server):
    """One run of a sweep with everything behind it: the graph, and what it left."""
    prompt = swept()
    sampler = the(prompt, "KSampler")
    wires = {"bending": ["sweep", 0], "label": ["sweep", 1], "seed": ["sweep", 2], "metrics": ["grid", 2]}
    prompt = logged(prompt, "sweeps/all", **wires, latent=[sampler, 0], conditioning=[the(prompt, "AttnBendPrompt"), 0])
    return prompt, shoot(server, prompt)


def test_one_run_makes_every_film_and_the_un_bent_one_is_that_without_the_pack(server, run):
    prompt, take = run
    films = latents(server, take, prompt)
    assert len(films) == 3  # un-bent, 0 and 2.5
    unbent = edited(without_bends(smallest()), the(prompt, "KSampler"), seed=42)
    assert torch.equal(films[0], shoot(server, unbent).film)
    for film, factor in zip(films[1:], (0, 2.5), strict=True):
        alone = edited(smallest(), the(prompt, "AttnBendAmplify"), factor=factor)
        assert torch.equal(film, shoot(server, edited(alone, the(prompt, "KSampler"), seed=42)).film)
    assert not any(torch.equal(films[i], films[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_a_sweep_goes_on_behind_a_bend_animate(server, run):
    """As many films as without it, the first un-bent; the others keep their own factor, at another strength."""
    moving = {"parameter": "strength", "over": "frames", "keyframes": "0: 0.2", "ease": "linear"}
    prompt = swept()
    prompt["move"] = {"class_type": "AttnBendAnimate", "inputs": {"bending": ["sweep", 0], **moving}}
    prompt = edited(prompt, the(prompt, "AttnBendModel"), bending=["move", 0])
    films, still = latents(server, shoot(server, prompt), prompt), latents(server, run[1], run[0])
    assert len(films) == len(still) == 3 and torch.equal(films[0], still[0])
    assert not any(torch.equal(film, other) for film, other in zip(films[1:], still[1:], strict=True))
    assert not torch.equal(films[1], films[2])


def test_the_sweep_says_on_its_node_what_it_makes(run):
    _, take = run
    (text,) = take.outputs["sweep"]["text"]
    assert text.splitlines() == [
        "3 films: 2 bent, 1 un-bent",
        "1. un-bent",
        "2. factor 0",
        "3. factor 2.5",
        "left out, as nothing in them bends: factor 1",
    ]


def test_the_sheet_plays_and_is_saved(server, run):
    _, take = run
    (saved,) = take.outputs["still"]["images"]
    with Image.open(server.output / saved["subfolder"] / saved["filename"]) as sheet:
        assert sheet.width > 3 * 96 and len(sheet.getcolors(2**22)) > 100
    assert take.outputs["grid"]["animated"] == [True] and len(take.outputs["grid"]["images"]) == 1


def test_each_film_has_its_line_in_the_log(server, run):
    entries = read(server.output / "sweeps" / "all.jsonl")
    assert [entry["label"] for entry in entries] == ["un-bent", "factor 0", "factor 2.5"]
    for entry in entries:
        assert entry["success"] == "partial" and entry["observations"] == "it glows"
        assert entry["prompt"].startswith("a romantic kiss between") and entry["seed"] == 42
        assert entry["words"][0]["word"] == "kiss" and entry["words"][0]["columns"]
        (sampler,) = entry["samplers"]
        assert (sampler["type"], sampler["sampler_name"], sampler["steps"]) == ("KSampler", "uni_pc", 2)
        assert sampler["seed"] == {"from": "AttnBendSweep", "node": "sweep"}
        assert entry["models"][0]["type"] == "UNETLoader"
        assert entry["films"][0]["length"] == 9
        assert entry["metrics"]["label"] == entry["label"]
    assert entries[0]["metrics"]["change"] is None and entries[0]["bends"] == []
    assert entries[1]["metrics"]["change"] > 0 and entries[1]["metrics"]["ssim"] < 1
    assert entries[2]["bends"][0]["operator"] == {"kind": "amplify", "factor": 2.5}


def test_other_words_add_a_line_and_sample_nothing(server):
    prompt = logged(smallest(), "sweeps/words.jsonl")
    prompt = edited(prompt, "log", latent=[the(prompt, "KSampler"), 0])
    del prompt[the(prompt, "SaveVideo")]
    server.queue(prompt)
    server.queue(prompt)  # the same again is no other experiment
    entry = server.wait(server.submit(edited(prompt, "log", observations="and then it sinks")))
    assert the(prompt, "KSampler") in dict(entry["status"]["messages"])["execution_cached"]["nodes"]
    assert [line["observations"] for line in read(server.output / "sweeps" / "words.jsonl")] == [
        "it glows",
        "and then it sinks",
    ]


def test_seeds_are_swept_and_each_has_its_un_bent_film(server):
    prompt = swept(parameter_1="seed", values_1="1, 2", parameter_2="factor", values_2="0")
    films = latents(server, shoot(server, prompt), prompt)
    assert len(films) == 4
    for film, seed in zip(films[:2], (1, 2), strict=True):
        unbent = edited(without_bends(smallest()), the(prompt, "KSampler"), seed=seed)
        assert torch.equal(film, shoot(server, unbent).film)


def test_with_maps_the_log_has_the_runs_report(server):
    prompt = smallest()
    patch, sampler = the(prompt, "AttnBendModel"), the(prompt, "KSampler")
    prompt = logged(edited(prompt, patch, record="bent words"), "sweeps/maps", maps=[patch, 1], latent=[sampler, 0])
    del prompt[the(prompt, "SaveVideo")]
    (text,) = server.queue(edited(prompt, sampler, seed=7))["log"]["text"]
    (entry,) = read(server.output / "sweeps" / "maps.jsonl")
    assert json.loads(text.partition("\n")[2]) == entry
    assert entry["seed"] == 7 and entry["report"].startswith("1. Amplify(factor=2.5) of")
    assert entry["words"][0]["word"] == "kiss"


@pytest.mark.parametrize(
    "inputs, message",
    [
        ({"limit": 2}, "this sweep makes 3 films"),
        ({"parameter_1": "angle"}, 'Amplify has no parameter "angle"'),
        ({"parameter_2": "layers"}, "values_2 is empty"),
    ],
)
def test_a_surprise_is_refused_before_the_first_film(server, inputs, message):
    with pytest.raises(WorkflowError, match=message):
        server.queue(swept(seed=8, **inputs))


def test_a_log_outside_the_output_folder_is_refused_before_anything_runs(server):
    with pytest.raises(WorkflowError, match="which names no file"):
        server.submit({"log": logged({}, "../log")["log"]})
