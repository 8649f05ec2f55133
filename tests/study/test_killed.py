"""Whatever is killed, at whatever moment: begun again, a study is whole, and nothing in it is twice."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from attention_bending.dev import host, paths
from attention_bending.dev.server import server as running_server
from attention_bending.study.pack import ROOT
from attention_bending.study.store import Store
from study.workflows import STUDY, toy, written

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")]

WORKFLOWS = {"one sampler": "Bend one word", "two samplers": "Wan 2.2 two samplers"}
CELLS = STUDY.replace("seeds: [1]", "seeds: [1, 2]").replace("0; 0.5; 1", "0; 0.25; 0.5; 0.75").replace("; subject", "")
FILMS = 10
SLOW_START = 600
"""Seconds that a server may take, several of them on a machine with few cores."""


class Study:
    """A study in a folder, and runs of it in processes of their own."""

    def __init__(self, folder, workflow="Bend one word", *servers):
        self.file = written(folder, CELLS, toy(workflow))
        self.store = Store(folder / "store")
        self.log = folder / "log.txt"
        comfy = host.locate()
        start = ["--start=2", f"--comfyui={comfy.comfy}", f"--python={comfy.python}"]
        behind = ["--", f"--base-directory={paths.BASE}", "--cpu", "--disable-api-nodes"]
        asked = [f"--server={url}" for url in servers] or [*start, *behind]
        self.command = ["run", str(self.file), f"--store={self.store.folder}", *asked]

    def begin(self, first=""):
        """Start a run; `first` is code that goes before it."""
        code = (
            f"import os, runpy, signal, sys\nfrom pathlib import Path\nsys.argv = {['study', *self.command]!r}\n"
            f"runpy.run_path({str(ROOT / 'study' / 'pack.py')!r})['alias']()\n"
            f"{first}\nfrom attention_bending.study.cli import main\nsys.exit(main(sys.argv[1:]))"
        )
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-c", code], stderr=log, stdout=log)

    def until(self, process, kept):
        """Wait until so many are kept since the store was made."""
        while len(self.kept()) < kept:
            assert process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def kept(self):
        return [entry["key"] for entry in self.store.journal() if entry["what"] == "kept"]

    def ends_whole(self, process=None):
        process = process or self.begin()
        assert process.wait() == 0, self.log.read_text()
        assert len(self.store.whole()) == FILMS
        assert sorted(self.kept()) == sorted(self.store.whole())
        for key in self.store.whole():
            result = self.store.result(key)
            assert result["unbent"]["digest"] == self.store.result(result["unbent"]["key"])["digest"]


def children(process):
    return psutil.Process(process.pid).children()


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_driver_killed_in_a_cell_takes_its_servers_along_and_goes_on(tmp_path, workflow):
    study = Study(tmp_path, workflow)
    run = study.begin()
    study.until(run, 3)
    servers = children(run)
    assert len(servers) == 2
    run.kill()
    run.wait()
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive
    study.ends_whole()


def test_a_server_killed_in_a_cell_is_started_again_and_its_cell_made(tmp_path):
    study = Study(tmp_path)
    run = study.begin()
    study.until(run, 2)
    children(run)[0].kill()
    study.ends_whole(run)
    assert "is started again" in study.log.read_text()


def test_a_driver_killed_before_a_rename_takes_the_film_from_the_server(tmp_path):
    """Of servers that run on: what was made is not made again."""
    once = "before = Path.rename\ncount = []\ndef rename(self, to):\n    count.append(self)\n    if len(count) == 4:\n"
    once += "        os.kill(os.getpid(), signal.SIGKILL)\n    return before(self, to)\nPath.rename = rename"
    with running_server(start_seconds=SLOW_START) as one, running_server(start_seconds=SLOW_START) as two:
        study = Study(tmp_path, "Bend one word", one.url, two.url)
        assert study.begin(once).wait() == -signal.SIGKILL
        assert len([name for name in os.listdir(study.store.cells) if name.endswith(".part")]) == 1
        assert len(study.kept()) == 3
        study.ends_whole()
        assert sum(study.store.result(key)["adopted"] for key in study.store.whole()) >= 1
        ran = sum(len(server.get("/history")) for server in (one, two))
        assert ran == FILMS  # each once


def test_a_driver_killed_before_it_posts_loses_nothing(tmp_path):
    stop = "from attention_bending.study.client import Comfy\npost = Comfy.post\ncount = []\n"
    stop += "def killed(self, path, body):\n    count.append(path == '/prompt')\n    if sum(count) == 3:\n"
    stop += "        os.kill(os.getpid(), signal.SIGKILL)\n    return post(self, path, body)\nComfy.post = killed"
    with running_server(start_seconds=SLOW_START) as one:
        study = Study(tmp_path, "Bend one word", one.url)
        assert study.begin(stop).wait() == -signal.SIGKILL
        study.ends_whole()
        assert len(one.get("/history")) == FILMS


def test_a_server_of_the_users_that_ends_gives_its_cell_to_the_other(tmp_path):
    with running_server(start_seconds=SLOW_START) as one, running_server(start_seconds=SLOW_START) as two:
        study = Study(tmp_path, "Bend one word", one.url, two.url)
        run = study.begin()
        study.until(run, 3)
        psutil.Process(two.pid).kill()
        study.ends_whole(run)
    assert f"{two.url} is gone" in study.log.read_text()


def test_an_interrupt_and_a_film_that_is_gone_are_tried_again(tmp_path):
    with running_server(start_seconds=SLOW_START) as one:
        study = Study(tmp_path, "Bend one word", one.url)
        run = study.begin()
        study.until(run, 2)
        while not one.get("/queue")["queue_running"]:
            time.sleep(0.01)
        one.post("/interrupt", {})
        study.ends_whole(run)
    failed = [entry for entry in study.store.journal() if entry["what"] == "failed"]
    assert [entry["why"] for entry in failed] in ([], ["interrupted"])  # it may have ended just before
    assert json.loads((study.store.lock_file).read_text())["comfyui"]
