"""What a study asks of a server: hashes of the models that a graph loads, numbers in its history, nodes."""

import hashlib
import json
import time
import urllib.error

import pytest
from attention_bending.dev import paths

MODEL, VAE = "tiny_wan21_t2v.safetensors", "tiny_wan21_vae.safetensors"
GRAPH = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": MODEL, "weight_dtype": "default"}},
    "2": {"class_type": "VAELoader", "inputs": {"vae_name": VAE}},
    "3": {"class_type": "VAELoader", "inputs": {"vae_name": "pixel_space"}},
    "4": {"class_type": "VAEDecode", "inputs": {"samples": ["5", 0], "vae": ["2", 0]}},
    "6": {"class_type": "NobodysNode", "inputs": {"file": "../../secret"}},
}
FILES = {f"{folder}/{name}": paths.BASE / "models" / folder / name for folder, name in
         (("diffusion_models", MODEL), ("vae", VAE))}  # fmt: skip


WORKFLOWS = sorted((paths.ROOT / "presets" / "studies" / "workflows").glob("*.json"))


def asked(server, graph, trust=False):
    return server.post("/attention_bending/models", {"prompt": graph, "trust": trust})


def test_the_files_of_a_graph_are_hashed_once_and_pending_until_then(server):
    told = asked(server, GRAPH)
    assert {*told["models"], *told["pending"]} == {*FILES} and told["pending"]
    while told["pending"]:
        time.sleep(0.05)
        told = asked(server, GRAPH)
    assert told["models"] == {
        name: {"size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for name, file in FILES.items()
    }
    kept = server.output.parent / "user" / "__attention_bending" / "model_hashes.json"
    assert all(str(file) in kept.read_text(encoding="utf-8") for file in FILES.values())
    assert asked(server, GRAPH) == told


def test_trusted_files_are_told_by_size_and_time(server):
    told = asked(server, GRAPH, trust=True)
    assert told["pending"] == [] and told["models"] == {
        name: {"size": file.stat().st_size, "modified": int(file.stat().st_mtime)} for name, file in FILES.items()
    }


@pytest.mark.parametrize("name", ["../vae/" + VAE, str(FILES[f"vae/{VAE}"]), "gone.safetensors", 3, None, {}])
def test_what_is_in_no_folder_is_refused(server, name):
    graph = {"1": {"class_type": "UNETLoader", "inputs": {"unet_name": name}}}
    with pytest.raises(urllib.error.HTTPError) as refused:
        asked(server, graph)
    assert refused.value.code == 400
    assert b"no such file is in its folder" in refused.value.read()


def test_the_history_tells_what_was_measured(server):
    size = {"width": 64, "height": 48, "batch_size": 3}
    films = {str(i): {"class_type": "EmptyImage", "inputs": {**size, "color": i * 0xFFFFFF}} for i in range(2)}
    measured = {"class_type": "AttnBendMeasure", "inputs": {"images": ["1", 0], "unbent": ["0", 0]}}
    (text,) = server.queue({**films, "measured": measured})["measured"]["text"]
    told = json.loads(text)
    assert told["change"] == 1 and told["motion"] is None and told["digest"] != told["unbent_digest"]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_study_s_workflow_has_nodes_and_inputs_that_are_there(server, file):
    known, graph = server.get("/object_info"), json.loads(file.read_text(encoding="utf-8"))
    for node in graph.values():
        inputs = known[node["class_type"]]["input"]
        needed, optional = (inputs.get(part, {}).keys() for part in ("required", "optional"))
        assert needed <= node["inputs"].keys() <= needed | optional, node["class_type"]
        assert all(value[0] in graph for value in node["inputs"].values() if isinstance(value, list))
