"""Many runs: the server's memory stays flat; and two clients that ask at once are each given their own."""

import asyncio
import json
import sys

import aiohttp
import psutil
import pytest
import torch
from attention_bending.dev.server import server as running_server
from attention_bending.dev.twins import MARK
from safetensors.torch import load_file
from workflows.filming import REPORT, edited, smallest, the

RUNS, SETTLED, GROWTH = 200, 20, 0.02
"""By how much the resident size after all runs may be over that after the first of them.

ComfyUI 0.30 itself grows by some 50 kB a run, with its history cleared and nothing bent or recorded.
"""

PROMPT = {key: node for key, node in smallest(MARK).items() if node["class_type"] != "SaveVideo"}
TEXT, PATCH, BEND, SAMPLER = (
    the(PROMPT, kind) for kind in ("AttnBendPrompt", "AttnBendModel", "AttnBendAmplify", "KSampler")
)
SEEN = {"maps": [PATCH, 1], "latent": [SAMPLER, 0]}
TOKENS = ("red", "circle", "red, circle", "ALL")
RECORDS = ("bent words", "marked words", "listed words")


def recorded(server, number):
    """A workflow that bends, records, shows and saves; no two are alike, so that nothing of it is cached."""
    prompt = edited(PROMPT, TEXT, text=f"a (red) circle on the left, take {number}")
    prompt = edited(prompt, SAMPLER, seed=number)
    prompt = edited(prompt, BEND, token=TOKENS[number % len(TOKENS)], factor=number % 100 / 50)
    prompt = edited(prompt, PATCH, record=RECORDS[number % len(RECORDS)], record_tokens="circle")
    for kind in ("AttnBendMaps", "AttnBendMapsGrid", "AttnBendReport", "AttnBendSaveMaps"):
        prompt[kind] = {"class_type": kind, "inputs": defaults(server, kind) | SEEN}
    return prompt


def defaults(server, kind):
    """What a node's widgets have where nobody has turned them."""
    required = server.get(f"/object_info/{kind}")[kind]["input"]["required"]
    values = {name: declared for name, declared in required.items() if name not in SEEN}
    return {
        name: options["default"] if "default" in options else options["options"][0]
        for name, (_, options) in values.items()
    }


def resident(server):
    """Bytes of the server in memory."""
    process = psutil.Process(server.pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


@pytest.mark.slow
def test_memory_stays_flat(capsys, monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")  # glibc gives back to the system what is freed, at once
    with running_server() as server:
        sizes = []
        for number in range(1, RUNS + 1):
            outputs = server.queue(recorded(server, number), client_id="one")
            assert outputs["AttnBendSaveMaps"] and "Amplify" in outputs["AttnBendReport"]["text"][0]
            server.post("/history", {"clear": True})  # ComfyUI's own, of up to 10,000 prompts
            sizes.append(resident(server) / 2**20)
        told = ", ".join(f"{number}: {sizes[number - 1]:.1f}" for number in range(SETTLED, RUNS + 1, SETTLED))
        with capsys.disabled():
            sys.stdout.write(f"\nMiB resident after run {told}\n")
    assert sizes[-1] < sizes[SETTLED - 1] * (1 + GROWTH)


def saving(prompt):
    """With the film as it leaves the sampler."""
    return prompt | {"film": {"class_type": "SaveLatent", "inputs": {"samples": [SAMPLER, 0], "filename_prefix": "f"}}}


def film(server, entry):
    (file,) = entry["outputs"]["film"]["latents"]
    return load_file(server.output / file["subfolder"] / file["filename"])["latent_tensor"]


async def asked_at_once(server, prompts):
    """Queue these prompts together, each for a client of its own name: of each what it was told, and its entry."""
    address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId="
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(address + name, max_msg_size=0) for name in prompts]
        ids = await asyncio.gather(
            *(asyncio.to_thread(server.submit, prompt, client_id=name) for name, prompt in prompts.items())
        )
        return [await followed(server, socket, prompt_id) for socket, prompt_id in zip(sockets, ids, strict=True)]


async def followed(server, socket, prompt_id):
    heard = []
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.TEXT:
            continue
        said = json.loads(message.data)
        heard += [said["data"]] * (said["type"] == REPORT)
        if said["type"] == "execution_success" and said["data"]["prompt_id"] == prompt_id:
            break
    assert {detail["prompt_id"] for detail in heard} == {prompt_id}
    entry = await asyncio.to_thread(server.wait, prompt_id)
    return [detail["text"] for detail in heard if detail["node"] == PATCH and detail["text"]], entry


def test_two_clients_at_once(server):
    """Same nodes, other words: each is told of its own run, has its own maps, and its film is that of a run alone."""
    prompts = {
        name: saving(edited(edited(recorded(server, number), BEND, token=token), PATCH, record="bent words"))
        for name, token, number in (("one", "red", 1001), ("two", "circle", 1002))
    }
    together = asyncio.run(asked_at_once(server, prompts))
    films = []
    for (told, entry), (name, token) in zip(together, (("one", "red"), ("two", "circle")), strict=True):
        assert told[-1].startswith("1. Amplify(factor=0.0") and f'of "{token}": 6 layers × 2 steps' in told[-1]
        assert f"\n{token} " in entry["outputs"]["AttnBendReport"]["text"][0]
        films.append(film(server, entry))
        other = edited(prompts[name], SAMPLER, take=name)  # samples anew
        ((_, alone),) = asyncio.run(asked_at_once(server, {name: other}))
        assert torch.equal(films[-1], film(server, alone))
    assert not torch.equal(*films)
