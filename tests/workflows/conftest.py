"""A real ComfyUI server with the pack installed, over HTTP."""

import functools
import shutil
import subprocess

import pytest
from attention_bending.dev import paths
from attention_bending.dev.server import server as running_server
from workflows.filming import TWIN_STEPS, edited, example, nodes, shoot, steps_of, with_frames, without_bends


@pytest.fixture(scope="session")
def server():
    """One server for the room; `queue` runs a workflow in API form."""
    with running_server() as running:
        yield running


def tracked(*options):
    """Names of files that git knows."""
    listed = subprocess.check_output(["git", "ls-files", "-z", *options], cwd=paths.ROOT, text=True, encoding="utf-8")
    return set(filter(None, listed.split("\0")))


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A base folder of ComfyUI in which there is nothing but the pack, packed as the registry does it."""
    folder = tmp_path_factory.mktemp("base")
    for name in tracked() - tracked("--cached", "--ignored", "--exclude-from=.comfyignore"):
        file = folder / "custom_nodes" / "attention-bending" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.ROOT / name, file)
    (folder / "models").mkdir()
    return folder


@pytest.fixture(scope="session")
def lone_server(base):
    """A server of that folder; as it keeps nothing between runs, what it makes is made anew."""
    with running_server(f"--base-directory={base}", "--cache-none") as running:
        yield running


@pytest.fixture(scope="session")
def played(server):
    """A function from a workflow's name, and steps if not its own, to its graph and what a run of it left.

    Each runs once. A sweep tells its numbers, its log has a file of its own, and the frames of a twin are saved that
    is run in its own steps.
    """

    @functools.cache
    def play(name, steps):
        workflow = example(name, steps)
        for grid in nodes(workflow, "AttnBendGrid"):
            workflow["numbers"] = {"class_type": "PreviewAny", "inputs": {"source": [grid, 2]}}
        for log in nodes(workflow, "AttnBendLog"):
            workflow = edited(workflow, log, file=f"examples/{name}.jsonl", observations="the street is empty")
        if steps == TWIN_STEPS:
            workflow = with_frames(workflow)
        return workflow, shoot(server, workflow, video=True)

    return lambda name, steps=None: play(name, steps or steps_of(name))


@pytest.fixture(scope="session")
def unbent(server):
    """The same without its bends, and only what a run of it left."""

    @functools.cache
    def play(name, steps):
        workflow = without_bends(example(name, steps))
        return shoot(server, with_frames(workflow) if steps == TWIN_STEPS else workflow)

    return lambda name, steps=None: play(name, steps or steps_of(name))
