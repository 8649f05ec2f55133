"""What the page asks for boxes, strips and parameters, in the real host: what a run would find, before it and after."""

import io

import folder_paths
import pytest
import torch
from attention_bending.bending import operators as ops
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import sweep
from attention_bending.bending.maps.statistics import overall_mean
from attention_bending.bending.narrow import animate
from attention_bending.bending.pictures import drawing
from attention_bending.bending.time.animation import parse_keyframes
from attention_bending.host.display import Prompt
from attention_bending.host.families import family_of
from attention_bending.host.maps import record_store
from attention_bending.host.model_file import FileFacts, facts_of
from attention_bending.host.toy import load_toy
from attention_bending.nodes.files import path_of
from attention_bending.nodes.maps import MAPS
from attention_bending.nodes.modes import MODES
from attention_bending.nodes.page import NonsenseError, Picture
from attention_bending.nodes.page.backdrop import backdrop
from attention_bending.nodes.page.parameters import parameters
from attention_bending.nodes.page.strip import strip
from host.recordings import BLUR, recording, run
from host.support import percent, prompt
from PIL import Image

WORKFLOW = "5a1f"
FILES = sorted(name for name in folder_paths.get_filename_list("diffusion_models") if name.startswith("tiny_"))
TOY = {"class_type": "AttnBendToyWan", "inputs": {}}
TWO_BLURS = Bending((BLUR, BLUR))


def facts_of_model(model):
    family = family_of(model.model)
    return FileFacts(1 + max(site.layer for site in family.sites(model)), family.cell(model))


@pytest.mark.parametrize("name", FILES)
def test_a_file_tells_what_the_loaded_model_has(tiny_model, name):
    model = tiny_model(name.removeprefix("tiny_").removesuffix(".safetensors"))
    assert facts_of("UNETLoader", {"unet_name": name, "weight_dtype": "default"}) == facts_of_model(model)


def test_the_toy_tells_too():
    assert facts_of("AttnBendToyWan", {}) == facts_of_model(load_toy()[0])


@pytest.mark.parametrize(
    ("loader", "inputs"),
    [
        ("SomebodysLoader", {"unet_name": "tiny_wan21_t2v.safetensors"}),
        ("UNETLoader", {}),
        ("UNETLoader", {"unet_name": 3}),
        ("UNETLoader", {"unet_name": "gone.safetensors"}),
        ("UNETLoader", {"unet_name": "../text_encoders/tiny_umt5.safetensors"}),
        ("CheckpointLoaderSimple", {"ckpt_name": "/etc/hostname"}),
    ],
)
def test_of_other_files_nothing_is_told(loader, inputs):
    assert facts_of(loader, inputs) is None


def test_a_file_of_something_else_tells_nothing(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    save_file({"x.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no header")
    monkeypatch.setattr(folder_paths, "get_full_path", lambda _, name: str(tmp_path / name))
    assert facts_of("UNETLoader", {"unet_name": "other.safetensors"}) is None
    assert facts_of("UNETLoader", {"unet_name": "broken.safetensors"}) is None


def asked(**given):
    fields = {"layers": None, "unit": "percent", "start": None, "end": None, "token": ""}
    return {**fields, "workflow": WORKFLOW, "patches": ["9"], "loader": {}, **given}


def test_which_layers_a_field_means():
    told = strip(asked(layers="early, -1", loader=TOY))
    assert told == {"count": 6, "covered": [0, 1, 5], "problem": "", "heat": None}
    assert strip(asked(layers="1-2"))["covered"] is None
    assert strip(asked(layers="1-2"))["count"] is None


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"layers": "foo"}, "'foo' is no layer"),
        ({"layers": "9", "loader": TOY}, "has no layer 9"),
        ({"start": 0.5, "end": 0.2}, "starts at 0.5 and ends at 0.2"),
        ({"unit": "steps", "start": 5, "end": 2}, "starts at 5 and ends at 2"),
    ],
)
def test_what_is_wrong_with_a_field_is_said(fields, part):
    assert part in strip(asked(**fields))["problem"]


@pytest.fixture
def recorded(tiny_model, tiny_clip, sample, monkeypatch):
    """The record of a run on the page's Patch Model 9."""
    monkeypatch.setattr(record_store, "prompt_under_way", lambda: Prompt("a prompt", WORKFLOW))
    model, handle = recording(tiny_model("wan21_t2v"), BLUR)
    latent = run(sample, model, prompt(tiny_clip, "a (kiss) at sunset"), prompt(tiny_clip, "blurry"), steps=4)
    return handle, record_store.record_of(handle, latent)


def test_the_heat_is_what_the_last_run_recorded(recorded):
    _, record = recorded
    told = strip(asked(layers="all", token="kiss, never"))
    heat = told["heat"]
    assert (told["count"], heat["words"], heat["steps"]) == (record.layer_count, ["kiss"], 4)
    dense = torch.stack(
        [
            torch.stack([record.original.unpack(0, step, layer, [0]).double().mean() for step in range(4)])
            for layer in range(record.layer_count)
        ]
    )
    assert heat["largest"] == pytest.approx(float(dense.max()), rel=1e-3)
    assert torch.allclose(torch.tensor(heat["values"], dtype=torch.float64), dense / dense.max() * 255, atol=0.6)
    assert heat["edges"][0] == pytest.approx(0, abs=1e-4)
    assert heat["edges"][-1] == 1
    assert heat["edges"] == sorted(heat["edges"])


def test_the_columns_stand_where_the_steps_are(recorded, sample):
    _, record = recorded
    sigmas = torch.linspace(1, 0, 5)[:4]
    shifted = 8 * sigmas / (1 + 7 * sigmas)
    expected = [percent(float(sigma)) for sigma in shifted]
    assert record.facts["percents"] == pytest.approx(expected, abs=2e-3)


def test_another_model_has_no_heat_of_this_record(recorded):
    assert strip(asked(token="kiss"))["heat"] is not None
    assert strip(asked(token="kiss", loader=TOY))["heat"] is None
    assert strip(asked(token="never"))["heat"] is None
    assert strip(asked(token="kiss", workflow="another"))["heat"] is None
    assert strip(asked(token="kiss", patches=["8"]))["heat"] is None


def test_the_backdrop_is_the_words_map(recorded):
    _, record = recorded
    told = backdrop({"workflow": WORKFLOW, "patches": ["9"], "loader": {}, "token": "kiss"})
    assert isinstance(told, Picture)
    assert told.told == {"cell": "16", "rows": str(record.grid.height), "columns": str(record.grid.width)}
    seen = torch.tensor(list(Image.open(io.BytesIO(told.data)).getdata())).view(*record.grid.shape[1:], 3)
    mean = overall_mean(record, 0, False).mean(0)
    assert torch.equal(seen, (drawing.heat(mean / mean.max(), "viridis") * 255).round().long())


def test_without_a_record_the_backdrop_tells_the_cell():
    asks = {"workflow": WORKFLOW, "patches": ["9"], "loader": TOY, "token": "kiss"}
    assert backdrop(asks) == {"cell": 16, "rows": 0, "columns": 0}
    assert backdrop({**asks, "loader": {}}) == {"cell": 0, "rows": 0, "columns": 0}


def operators():
    return [pytest.param(node, id=node.__name__) for node in [*MODES, *MAPS]]


@pytest.mark.parametrize("node", operators())
def test_the_parameters_are_those_that_the_nodes_accept(node):
    made = Bending((Bend(_plain(node.operator), "kiss" if node.operator is not ops.Temperature else "ALL"),))
    bend = {"class_type": node.__name__, "inputs": {"strength": 0.5}}
    track = parse_keyframes("0%: 0", "linear")
    for of, refused in (
        ("AttnBendAnimate", lambda: animate(made, "nonsense", "frames", track)),
        ("AttnBendSweep", lambda: sweep.axis("nonsense", "1", made)),
    ):
        told = parameters({"of": of, "bends": [bend]})["parameters"]
        with pytest.raises(BendError) as error:
            refused()
        offered = str(error.value).rpartition("Choose one of ")[2].removesuffix(".").split(", ")
        assert sorted(about["name"] for about in told) == sorted(offered)
        (strength,) = (about for about in told if about["name"] == "strength")
        assert strength == {"name": "strength", "now": [0.5], "low": 0, "high": 1, "unit": None, "choices": []}


def _plain(operator):
    if operator is ops.Paint:
        from attention_bending.bending.frames.mask_video import MaskVideo

        return operator(MaskVideo(torch.ones(1, 2, 2)))
    return operator("rose") if operator is ops.Swap else operator()


def test_values_of_several_bends_and_of_files_are_told():
    rotate, blur = (
        {"class_type": f"AttnBend{mode}", "inputs": inputs}
        for mode, inputs in (
            ("Rotate", {"angle": 15, "start_percent": 0.1}),
            ("Blur", {"sigma": None, "start_percent": 0.2}),
        )
    )
    told = {
        about["name"]: about for about in parameters({"of": "AttnBendSweep", "bends": [rotate, blur]})["parameters"]
    }
    assert told["angle"]["now"] == [15]
    assert (told["angle"]["low"], told["angle"]["unit"]) == (-360, "degrees")
    assert told["start"]["now"] == [0.1, 0.2]
    assert told["sigma"]["now"] == []
    assert list(told)[-1] == "seed"
    preset = {"class_type": "AttnBendLoad", "inputs": {"file": "preset: depth of field"}}
    names = {about["name"] for about in parameters({"of": "AttnBendAnimate", "bends": [preset]})["parameters"]}
    assert "strength" in names
    assert len(names) > 1
    assert path_of("preset: depth of field").is_file()


def test_of_no_bends_there_are_no_parameters():
    strangers = [
        {"class_type": "AttnBendWhere", "inputs": {}},
        {"class_type": "AttnBendLoad", "inputs": {"file": "/etc"}},
    ]
    assert parameters({"of": "AttnBendSweep", "bends": strangers}) == {"parameters": []}


@pytest.mark.parametrize(
    ("route", "question", "reason"),
    [
        (strip, asked(patches="9"), "patches must be of type list"),
        (strip, asked(start="0", end=1), "start must be of type"),
        (strip, asked(layers=3), "layers must be of type str"),
        (strip, asked(loader={"class_type": 3, "inputs": {}}), "class_type must be of type str"),
        (strip, asked(token="x" * 30_000), "token has 30000 entries"),
        (backdrop, asked(workflow=None), "workflow must be of type str"),
        (backdrop, asked(token=1), "token must be of type str"),
        (parameters, {"of": "KSampler", "bends": []}, "KSampler takes no parameters"),
        (parameters, {"of": "AttnBendSweep", "bends": ["x"]}, "a bend is an object"),
        (parameters, {"of": "AttnBendSweep", "bends": [{}]}, "class_type must be of type str"),
    ],
)
def test_nonsense_is_refused(route, question, reason, recorded):
    with pytest.raises(NonsenseError) as error:
        route(question)
    assert reason in str(error.value)
