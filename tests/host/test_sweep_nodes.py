"""Bend Sweep, Bend Grid and Experiment Log in a real ComfyUI, and what a graph tells of its samplers."""

import json
from pathlib import Path

import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore.experiment_log import SUCCESS, read
from attention_bending.host.log.graph_settings import settings, upstream
from attention_bending.nodes.log import AttnBendLog
from attention_bending.nodes.model import AttnBendModel
from attention_bending.nodes.sweep import AttnBendGrid, AttnBendSweep
from comfy_api.latest import io
from host.support import prompt
from host.test_map_file_nodes import made

FILE = "attention_bending/log.jsonl"
TURN = Bending((Bend(ops.Rotate(15.0), "kiss"),))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch) -> Path:
    """ComfyUI's temp and output folders, empty."""
    for name in ("temp", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    return tmp_path


def run(node: type[io.ComfyNode], graph=None, at=None, **given) -> io.NodeOutput:
    """A node's output, as ComfyUI would have it make that."""
    hidden = {io.Hidden.prompt: graph, io.Hidden.unique_id: at}
    return node.PREPARE_CLASS_CLONE({"hidden_inputs": hidden}).EXECUTE_NORMALIZED(**given)


def swept(**given) -> io.NodeOutput:
    return run(AttnBendSweep, **{"bending": TURN, "parameter_1": "angle", "values_1": "0, 30, 60", **given})


def film(i: int) -> torch.Tensor:
    return torch.rand(5, 32, 48, 3, generator=torch.Generator().manual_seed(i))


@pytest.mark.parametrize("node", [AttnBendSweep, AttnBendGrid, AttnBendLog])
def test_everything_is_explained(node):
    schema = node.GET_SCHEMA()
    assert schema.node_id == node.__name__
    assert all(each.tooltip and each.tooltip[-1] in ".?" for each in (*schema.inputs, *schema.outputs))
    assert len(schema.search_aliases) > 4 and schema.description


def test_a_sweep_gives_lists_and_its_cells():
    output = swept(parameter_2="layers", values_2="0-5; all", seed=9)
    bendings, labels, seeds, cells = output.args
    assert len(bendings) == len(labels) == len(seeds) == len(cells.points) == 5
    assert labels[:2] == ["un-bent", "angle 30 · layers 0-5"] and seeds == [9] * 5
    assert bendings[0] == Bending() and bendings[1].bends[0].layers == "0-5"
    assert output.ui.as_dict()["text"] == (str(cells),)
    assert AttnBendSweep.OUTPUT_IS_LIST == [True, True, True, False] and AttnBendGrid.INPUT_IS_LIST


def test_patch_model_passes_the_un_bent_film_through(model):
    bendings, *_ = swept().args
    assert run(AttnBendModel, model=model, apply_to_output=True, bending=bendings[0]).args[0] is model
    assert run(AttnBendModel, model=model, apply_to_output=True, bending=bendings[1]).args[0] is not model


def test_a_sweep_is_refused_as_its_core_says():
    with pytest.raises(BendError, match="more than its limit of 2"):
        swept(limit=2)
    with pytest.raises(BendError, match='Rotate has no parameter "x"'):
        swept(parameter_1="x")


def test_a_grid_of_a_sweep(folders):
    cells = swept().args[3]
    output = run(AttnBendGrid, images=[film(i) for i in range(3)], cells=[cells], numbers=[True])
    moving, still, text = output.args
    assert moving.shape[0] == 5 and still.shape[0] == 1 and moving.dtype == torch.float32
    told = json.loads(text)
    assert [cell["label"] for cell in told["cells"]] == ["un-bent", "angle 30", "angle 60"]
    assert told["cells"][1]["change"] == pytest.approx((film(1) - film(0)).abs().mean().item(), rel=1e-5)
    (saved,) = output.ui.as_dict()["images"]
    assert saved["type"] == "temp" and not any((folders / "output").iterdir())


def test_a_grid_of_labels_alone_and_of_nothing():
    told = json.loads(run(AttnBendGrid, images=[film(0), film(1)], label=["a", "b"]).args[2])
    assert [cell["label"] for cell in told["cells"]] == ["a", "b"] and told["cells"][1]["change"] > 0
    assert len(run(AttnBendGrid, images=[film(0)]).args[0]) == 5
    with pytest.raises(BendError, match="2 films came in, but labels has 3"):
        run(AttnBendGrid, images=[film(0), film(1)], label=["a", "b", "c"])


# --- the log ---------------------------------------------------------------------------------------------------------


def logged(**given) -> io.NodeOutput:
    return run(AttnBendLog, **{"observations": " seen ", "success": "yes", "file": FILE, **given})


def entries(folders) -> list[dict]:
    return read(folders / "output" / FILE)


def test_a_line_needs_nothing_but_what_was_seen(folders):
    output = logged()
    (entry,) = entries(folders)
    assert list(entry) == ["format", "version", "time", "success", "observations"]
    assert (entry["success"], entry["observations"]) == ("yes", "seen")
    assert json.loads(output.args[0]) == entry
    assert AttnBendLog.GET_SCHEMA().inputs[1].options == list(SUCCESS)


def test_a_line_with_all_that_is_connected(folders, positive):
    metrics = json.dumps({"cells": [{"label": "a", "change": 0.1}, {"label": "b", "change": 0.2}]})
    given = {"bending": TURN, "conditioning": positive, "maps": made(), "metrics": metrics, "label": "b"}
    logged(**given, seed=5, artifacts="x.webm\n\n y.safetensors")
    (entry,) = entries(folders)
    assert entry["prompt"] == "a romantic kiss at sunset" and entry["seed"] == 5 and entry["label"] == "b"
    assert entry["bends"][0]["operator"]["angle"] == 15 and entry["bending"] == str(TURN)
    assert [word["word"] for word in entry["words"]] == list(made().words)
    assert entry["metrics"] == {"label": "b", "change": 0.2}
    assert entry["artifacts"] == ["x.webm", "y.safetensors"]


def test_the_marked_words_and_their_columns(folders, positive):
    logged(conditioning=positive)
    (word,) = entries(folders)[0]["words"]
    assert word["word"] == "kiss" and len(word["columns"]) >= 1


def test_a_marked_word_that_no_field_could_hold_has_its_columns(folders, tiny_clip):
    """Quotes cannot be quoted."""
    logged(conditioning=prompt(tiny_clip, 'he said (go "on", now)'))
    (word,) = entries(folders)[0]["words"]
    assert word["word"] == 'go "on", now' and len(word["columns"]) > 3


def test_metrics_that_are_no_json_are_refused_and_nothing_is_written(folders):
    with pytest.raises(BendError, match="metrics is no JSON"):
        logged(metrics="{")
    assert not (folders / "output" / FILE).exists()


@pytest.mark.parametrize("file", ["../log", "/tmp/log", "log.txt", ""])
def test_a_log_elsewhere_is_refused(folders, file):
    assert "Write one such as" in AttnBendLog.validate_inputs(file=file)
    with pytest.raises(BendError, match="Write one such as"):
        logged(file=file)
    assert not any((folders / "output").iterdir())
    assert AttnBendLog.validate_inputs(file=FILE) is True and AttnBendLog.validate_inputs() is True


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


GRAPH = {
    "1": node("UNETLoader", unet_name="wan.safetensors", weight_dtype="default"),
    "2": node("LoraLoaderModelOnly", model=["1", 0], lora_name="ink.safetensors", strength_model=0.8),
    "3": node("ModelSamplingSD3", model=["2", 0], shift=8.0),
    "4": node("AttnBendPrompt", clip=["20", 0], text="a (kiss)"),
    "5": node("EmptyHunyuanLatentVideo", width=832, height=480, length=81, batch_size=1),
    "6": node("RandomNoise", noise_seed=["15", 0]),
    "7": node("CFGGuider", model=["3", 0], positive=["4", 0], negative=["4", 0], cfg=6.0),
    "8": node("KSamplerSelect", sampler_name="euler"),
    "9": node("BasicScheduler", model=["3", 0], scheduler="simple", steps=20, denoise=1.0),
    "10": node("SplitSigmas", sigmas=["9", 0], step=10),
    "11": node(
        "SamplerCustomAdvanced",
        noise=["6", 0],
        guider=["7", 0],
        sampler=["8", 0],
        sigmas=["10", 0],
        latent_image=["5", 0],
    ),
    "12": node("AttnBendLog", latent=["11", 0]),
    "13": node("KSampler", model=["1", 0], latent_image=["5", 0], seed=3, steps=4),
    "14": node("AttnBendLog"),
    "15": node("PrimitiveInt", value=77),
    "20": node("CLIPLoader", clip_name="umt5.safetensors"),
}


def test_a_custom_sampler_is_told_with_its_parts():
    told = settings(GRAPH, "12")
    (sampler,) = told["samplers"]
    assert (sampler["node"], sampler["type"]) == ("11", "SamplerCustomAdvanced")
    assert sampler["noise"] == [{"node": "6", "type": "RandomNoise", "noise_seed": 77}]
    assert sampler["guider"] == [{"node": "7", "type": "CFGGuider", "cfg": 6.0}]
    assert sampler["sampler"][0]["sampler_name"] == "euler"
    assert [(part["type"], part.get("step"), part.get("steps")) for part in sampler["sigmas"]] == [
        ("SplitSigmas", 10, None),
        ("BasicScheduler", None, 20),
    ]
    assert [model["type"] for model in told["models"]] == [
        "UNETLoader",
        "LoraLoaderModelOnly",
        "ModelSamplingSD3",
        "CLIPLoader",
    ]
    assert told["films"] == [
        {"node": "5", "type": "EmptyHunyuanLatentVideo", "width": 832, "height": 480, "length": 81, "batch_size": 1}
    ]
    assert told["prompts"] == ["a (kiss)"]


def test_a_node_behind_no_sampler_tells_of_all():
    assert [sampler["node"] for sampler in settings(GRAPH, "14")["samplers"]] == ["11", "13"]
    assert [sampler["node"] for sampler in settings(GRAPH, None)["samplers"]] == ["11", "13"]


def test_the_seed_is_found_in_the_graph(folders):
    logged(graph=GRAPH, at="12")
    assert entries(folders)[0]["seed"] == 77 and entries(folders)[0]["prompt"] == "a (kiss)"


@pytest.mark.parametrize(
    "graph",
    [
        None,
        {},
        {"12": {}},
        {"12": {"class_type": "X", "inputs": None}},
        {"12": node("X", a=["13", 0], b=["gone", 0], c=[1, 2], d={"e": 1})},
    ],
)
def test_odd_graphs_tell_nothing(graph):
    assert settings(graph, "12") == {"samplers": [], "models": [], "films": [], "prompts": []}


def test_a_ring_ends():
    ring = {"1": node("A", x=["2", 0]), "2": node("B", x=["1", 0], sigmas=["2", 0])}
    assert list(upstream(ring, "1")) == ["2"]
    settings(ring, "1")
