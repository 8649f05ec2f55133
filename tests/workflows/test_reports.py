"""What nodes say of a run, as a real server tells it: to the client that asked, of each film, also where it fails."""

import asyncio
import json

import aiohttp
from attention_bending.dev.server import WorkflowError
from attention_bending.dev.twins import MARK
from workflows.filming import FAULT, REPORT, edited, example, nodes, smallest, the, without

PROMPT = {key: node for key, node in smallest(MARK).items() if node["class_type"] != "SaveVideo"}
PATCH, BEND, SAMPLER = (the(PROMPT, kind) for kind in ("AttnBendModel", "AttnBendAmplify", "KSampler"))
PROMPT["report"] = {"class_type": "AttnBendReport", "inputs": {"maps": [PATCH, 1], "latent": [SAMPLER, 0]}}
LINE = '1. Amplify(factor=0) of "red": 6 layers × 2 steps'
TEXT_EVENT = 3
"""ComfyUI's own binary event for a text on a node, which the page shows as Markdown."""
IDLE = "Nothing to bend and nothing to record: the model passes through as it came."


def told(server, prompt, ask_as="artist", **extra):
    """Run a prompt with two clients listening: what the artist and the stranger are told, and the history entry."""
    return asyncio.run(_told(server, prompt, ask_as, extra))


async def _told(server, prompt, ask_as, extra):
    address = f"{server.url.replace('http', 'ws', 1)}/ws?clientId="
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(address + name) for name in ("artist", "stranger")]
        asked = {} if ask_as is None else {"client_id": ask_as}
        prompt_id = await asyncio.to_thread(lambda: server.submit(prompt, **asked, **extra))
        heard = [await _reports(socket) for socket in sockets]
    assert all(detail["prompt_id"] == prompt_id for details in heard for detail in details)
    try:
        return *heard, server.wait(prompt_id)
    except WorkflowError as error:
        return *heard, error


async def _reports(socket):
    """All that a client is told until the queue, which was empty, is empty again."""
    details, was_busy = [], False
    while True:
        message = await socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            assert int.from_bytes(message.data[:4], "big") != TEXT_EVENT
            continue
        said = json.loads(message.data)
        if said["type"] in (REPORT, FAULT):
            details.append(said["data"])
        elif said["type"] == "status":
            remaining = said["data"]["status"]["exec_info"]["queue_remaining"]
            if was_busy and not remaining:
                return details
            was_busy = was_busy or bool(remaining)


def on(details, node=PATCH):
    """The texts on one node, in order; of each run the last."""
    runs = {
        detail["run"]: detail["text"] for detail in details if detail["node"] == node and detail.get("text") is not None
    }
    return list(runs.values())


def seeded(prompt, seed):
    return edited(prompt, SAMPLER, seed=seed)


def test_only_the_client_that_asked_is_told(server):
    workflow = {"extra_pnginfo": {"workflow": {"id": "w"}}}
    artist, stranger, _ = told(server, seeded(PROMPT, 1), extra_data=workflow)
    assert stranger == [] and {detail["workflow"] for detail in artist} == {"w"}
    first, start, end = [detail["text"] for detail in artist if detail["node"] == PATCH][-3:]
    assert first is None and start == 'sampling …\n1. Amplify(factor=0) of "red"' and end == LINE
    assert on(artist, the(PROMPT, "AttnBendPrompt"))[0].startswith("marked: red (1)\n")
    assert on(artist, "report") == [LINE]


def test_without_a_client_nobody_is_told_and_the_history_has_the_report(server):
    """Of the report node, and of no other."""
    *heard, entry = told(server, seeded(PROMPT, 2), ask_as=None)
    assert heard == [[], []]
    assert entry["outputs"]["report"]["text"] == [LINE]
    assert PATCH not in entry["outputs"] and LINE not in json.dumps(entry["status"])
    assert LINE in server.log_tail(200)


def test_with_nothing_to_do_it_says_so_in_each_prompt(server):
    """Also where Patch Model itself comes from the cache; and once it bends again, what it did."""
    assert on(told(server, seeded(PROMPT, 3))[0]) == [LINE]
    muted = without_bend(seeded(PROMPT, 3))
    artist, _, entry = told(server, muted)
    assert on(artist) == [IDLE] and entry["outputs"]["report"]["text"] == [IDLE]
    assert on(told(server, seeded(muted, 4))[0]) == [IDLE]
    assert on(told(server, seeded(PROMPT, 5))[0]) == [LINE]


def without_bend(prompt):
    prompt = edited(prompt, PATCH, bending=None)
    del prompt[BEND]
    return prompt


def test_of_what_comes_from_the_cache_the_prompts_begin_is_told(server):
    told(server, seeded(PROMPT, 6))
    artist, _, entry = told(server, seeded(PROMPT, 6))
    assert [detail["text"] for detail in artist] == [None] and artist[0]["node"] == PATCH
    assert entry["outputs"]["report"]["text"] == [LINE]
    # ComfyUI itself sends the text of the prompt once more
    assert entry["outputs"][the(PROMPT, "AttnBendPrompt")]["text"][0].startswith("marked: red (1)\n")


def test_a_run_that_fails_or_is_stopped_is_told(server):
    artist, _, error = told(server, edited(PROMPT, BEND, token="circel"))
    (text,) = on(artist)
    assert text.startswith('⚠ This run failed: Bend 1 of 1, Amplify of "circel" (node')
    assert 'Did you mean "circle"?' in text and text.removeprefix("⚠ This run failed: ") in str(error)


def test_with_the_report_comes_what_became_of_each_bend(server):
    artist, *_ = told(server, seeded(PROMPT, 8))
    *before, last = [detail["bends"] for detail in artist if detail["node"] == PATCH]
    assert last == [{"node": BEND, "text": "ran in 6 layers × 2 steps", "ok": True}]
    assert all(bends == [] for bends in before)
    artist, *_ = told(server, edited(PROMPT, BEND, start_percent=0.61, end_percent=0.615))
    ((bend,),) = [detail["bends"] for detail in artist if detail["node"] == PATCH and detail["bends"]]
    assert not bend["ok"] and bend["text"].startswith("did not run: no step of this sampler lies in 61.0% to 61.5%")


def test_a_fault_is_told_for_the_bend_s_own_node_with_its_cure(server):
    artist, stranger, error = told(server, edited(PROMPT, BEND, token="red, circel"))
    ((fault,), rest) = [detail for detail in artist if "message" in detail], stranger
    assert (fault["node"], fault["field"], fault["offers"]) == (BEND, "token", ["red, circle"]) and rest == []
    assert fault["message"].startswith('Bend 1 of 1, Amplify of "red, circel" (node') and fault["message"] in str(error)


def test_each_film_of_a_list_is_told(server):
    prompt = example(f"Sweep a bend{MARK}")
    sweep, patch, sampler = (the(prompt, kind) for kind in ("AttnBendSweep", "AttnBendModel", "KSampler"))
    for kind in ("SaveVideo", "SaveImage", "AttnBendGrid"):
        for key in nodes(prompt, kind):
            prompt = without(prompt, key)
    prompt["report"] = {"class_type": "AttnBendReport", "inputs": {"maps": [patch, 1], "latent": [sampler, 0]}}
    prompt = edited(prompt, sweep, values_1="15, 30", parameter_1="angle")
    prompt = edited(prompt, sampler, seed=7)  # not the sweep's
    artist, _, entry = told(server, prompt)
    first, *bent = on(artist, patch)
    assert first == IDLE
    assert [line.partition("angle=")[2].partition(",")[0] for line in bent] == ["15", "30"]
    assert entry["outputs"]["report"]["text"] == [first, *bent] == on(artist, "report")


def test_with_maps_the_report_has_their_table_too(server):
    artist, _, entry = told(server, edited(seeded(PROMPT, 8), PATCH, record="bent words"))
    (report,) = entry["outputs"]["report"]["text"]
    (shown,) = on(artist)
    assert report.startswith(f"{shown}\n\nwords, before → after the bends:\n")
