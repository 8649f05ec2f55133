"""The shared workflows on the tiny models, and their twins on the toy, run through the server's queue.

Films are taken as they leave the sampler. A saved video is lossy and a cached one proves nothing, so every sampler's
latents are saved too, and every sampler is given an input that means nothing to it: ComfyUI then samples anew, with the
very model that the last run used.
"""

import asyncio
import copy
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from attention_bending.dev import twins
from attention_bending.dev.server import Server
from attention_bending.dev.swap import bent_alone, tiny, without
from attention_bending.dev.twins import MARK
from attention_bending.toy.world import FRAMES, HEIGHT, WIDTH
from safetensors.torch import load_file
from torch import Tensor

ROOM = Path(__file__).parent
EDITOR_FILES = ROOM.parents[1] / "example_workflows"
WANS = (
    "A prompt that changes",
    "A recipe from a file",
    "Animate a bend",
    "Before and after",
    "Bend one word",
    "Bent and un-bent side by side",
    "Chain and stack",
    "Compare to the baseline",
    "Compose with regions",
    "Depth of field",
    "Early and late",
    "Mask from a word",
    "Paint a word's place",
    "Probe what is there",
    "See where a word acts",
    "Swap two words",
    "Sweep a bend",
    "Wan 2.2 two samplers",
    "Weigh a word",
    "Which layer carries the word",
    "Words here",
)

OTHERS = (
    "Bend one word in Anima",
    "Bend one word in Cosmos Predict 2",
    "Bend one word in Kandinsky 5",
    "Bend one word in LTX-2",
    "Bend one word in LTX-Video",
)

ORIGINALS = WANS + OTHERS

TWINS = tuple(f"{name}{MARK}" for name in WANS)
"""Wan's on the pack's own small model."""

EXAMPLES = ORIGINALS + TWINS

STEPS, TWIN_STEPS = 4, twins.STEPS
"""Of fewer than four, too few are late; a twin shows what its note says in its own number of steps."""

LOOKED_AT = tuple(
    f"{name}{MARK}" for name in ("Before and after", "Bend one word", "Compose with regions", "Swap two words")
)
"""The twins whose films are looked at in every run of the tests."""

FILM = {"width": 96, "height": 64, "length": 9}
"""A grid of 3 × 4 × 6, no two sides alike; three frames, for what moves and comes back."""

TOY_FILM = {"width": WIDTH, "height": HEIGHT, "length": FRAMES}
"""The only size in which the toy draws what it is told: a grid of 3 × 7 × 10."""

SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom")
AIMS = ("AttnBendWhere", "AttnBendWhen", "AttnBendAnimate")
"""Nodes that need a bending."""
VIEWERS = ("AttnBendMaps", "AttnBendMapsGrid", "AttnBendReport", "AttnBendSaveMaps", "AttnBendWordsHere")
"""Nodes that need a record."""
SOURCES = ("AttnBendPrompt", "AttnBendTimeline", "AttnBendToyWan")
"""Nodes that every film needs; what they have of bends is left out with the wire."""
ENDS = ("AttnBendGrid", "AttnBendLog", "AttnBendSave")
"""Nodes that no film needs, but that need a sweep or a bending."""

REPORT = "attention_bending.report"
"""The event of a text on a node."""

FAULT = "attention_bending.fault"
"""The event of an error, for the node that it is about."""

_take = itertools.count(1)

Prompt = dict[str, dict[str, Any]]


class Take(NamedTuple):
    """What a run left, by node id: all `films` of samplers, `outputs` of nodes and last `texts` on nodes."""

    films: dict[str, list[Tensor]]
    outputs: dict[str, Any]
    texts: dict[str, str]

    @property
    def latents(self) -> dict[str, Tensor]:
        """By sampler; of a sweep the last film, which is bent."""
        return {key: films[-1] for key, films in self.films.items()}

    @property
    def film(self) -> Tensor:
        """The latents of the only sampler."""
        (film,) = self.latents.values()
        return film


def steps_of(name: str) -> int:
    """In how many steps a workflow is run whole."""
    return TWIN_STEPS if name in LOOKED_AT else STEPS


def with_frames(prompt: Prompt) -> Prompt:
    """With the film of the only VAE Decode that is bent, as it is before it is saved as a video."""
    inputs = {"images": [the(bent_alone(prompt), "VAEDecode"), 0], "filename_prefix": "frame"}
    return prompt | {"frames": {"class_type": "SaveImage", "inputs": inputs}}


def example(name: str, steps: int = 2) -> Prompt:
    """A shared workflow in the form that its page exported, with tiny loaders and a small, short film.

    A twin keeps its own loader, and in its own number of steps its own size.
    """
    prompt = json.loads((ROOM / f"{name}.json").read_text(encoding="utf-8"))
    return tiny(prompt, steps=steps, **(TOY_FILM if steps == TWIN_STEPS else FILM))


def smallest(mark: str = "", steps: int = 2) -> Prompt:
    """Bend one word, without the un-bent film that it is compared with: one sampling."""
    return bent_alone(example(f"Bend one word{mark}", steps))


def nodes(prompt: Prompt, kind: str) -> list[str]:
    return [key for key, node in prompt.items() if node["class_type"] == kind]


def the(prompt: Prompt, kind: str) -> str:
    """The id of the only node of that class."""
    (key,) = nodes(prompt, kind)
    return key


def edited(prompt: Prompt, node: str, **inputs: Any) -> Prompt:
    """A copy with other values in a node's inputs; None disconnects one."""
    prompt = copy.deepcopy(prompt)
    prompt[node]["inputs"].update(inputs)
    prompt[node]["inputs"] = {name: value for name, value in prompt[node]["inputs"].items() if value is not None}
    return prompt


def bypassed(prompt: Prompt, node: str, passes: str) -> Prompt:
    """A copy with a node bypassed, as the page does it: what comes in at `passes`, if anything, goes on behind it.

    An aim that is left with no bend is bypassed too.
    """
    prompt = copy.deepcopy(prompt)
    source = prompt.pop(node)["inputs"].get(passes)
    for key, other in prompt.items():
        for name, value in list(other["inputs"].items()):
            if value == [node, 0]:
                prompt = edited(prompt, key, **{name: source})
                if source is None and other["class_type"] in AIMS:
                    prompt = bypassed(prompt, key, name)
    return prompt


def without_sweep(prompt: Prompt) -> Prompt:
    """A copy that makes one film, with the bends as they stand on their nodes: no sweep, no sheet, no log, no file."""
    for kind in ENDS:
        for key in nodes(prompt, kind):
            prompt = without(prompt, key)
    for sweep in nodes(prompt, "AttnBendSweep"):
        seed = prompt[sweep]["inputs"]["seed"]
        for key in nodes(prompt, "KSampler"):
            if prompt[key]["inputs"]["seed"] == [sweep, 2]:
                prompt = edited(prompt, key, seed=seed)
        prompt = bypassed(prompt, sweep, "bending")
    return prompt


def without_bends(prompt: Prompt) -> Prompt:
    """A copy with every bend and stack bypassed and nothing recorded: Patch Model is left with nothing to do."""
    prompt = without_sweep(prompt)
    for key, node in list(prompt.items()):
        if key not in prompt:
            continue  # an aim that went with its bend
        if node["class_type"] == "AttnBendStack":
            prompt = bypassed(prompt, key, "bendings.bending_0")
        elif node["class_type"] == "AttnBendModel":
            own = prompt.get(node["inputs"].get("bending", [None])[0], {}).get("class_type") in SOURCES
            prompt = edited(prompt, key, record="none", **({"bending": None} if own else {}))
        elif node["class_type"] not in (*VIEWERS, *SOURCES) and node["class_type"].startswith("Attn"):
            prompt = bypassed(prompt, key, "bending")
    for kind in VIEWERS:
        for key in nodes(prompt, kind):
            prompt = without(prompt, key)
    return prompt


def without_pack(prompt: Prompt) -> Prompt:
    """A copy that a ComfyUI without this pack could run: core's text node for ours, the prompt without its marks."""
    prompt = without_bends(prompt)
    for key in nodes(prompt, "AttnBendModel"):
        prompt = bypassed(prompt, key, "model")
    for key in nodes(prompt, "AttnBendPrompt"):
        prompt[key]["class_type"] = "CLIPTextEncode"
        prompt[key]["inputs"]["text"] = re.sub("[()]", "", prompt[key]["inputs"]["text"])
    assert not any(node["class_type"].startswith("AttnBend") for node in prompt.values())
    return prompt


def shoot(server: Server, prompt: Prompt, video: bool = False, at_step: Callable[[], Any] | None = None) -> Take:
    """Run a workflow to its end. Raises WorkflowError with what ComfyUI says.

    Only with `video` is the film decoded and saved; `at_step` is called once, after the first step.
    """
    prompt = copy.deepcopy(prompt)
    samplers = [key for kind in SAMPLERS for key in nodes(prompt, kind)]
    for key in samplers:
        prompt[key]["inputs"]["take"] = next(_take)
        inputs = {"samples": [_film_of(prompt, key), 0], "filename_prefix": "latents"}
        prompt[f"latents of {key}"] = {"class_type": "SaveLatent", "inputs": inputs}
    if not video:
        for key in nodes(prompt, "SaveVideo"):
            del prompt[key]
    entry, texts = asyncio.run(_follow(server, prompt, at_step))
    cached = dict(entry["status"]["messages"])["execution_cached"]["nodes"]
    assert not set(samplers) & set(cached)
    films = {
        key: [
            load_file(server.output / file["subfolder"] / file["filename"])["latent_tensor"]
            for file in entry["outputs"][f"latents of {key}"]["latents"]
        ]
        for key in samplers
    }
    return Take(films, entry["outputs"], texts)


def _film_of(prompt: Prompt, sampler: str) -> str:
    """The node that has a sampler's film alone: where sound is with it, what takes them apart."""
    apart = nodes(prompt, "LTXVSeparateAVLatent")
    return next((key for key in apart if prompt[key]["inputs"]["av_latent"][0] == sampler), sampler)


async def _follow(server: Server, prompt: Prompt, at_step: Callable[[], Any] | None) -> tuple[dict, dict[str, str]]:
    """Queue a workflow as a page would, listening; its history entry and the texts it put on nodes."""
    texts = {}
    client = {"client_id": f"take {next(_take)}"}
    address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId={client['client_id']}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        prompt_id = await asyncio.to_thread(server.submit, prompt, **client)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                said = json.loads(message.data)
                if said["type"] == REPORT and said["data"]["text"] is not None:
                    texts[said["data"]["node"]] = said["data"]["text"]
                if said["type"] == "progress" and at_step:
                    at_step()
                    at_step = None
                ends = said["type"] in ("execution_success", "execution_error", "execution_interrupted")
                if ends and said["data"]["prompt_id"] == prompt_id:
                    break
    return await asyncio.to_thread(server.wait, prompt_id), texts
