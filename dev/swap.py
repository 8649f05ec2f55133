"""Let a workflow that names the real files run on the tiny ones."""

import copy
from typing import Any

TINY_WAN = {
    # The first row whose words all stand in the file's name, in lower case, is taken.
    ("14b", "i2v", "high"): "tiny_wan22_14b_i2v_high",
    ("14b", "i2v", "low"): "tiny_wan22_14b_i2v_low",
    ("14b", "high"): "tiny_wan22_14b_t2v_high",
    ("14b", "low"): "tiny_wan22_14b_t2v_low",
    ("5b",): "tiny_wan22_5b",
    ("flf2v",): "tiny_wan21_flf2v",
    ("i2v",): "tiny_wan21_i2v",
    ("control",): "tiny_wan21_fun_control",
    ("t2v",): "tiny_wan21_t2v",
}

TINY_LTX = {("ltx-video",): "tiny_ltxv", ("ltx-2",): "tiny_ltx2"}
"""The same of checkpoints."""
OTHERS = {
    ("cosmos", "predict2"): ("Cosmos Predict 2", "Cosmos"),
    ("anima",): ("Anima", "Anima, as wide as its model"),
    ("kandinsky5", "t2v"): ("Kandinsky 5", "Kandinsky 5"),
}
"""Likewise, of models whose files have one size: the tiny one that is made, and the tiny encoder of its prompts."""

SIZE = {"width": 208, "height": 128, "length": 9}
"""A grid of 3 × 8 × 13: no two sides alike, so that nothing passes with two of them exchanged."""

PICTURES = ("EmptyLatentImage", "EmptySD3LatentImage")
"""Nodes whose width and height are those of a picture that is sampled, a film of one frame."""

PARTS = {"start_at_step", "end_at_step"}
"""Inputs of a sampler that does a part of the steps."""


def tiny(prompt: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy of a workflow in API form with tiny loaders and a small film.

    `values` replace inputs of that name wherever they are typed in, numbers by numbers and text by text, for example
    ``steps=4``; those of a size only where that of a film, or of a picture to sample, is typed in. A part of the steps
    stays the same part.
    """
    prompt = copy.deepcopy(prompt)
    other = _other(prompt)
    for node in prompt.values():
        inputs = node["inputs"]
        if node["class_type"] == "UNETLoader" and other:
            node.update(class_type="TinyModelLoader", inputs={"name": other[0]})
        elif node["class_type"] == "UNETLoader":
            inputs.update(unet_name=f"{_tiny(inputs['unet_name'], TINY_WAN)}.safetensors", weight_dtype="default")
        elif node["class_type"] == "CLIPLoader" and inputs["type"] == "ltxv":
            node.update(class_type="TinyTextEncoderLoader", inputs={"name": "LTXV"})
        elif node["class_type"] == "LTXAVTextEncoderLoader":
            node.update(class_type="TinyTextEncoderLoader", inputs={"name": "LTX-2"})
        elif node["class_type"] in ("CLIPLoader", "DualCLIPLoader"):
            text = {"class_type": "TinyTextEncoderLoader", "inputs": {"name": other[1]}} if other else None
            node.update(text or {"class_type": "TinyUMT5Loader", "inputs": {}})
        elif "ckpt_name" in inputs:
            inputs["ckpt_name"] = f"{_tiny(inputs['ckpt_name'], TINY_LTX)}.safetensors"
        elif node["class_type"] == "VAELoader":
            inputs["vae_name"] = "tiny_wan21_vae.safetensors"  # its latents are as large as the others'
        for part in PARTS & inputs.keys():
            inputs[part] = inputs[part] * values.get("steps", inputs["steps"]) // inputs["steps"]
        film = SIZE.keys() <= inputs.keys() or node["class_type"] in PICTURES
        for name, value in {**(SIZE if film else {}), **values}.items():
            typed = name in inputs and not isinstance(inputs[name], list)  # a list is a wire
            # the viewers' `steps` is a text, such as "all"
            alike = typed and isinstance(inputs[name], str) == isinstance(value, str)
            if alike and (film or name not in SIZE):
                inputs[name] = value
    return prompt


def without(prompt: dict[str, Any], node: str) -> dict[str, Any]:
    """A copy of a workflow in API form without a node and all that lives off it."""
    prompt = {key: other for key, other in prompt.items() if key != node}
    for key, other in list(prompt.items()):
        if any(isinstance(value, list) and value[0] == node for value in other["inputs"].values()):
            prompt = without(prompt, key)
    return copy.deepcopy(prompt)


def bent_alone(prompt: dict[str, Any]) -> dict[str, Any]:
    """A copy without the samplings that no Patch Model is before."""
    for key, node in list(prompt.items()):
        if node["class_type"] == "KSampler" and prompt[node["inputs"]["model"][0]]["class_type"] != "AttnBendModel":
            prompt = without(prompt, key)
    return prompt


def _other(prompt: dict[str, Any]) -> tuple[str, str] | None:
    """What stands for a workflow's model and text encoder where it is no Wan."""
    names = [node["inputs"]["unet_name"] for node in prompt.values() if node["class_type"] == "UNETLoader"]
    return next((row for words, row in OTHERS.items() if any(_has(name, words) for name in names)), None)


def _tiny(file_name: str, names: dict[tuple[str, ...], str]) -> str:
    for words, name in names.items():
        if _has(file_name, words):
            return name
    raise ValueError(f"No tiny model is known for {file_name!r}; dev/swap.py lists the words it looks for.")


def _has(file_name: str, words: tuple[str, ...]) -> bool:
    return all(word in file_name.lower() for word in words)
