"""Records in a real server: each run has its own, whatever ComfyUI's cache does; and the maps while a run goes on."""

import asyncio
import copy
import io
import json
import struct
import time

import aiohttp
import pytest
from attention_bending.bending.maps.files import load
from attention_bending.dev.server import WorkflowError
from attention_bending.dev.server import server as running_server
from attention_bending.dev.twins import MARK
from PIL import Image
from workflows.filming import edited, smallest, the

PICTURE_EVENT = 4
"""ComfyUI's binary event for a picture on a node: the length of its metadata, these as JSON, then the picture."""


def recorded(seed=1, **inputs):
    """An example whose Patch Model records, with the maps saved."""
    prompt = smallest(MARK)  # the toy is on every server
    prompt = edited(prompt, the(prompt, "AttnBendModel"), record="bent words", **inputs)
    prompt = edited(prompt, the(prompt, "KSampler"), seed=seed)
    del prompt[the(prompt, "SaveVideo")]
    saved(prompt, "saved", the(prompt, "AttnBendModel"), the(prompt, "KSampler"))
    return prompt


def saved(prompt, key, patch, sampler):
    inputs = {"maps": [patch, 1], "latent": [sampler, 0], "filename_prefix": "attention_maps/test"}
    prompt[key] = {"class_type": "AttnBendSaveMaps", "inputs": inputs}


def again(prompt, node, key, **inputs):
    """A second node like one of the prompt's."""
    prompt[key] = copy.deepcopy(prompt[node])
    prompt[key]["inputs"].update(inputs)


def record(server, outputs, key="saved"):
    (text,) = outputs[key]["text"]
    return load(server.output / text.partition(" [output]")[0])


@pytest.fixture(params=["--cache-classic", "--cache-lru=20", "--cache-none", None], ids=str)
def any_server(request):
    """A server with each kind of cache; the room's own has ComfyUI's default, the lone one none."""
    rooms = {None: "server", "--cache-none": "lone_server"}
    if request.param in rooms:
        yield request.getfixturevalue(rooms[request.param])
    else:
        with running_server(request.param) as running:
            yield running


def test_each_run_has_its_own_record(any_server):
    """Seeds 1, 2, 1; two samplers on one model; two equal Patch Models."""
    # with a client: without one, ComfyUI before 0.30 tells no output of a cached node
    outputs = [any_server.queue(recorded(seed), client_id="test") for seed in (1, 2, 1)]
    assert [record(any_server, each).facts["seed"] for each in outputs] == [1, 2, 1]

    both = recorded(3)
    patch, sampler = the(both, "AttnBendModel"), the(both, "KSampler")
    again(both, sampler, "second sampler", seed=4)
    saved(both, "second", patch, "second sampler")
    outputs = any_server.queue(both)
    assert [record(any_server, outputs, key).facts["seed"] for key in ("saved", "second")] == [3, 4]

    twins = recorded(5)
    again(twins, patch, "twin")
    again(twins, sampler, "second sampler", seed=6, model=["twin", 0], latent_image=[sampler, 0])  # after the first
    saved(twins, "second", "twin", "second sampler")
    outputs = any_server.queue(twins)
    assert [record(any_server, outputs, key).facts["seed"] for key in ("saved", "second")] == [5, 6]
    saved(twins, "second", patch, "second sampler")
    with pytest.raises(WorkflowError, match="these maps belong to another run of this model"):
        any_server.queue(twins)


def test_maps_of_a_run_that_never_was_are_refused(server):
    prompt = recorded()
    prompt = edited(prompt, "saved", latent=None)
    with pytest.raises(WorkflowError, match="Connect the latent of the sampler"):
        server.queue(prompt)
    with pytest.raises(WorkflowError, match=r"recorded no run yet\. Set its record"):
        server.queue(edited(recorded(8), the(recorded(8), "AttnBendModel"), record="none"))
    with pytest.raises(WorkflowError, match="record_tokens: token is empty"):
        server.queue(recorded(8) | edited(recorded(8), the(recorded(8), "AttnBendModel"), record="listed words"))


def test_the_maps_are_shown_on_patch_model_while_the_sampler_runs(server):
    """To a page that can show them; the progress is of other nodes alone."""
    prompt = recorded(time.time_ns() % 2**32)
    patch, sampler = the(prompt, "AttnBendModel"), the(prompt, "KSampler")
    prompt = edited(prompt, sampler, steps=8)
    began = time.monotonic()
    pictures, progress = asyncio.run(watched(server, prompt, {"supports_preview_metadata": True}))
    seconds = time.monotonic() - began
    assert 1 <= len(pictures) <= seconds / 0.2 + 1
    for told, picture in pictures:
        assert told["node_id"] == told["display_node_id"] == patch
        assert picture.format == "JPEG" and len(picture.getcolors(2**20)) > 50
    assert {node for node, _ in progress} == {sampler}
    assert [value for _, value in progress] == sorted(value for _, value in progress)
    again, _ = asyncio.run(watched(server, edited(prompt, sampler, seed=1), {}))
    assert not again


async def watched(server, prompt, features):
    """Run a workflow as a page with these features: the pictures on nodes that come in, and the progress of nodes."""
    pictures, progress = [], []
    client = {"client_id": f"page {time.time_ns()}"}
    address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId={client['client_id']}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        await socket.send_json({"type": "feature_flags", "data": features})
        await socket.receive()
        prompt_id = await asyncio.to_thread(server.submit, prompt, **client)
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                event, length = struct.unpack(">II", message.data[:8])
                if event == PICTURE_EVENT:
                    told = json.loads(message.data[8 : 8 + length])
                    if told["node_id"] == the(prompt, "AttnBendModel"):  # not the sampler's own
                        pictures.append((told, Image.open(io.BytesIO(message.data[8 + length :]))))
            elif message.type == aiohttp.WSMsgType.TEXT:
                said = json.loads(message.data)
                if said["type"] == "progress":
                    progress.append((said["data"]["node"], said["data"]["value"]))
                if said["type"] in ("execution_success", "execution_error", "execution_interrupted"):
                    assert said["type"] == "execution_success" and said["data"]["prompt_id"] == prompt_id, said
                    return pictures, progress
    raise AssertionError("the server closed the connection")
