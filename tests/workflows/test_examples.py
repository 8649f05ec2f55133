"""The example workflows: found by ComfyUI, whole, and each makes a film that its bends have changed."""

import json
import urllib.parse
import urllib.request
from io import BytesIO

import av
import pytest
import torch
from PIL import Image
from workflows.filming import EDITOR_FILES, EXAMPLES, FILM, bypassed, example, nodes, shoot, the, without_bends

PACK = "attention-bending"
WAN_21 = "Wan_2.1_ComfyUI_repackaged"
FILES = {
    "UNETLoader": [(WAN_21, "diffusion_models", "wan2.1_t2v_1.3B_fp16.safetensors")],
    "CLIPLoader": [(WAN_21, "text_encoders", "umt5_xxl_fp8_e4m3fn_scaled.safetensors")],
    "VAELoader": [(WAN_21, "vae", "wan_2.1_vae.safetensors")],
}
WAN_22 = {
    "UNETLoader": [
        ("Wan_2.2_ComfyUI_Repackaged", "diffusion_models", f"wan2.2_t2v_{part}_noise_14B_fp8_scaled.safetensors")
        for part in ("high", "low")
    ]
}

REPORTS = {
    "Animate a bend": [
        "1. Rotate(angle=15, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 50.0%, angle over the "
        "frames: 0%: 0, 50%: 20, 100%: 0 (ease): 4 layers × 3 steps"
    ],
    "Bend one word": ['1. Amplify(factor=2.5) of "kiss", strength 0.8: 4 layers × 4 steps'],
    "Compose with regions": [
        '1. Regional Mask(x1=0, y1=0, x2=1, y2=0.5, feather=0.2, invert=False) of "sunset": 4 layers × 4 steps',
        '2. Regional Mask(x1=0, y1=0.5, x2=1, y2=1, feather=0.2, invert=False) of "people": 4 layers × 4 steps',
    ],
    "Depth of field": [
        '1. Sharpen(amount=2, sigma=1, clamp=True) of "kiss", strength 0.8: 4 layers × 4 steps',
        '2. Blur(sigma=3, kernel_size=7) of "background": 4 layers × 4 steps',
    ],
    "Chain and stack": [
        '1. Translate(x=0.2, y=0, padding=border) of "fox": 4 layers × 4 steps',
        '2. Amplify(factor=1.6) of "fox": 4 layers × 4 steps',
        "3. Spatial Scale(factor=1.1, padding=border, center_x=0.5, center_y=0.5) of ALL, 0.0% to 40.0%, "
        "layers middle: 1 layer × 2 steps",
        '4. Blur(sigma=2, kernel_size=0) of "forest": 4 layers × 4 steps',
    ],
    "Bent and un-bent side by side": [
        "1. Rotate(angle=12, padding=border, center_x=0.5, center_y=0.5) of ALL: 4 layers × 4 steps"
    ],
    "Early and late": [
        '1. Translate(x=0.25, y=0, padding=border) of "deer", 0.0% to 40.0%, fade out 0.4: 4 layers × 2 steps',
        '2. Amplify(factor=3) of "mist", 40.0% to 100.0%, along a curve: 4 layers × 1 step',
    ],
    "Paint a word's place": [
        '1. Paint(mask=mask 5ee85a42ceee (832 × 480, feather 0.15)) of "rose", 0.0% to 40.0%: 4 layers × 2 steps'
    ],
    "Swap two words": ['1. Swap(other=dog, way=trade, mix=1) of "cat", 0.0% to 40.0%: 4 layers × 2 steps'],
    "Wan 2.2 two samplers": [
        '1. Spatial Scale(factor=1.5, padding=border, center_x=0.5, center_y=0.3) of "moon", 20.0% to 70.0%: '
        "2 layers × 1 step"
    ],
}
"""What every Patch Model says of a run of four steps, on models of four layers, and of two for Wan 2.2."""


def editor_file(name):
    return json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8"))


def test_these_are_all():
    """Flat, each with a picture of its name: so ComfyUI finds them."""
    there = {str(path.relative_to(EDITOR_FILES)) for path in EDITOR_FILES.rglob("*")}
    assert there == {name + ending for name in EXAMPLES for ending in (".json", ".jpg")}


@pytest.mark.parametrize("name", EXAMPLES)
def test_comfyui_offers_it_with_its_picture(server, name):
    assert name in server.get("/workflow_templates")[PACK]
    address = f"{server.url}/api/workflow_templates/{PACK}/{urllib.parse.quote(name)}"
    with urllib.request.urlopen(f"{address}.json") as answer:
        assert json.load(answer) == editor_file(name)
    with urllib.request.urlopen(f"{address}.jpg") as answer:
        data = answer.read()
    assert Image.open(BytesIO(data)).size == (512, 512)
    assert len(data) < 60_000


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_core_nodes_and_ours(server, name):
    modules = {kind: info["python_module"] for kind, info in server.get("/object_info").items()}
    for node in editor_file(name)["nodes"]:
        if node["type"] != "MarkdownNote":  # the page's own
            module = modules[node["type"]]
            assert module == "nodes" or module.startswith("comfy_extras.") or module == f"custom_nodes.{PACK}"


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_loader_says_where_its_file_is_to_be_had(name):
    for kind, files in (FILES | WAN_22 if "Wan 2.2" in name else FILES).items():
        loaders = [node for node in editor_file(name)["nodes"] if node["type"] == kind]
        for loader, (repository, folder, file) in zip(loaders, files, strict=True):
            assert loader["widgets_values"][0] == file
            url = f"https://huggingface.co/Comfy-Org/{repository}/resolve/main/split_files/{folder}/{file}"
            assert loader["properties"]["models"] == [{"name": file, "url": url, "directory": folder}]


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_note_says_what_to_look_for_and_what_to_try(name):
    (note,) = (node for node in editor_file(name)["nodes"] if node["type"] == "MarkdownNote")
    (text,) = note["widgets_values"]
    assert text.startswith("# ")
    assert "**Look for:**" in text
    assert "**Try:**" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_makes_a_film_that_its_bends_have_changed(server, name):
    workflow = example(name, steps=4)
    patches = nodes(workflow, "AttnBendModel")
    bent = shoot(server, workflow, video=True)
    for patch in patches:
        assert bent.texts[patch].splitlines() == REPORTS[name]

    (saved,) = bent.outputs[the(workflow, "SaveVideo")]["images"]
    with av.open(server.output / saved["subfolder"] / saved["filename"]) as video:
        frames = [frame.to_ndarray() for frame in video.decode(video=0)]
        assert len(frames) == FILM["length"]
        width = FILM["width"] * 2 + 16 if nodes(workflow, "ImageStitch") else FILM["width"]
        assert (video.streams.video[0].width, video.streams.video[0].height) == (width, FILM["height"])
    assert all(frame.std() > 0 for frame in frames)

    unbent = shoot(server, without_bends(workflow))
    assert not set(patches) & set(unbent.texts)
    for sampler, film in bent.latents.items():
        assert film.isfinite().all()
        follows = workflow[sampler]["inputs"]["model"][0] in patches
        assert torch.equal(film, unbent.latents[sampler]) != follows


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_bend_has_a_share_in_it(server, name):
    """Bypassing any one bend changes the film."""
    workflow = example(name, steps=4)  # of fewer, too few are late
    bends = [key for key, node in workflow.items() if "token" in node["inputs"]]
    whole = shoot(server, workflow).latents
    for bend in bends:
        part = shoot(server, bypassed(workflow, bend, "bending")).latents
        assert any(not torch.equal(whole[sampler], part[sampler]) for sampler in whole)


def test_two_branches_of_one_model_do_not_see_each_other(server):
    workflow = example("Bent and un-bent side by side")
    plain, bent = nodes(workflow, "KSampler")
    films = shoot(server, workflow).latents
    for alone, other in ((plain, bent), (bent, plain)):
        branch = {key: node for key, node in workflow.items() if key != other}
        for key in nodes(branch, "VAEDecode"):
            if branch[key]["inputs"]["samples"] == [other, 0]:
                branch[key]["inputs"]["samples"] = [alone, 0]
        assert torch.equal(shoot(server, branch).latents[alone], films[alone])
