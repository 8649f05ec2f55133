"""The example workflows: found by ComfyUI, whole, and each makes a film that its bends, if any, have changed."""

import json
import re
import urllib.parse
import urllib.request
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from attention_bending.bending.explore.experiment_log import read
from attention_bending.dev.twins import MARK
from PIL import Image
from workflows.expected import REPORTS, SIZES, SWEEPS, told
from workflows.filming import (
    EDITOR_FILES,
    EXAMPLES,
    FILM,
    LOOKED_AT,
    ORIGINALS,
    TOY_FILM,
    TWINS,
    bypassed,
    edited,
    example,
    nodes,
    shoot,
    steps_of,
    the,
    without_sweep,
)

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

FOLDERS = {
    "CheckpointLoaderSimple": "checkpoints",
    "CLIPLoader": "text_encoders",
    "LTXAVTextEncoderLoader": "text_encoders",
    "LTXVAudioVAELoader": "checkpoints",
    "UNETLoader": "diffusion_models",
    "DualCLIPLoader": "text_encoders",
    "VAELoader": "vae",
}
HUGGINGFACE = "https://huggingface.co"
LTX_2 = ("Lightricks/LTX-2", "ltx-2-19b-dev-fp8.safetensors")
GEMMA = "split_files/text_encoders/gemma_3_12B_it_fp4_mixed.safetensors"
OTHER_FILES = {
    "Bend one word in Anima": {
        ("UNETLoader", "circlestone-labs/Anima", "split_files/diffusion_models/anima-base-v1.0.safetensors"),
        ("CLIPLoader", "circlestone-labs/Anima", "split_files/text_encoders/qwen_3_06b_base.safetensors"),
        ("VAELoader", "circlestone-labs/Anima", "split_files/vae/qwen_image_vae.safetensors"),
    },
    "Bend one word in Cosmos Predict 2": {
        ("UNETLoader", "Comfy-Org/Cosmos_Predict2_repackaged", "cosmos_predict2_2B_t2i.safetensors"),
        (
            "CLIPLoader",
            "comfyanonymous/cosmos_1.0_text_encoder_and_VAE_ComfyUI",
            "text_encoders/oldt5_xxl_fp8_e4m3fn_scaled.safetensors",
        ),
        ("VAELoader", f"Comfy-Org/{WAN_21}", "split_files/vae/wan_2.1_vae.safetensors"),
    },
    "Bend one word in Kandinsky 5": {
        (
            "UNETLoader",
            "kandinskylab/Kandinsky-5.0-T2V-Lite-sft-5s",
            "model/kandinsky5lite_t2v_sft_5s.safetensors",
        ),
        (
            "DualCLIPLoader",
            "Comfy-Org/HunyuanVideo_1.5_repackaged",
            "split_files/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors",
        ),
        ("DualCLIPLoader", "comfyanonymous/flux_text_encoders", "clip_l.safetensors"),
        ("VAELoader", "Kijai/HunyuanVideo_comfy", "hunyuan_video_vae_bf16.safetensors"),
    },
    "Bend one word in LTX-2": {
        ("CheckpointLoaderSimple", *LTX_2),
        ("LTXAVTextEncoderLoader", "Comfy-Org/ltx-2", GEMMA),
        ("LTXVAudioVAELoader", *LTX_2),
    },
    "Bend one word in LTX-Video": {
        ("CheckpointLoaderSimple", "Lightricks/LTX-Video", "ltx-video-2b-v0.9.5.safetensors"),
        ("CLIPLoader", "comfyanonymous/flux_text_encoders", "t5xxl_fp16.safetensors"),
    },
}


def in_full(names, late=TWINS):
    """Some of them only where there is time for all: what is new in a twin is not its mechanics."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in late else name for name in names]


@pytest.fixture(scope="module")
def modules(server):
    """The Python module of each node that the server has."""
    return {kind: info["python_module"] for kind, info in server.get("/object_info").items()}


def files(server, take, node):
    """What a node has saved, or shown from ComfyUI's folder for a while."""
    folders = {"output": server.output, "temp": server.output.parent / "temp" / "temp"}
    return [folders[file["type"]] / file["subfolder"] / file["filename"] for file in take.outputs[node]["images"]]


def frames_of(file: Path) -> np.ndarray:
    """A saved film, `(N, H, W, 3)`."""
    with av.open(file) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


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
def test_only_core_nodes_and_ours(modules, name):
    for node in editor_file(name)["nodes"]:
        if node["type"] != "MarkdownNote":  # the page's own
            module = modules[node["type"]]
            assert module == "nodes" or module.startswith("comfy_extras.") or module == f"custom_nodes.{PACK}"


@pytest.mark.parametrize("name", [name for name in ORIGINALS if name not in OTHER_FILES])
def test_each_loader_says_where_its_file_is_to_be_had(name):
    for kind, files in (FILES | WAN_22 if "Wan 2.2" in name else FILES).items():
        loaders = [node for node in editor_file(name)["nodes"] if node["type"] == kind]
        for loader, (repository, folder, file) in zip(loaders, files, strict=True):
            assert loader["widgets_values"][0] == file
            url = f"https://huggingface.co/Comfy-Org/{repository}/resolve/main/split_files/{folder}/{file}"
            assert loader["properties"]["models"] == [{"name": file, "url": url, "directory": folder}]


@pytest.mark.parametrize("name", OTHER_FILES)
def test_so_does_each_of_another_model(name):
    said = set()
    for node in editor_file(name)["nodes"]:
        for file in node["properties"].get("models", ()):
            assert file["name"] in node["widgets_values"] and file["url"].endswith(f"/{file['name']}")
            assert file["directory"] == FOLDERS[node["type"]]
            repository, path = file["url"].removeprefix(f"{HUGGINGFACE}/").split("/resolve/main/")
            said.add((node["type"], repository, path))
    assert said == OTHER_FILES[name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_note_says_what_to_look_for_and_what_to_try(name):
    (note,) = (node for node in editor_file(name)["nodes"] if node["type"] == "MarkdownNote")
    (text,) = note["widgets_values"]
    assert text.startswith("# ")
    assert "**Look for:**" in text
    assert "**Try:**" in text


@pytest.mark.parametrize("name", in_full(EXAMPLES, [name + MARK for name in SWEEPS] + ["Bend one word in Anima"]))
def test_makes_a_film_that_its_bends_have_changed(server, played, unbent, name):
    """Where nothing is bent, the film is the same to the bit."""
    workflow, bent = played(name)
    patches = nodes(workflow, "AttnBendModel")
    for patch in patches:
        says = [line for line in bent.texts[patch].splitlines() if not line.startswith("⚠ Concept Probe: ")]
        for line, pattern in zip(says, told(name, workflow[patch], steps_of(name)), strict=True):
            assert re.fullmatch(pattern, line)

    for save in nodes(workflow, "SaveVideo"):
        size = TOY_FILM if name in LOOKED_AT else FILM
        width, height = SIZES.get(workflow[save]["inputs"]["filename_prefix"], (size["width"], size["height"]))
        frames = frames_of(*files(server, bent, save))
        assert frames.shape == (size["length"], height, width, 3)
        assert all(frame.std() > 0 for frame in frames)

    plain = unbent(name)
    assert all(plain.texts[patch].startswith("Nothing to bend") for patch in patches)
    for sampler, film in bent.latents.items():
        assert film.isfinite().all()
        bends = "bending" in workflow[workflow[sampler]["inputs"]["model"][0]]["inputs"]
        assert torch.equal(film, plain.latents[sampler]) != bends


WRITTEN = [name + mark for name in ("A prompt that changes", "Weigh a word") for mark in ("", MARK)]
"""Those whose bends stand in the prompt."""


@pytest.mark.parametrize("name", in_full([*{*REPORTS} - {*WRITTEN}], [*TWINS, "Bend one word in Anima"]))
def test_each_bend_has_a_share_in_it(server, played, name):
    """Bypassing any one bend, or all of a file, changes the film."""
    workflow = without_sweep(example(name, steps_of(name)))
    bends = [key for key, node in workflow.items() if "token" in node["inputs"]] + nodes(workflow, "AttnBendLoad")
    assert bends
    # A sweep's last film has other numbers than those that stand on its bends.
    whole = (shoot(server, workflow) if name.removesuffix(MARK) in SWEEPS else played(name)[1]).latents
    for bend in bends:
        part = shoot(server, bypassed(workflow, bend, "bending")).latents
        assert any(not torch.equal(whole[sampler], part[sampler]) for sampler in whole)


def test_words_glow_over_the_film_each_in_its_own_places(server, played):
    """In the first film of See where a word acts; the captions are alike in all but a few letters."""
    workflow, take = played("See where a word acts")
    films = {
        workflow[save]["inputs"]["filename_prefix"]: frames_of(*files(server, take, save)).astype(float)
        for save in nodes(workflow, "SaveVideo")
    }
    plain = films["video/see_where_a_word_acts_plain"]
    glows = [films["video/see_where_a_word_acts"][:, row * 104 :][:, : FILM["height"]] for row in range(3)]
    for i, glow in enumerate(glows):
        assert abs(glow - plain).mean() > 8  # of 255; a video is lossy
        assert all(abs(glow - other).mean() > 4 for other in glows[:i])
    (small,) = files(server, take, the(workflow, "AttnBendMaps"))
    assert Image.open(small).n_frames == FILM["length"]


def test_before_and_after_are_two_maps_and_their_difference_is_another(server, played):
    workflow, take = played("Before and after")
    films = {
        workflow[save]["inputs"]["filename_prefix"]: frames_of(*files(server, take, save)).astype(float)
        for save in nodes(workflow, "SaveVideo")
    }
    pair, (height, width) = films["video/before_and_after"], (FILM["height"], FILM["width"])
    pictures = [pair[:, :height, :width], pair[:, :height, -width:]]
    pictures += [films["video/before_and_after_bent"], films["video/before_and_after_difference"][:, :height]]
    for i, picture in enumerate(pictures):
        assert all(abs(picture - other).mean() > 4 for other in pictures[:i])
    (report,) = take.outputs[the(workflow, "AttnBendReport")]["text"]
    assert re.search(r"\nballoon +[-\d]+ +[\d.]+ % +→ +[\d.]+ % +[\d.]+ +→ +[\d.]+\n", report)


def test_the_mask_of_a_word_keeps_a_bend_to_a_part_of_the_picture(server, played):
    """White in some places, black in others, in each frame; and with none of it the other word is bent everywhere."""
    workflow, masked = played("Mask from a word")
    where = the(workflow, "AttnBendWhere")
    masks = [np.asarray(Image.open(file).convert("L")) for file in files(server, masked, the(workflow, "MaskPreview"))]
    assert len(masks) == FILM["length"]
    assert all(mask.shape == (4, 6) and set(np.unique(mask)) == {0, 255} for mask in masks)
    everywhere = shoot(server, edited(workflow, where, mask=None))
    unlike = [key for key, film in masked.latents.items() if not torch.equal(film, everywhere.latents[key])]
    assert [workflow[key]["_meta"]["title"] for key in unlike] == ["Sample bent"]


def test_the_sheet_has_every_layer_and_step_and_the_report_every_word(server, played):
    workflow, take = played("Which layer carries the word")
    sheet = Image.open(*files(server, take, the(workflow, "SaveImage"))).convert("RGB")
    pixels = np.asarray(sheet).astype(int)
    colored = np.ptp(pixels, axis=2) > 40  # viridis; letters and paper are gray
    runs = [int((np.diff(np.r_[False, colored.mean(axis) > 0.3].astype(int)) == 1).sum()) for axis in (0, 1)]
    assert runs == [4, 4]  # layers across, steps down
    (report,) = take.outputs[the(workflow, "AttnBendReport")]["text"]
    assert report.startswith("no bends\n")
    for word in ("umbrella", "street"):
        assert re.search(rf"\n{word} +[-\d]+ +[\d.]+ % +[\d.]+\n", report)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_makes_every_film_and_one_sheet_of_them(server, played, unbent, name):
    """The first is the un-bent one, no two are alike, and the numbers say how far each is from the first."""
    workflow, take = played(name)
    still = the(workflow, "SaveImage")
    (films,) = take.films.values()
    assert len(films) == len(SWEEPS[name])
    assert torch.equal(films[0], unbent(name).film)
    assert not any(torch.equal(film, other) for i, film in enumerate(films) for other in films[:i])
    (sheet,) = files(server, take, still)
    with Image.open(sheet) as picture:
        assert picture.width > 2 * picture.height / 3 and len(picture.getcolors(2**24)) > 100
    (numbers,) = take.outputs["numbers"]["text"]
    cells = json.loads(numbers)["cells"]
    assert [cell["label"] for cell in cells] == SWEEPS[name]
    assert [cell["change"] is None for cell in cells] == [True] + [False] * (len(films) - 1)
    assert all(cell["change"] > 0 and cell["ssim"] < 1 for cell in cells[1:])


def test_the_log_has_a_line_for_each_film_of_the_sweep(server, played):
    name = "Compare to the baseline"
    played(name)
    entries = read(server.output / "examples" / f"{name}.jsonl")
    assert [entry["label"] for entry in entries] == SWEEPS[name]
    for entry in entries:
        assert entry["observations"] == "the street is empty" and entry["seed"] == 42
        assert entry["words"][0]["word"] == "umbrella" and entry["prompt"].startswith("a woman with a red umbrella")
        assert entry["metrics"]["label"] == entry["label"]
        assert len(entry["bends"]) == (entry["label"] != "un-bent")


def test_the_recipe_is_saved_with_the_bend_that_came_after_it(server, played):
    """And what was saved makes the same film."""
    workflow, take = played("A recipe from a file")
    (shown,) = take.outputs[the(workflow, "AttnBendSave")]["text"]
    path, text = shown.split("\n\n", 1)
    assert re.fullmatch(r"my_depth_of_field_\d{5}_\.yaml \[user\]", path)
    assert re.findall("mode: (.*)", text) == ["sharpen", "blur", "amplify"]
    assert re.findall("token: (.*)", text) == ["deer", "trees", "deer"]
    load, bend = the(workflow, "AttnBendLoad"), the(workflow, "AttnBendAmplify")
    again = without_sweep(bypassed(edited(workflow, load, file=path, words=""), bend, "bending"))
    assert torch.equal(shoot(server, again).film, take.film)


def test_two_branches_of_one_model_do_not_see_each_other(server, played):
    workflow, take = played("Bent and un-bent side by side")
    plain, bent = nodes(workflow, "KSampler")
    films = take.latents
    for alone, other in ((plain, bent), (bent, plain)):
        branch = {key: node for key, node in workflow.items() if key != other}
        for key in nodes(branch, "VAEDecode"):
            if branch[key]["inputs"]["samples"] == [other, 0]:
                branch = edited(branch, key, samples=[alone, 0])
        assert torch.equal(shoot(server, branch).latents[alone], films[alone])
