"""Studies on two nodes of a Ray cluster on this machine. What is killed loses nothing, and makes nothing twice.

Ray has an environment of its own, which the first test makes. Its servers are fakes: who makes what is all that counts.
"""

import json
import os
import signal
import subprocess
import sys
import time
import venv

import psutil
import pytest
from attention_bending.dev import paths
from attention_bending.study import servers
from attention_bending.study.pack import ROOT
from attention_bending.study.store import Store
from study.workflows import STUDY, written

ASKED_FOR = os.environ.get("ATTENTION_BENDING_RAY")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ASKED_FOR, reason="downloads Ray, 80 MB; asked for by ATTENTION_BENDING_RAY=1"),
    pytest.mark.skipif(os.name == "nt", reason="the fake's Python is a shell's script"),
]

CELLS = STUDY.replace("seeds: [1]", "seeds: [1, 2, 3]").replace("0; 0.5; 1", "2:7:6").replace("; subject", "")
FILMS = 21
REQUIRED = ROOT / "study" / "ray.txt"
JOINS = 180
"""Seconds that a node may take to join, on a machine with few cores."""
PYTHON = f"""#!/bin/sh
[ "$1" = -c ] && echo 0 || exec "{sys.executable}" "$@"
"""
"""A Python whose torch finds no GPU, without the seconds that torch takes to be imported."""


@pytest.fixture(scope="session")
def ray():
    """The folder of commands of an environment with Ray; made anew when what is required changes."""
    folder = paths.HOST / "ray"
    stamp = folder / "required.txt"
    if not stamp.is_file() or stamp.read_text() != REQUIRED.read_text():
        venv.create(folder, clear=True, with_pip=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "-r", REQUIRED]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Ray could not be installed: {done.stderr.strip()[-300:]}")
        stamp.write_text(REQUIRED.read_text())
    return folder / "bin"


class Cluster:
    """Two nodes on this machine, which a token joins; each says that it has a GPU."""

    def __init__(self, ray, folder):
        self.ray, self.folder = ray, folder
        clean = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 2}
        more = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        self.environment = {**clean, **token, **more, "PYTHONPATH": str(folder)}
        self.nodes = []
        self.address = f"127.0.0.1:{servers._free_port()}"

    def head(self):
        return self.join("--head", f"--port={self.address.partition(':')[2]}", "--include-dashboard=false")

    def node(self, **environment):
        return self.join(f"--address={self.address}", **environment)

    def join(self, *how, **environment):
        """A node that runs, or one that ended, as it was not let in."""
        log = self.folder / f"node{len(self.nodes)}.txt"
        room = ["--num-cpus=2", "--num-gpus=1", "--object-store-memory=100000000"]
        command = [self.ray / "ray", "start", "--block", "--node-ip-address=127.0.0.1", *how, *room]
        with log.open("wb") as told:
            process = subprocess.Popen(command, stdout=told, stderr=told, env=self.environment | environment)
        self.nodes.append(process)
        deadline = time.monotonic() + JOINS
        while process.poll() is None and "runtime started" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        return process

    def end(self):
        """These nodes alone: `ray stop` would end all of this machine."""
        running = [node for node in self.nodes if node.poll() is None]
        family = [process for node in running for process in psutil.Process(node.pid).children(recursive=True)]
        for process in [*family, *running]:
            process.kill()
        for node in self.nodes:
            node.wait()


def up(join):
    """A node that runs. Ray gives each 30 s to come up, which are few on a busy machine."""
    return next(node for node in (join() for _ in range(3)) if node.poll() is None)


@pytest.fixture(scope="module")
def cluster(ray, tmp_path_factory):
    made = Cluster(ray, tmp_path_factory.mktemp("cluster"))
    try:
        up(made.head)
        made.second = up(made.node)
        yield made
    finally:
        made.end()


class Study:
    def __init__(self, cluster, folder, seconds=0.4):
        comfy, python = folder / "comfy", folder / "python"
        comfy.mkdir()
        (comfy / "main.py").write_text((ROOT / "tests" / "study" / "fake_comfy.py").read_text())
        python.write_text(PYTHON)
        python.chmod(0o755)
        self.environment = cluster.environment
        self.log, self._asked, self.store = folder / "log.txt", folder / "asked.txt", Store(folder / "store")
        start = [f"--ray={cluster.address}", f"--comfyui={comfy}", f"--python={python}"]
        behind = ["--", f"--asked={self._asked}", f"--seconds={seconds}"]
        run = ["run", written(folder, CELLS), f"--store={self.store.folder}", *start, *behind]
        self.command = [cluster.ray / "python", ROOT / "study", *run]

    def begin(self, **environment):
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=log, env=self.environment | environment)

    def until(self, process, kept, servers=1):
        """Wait until so many are kept, and so many servers have begun one."""
        while len(self.kept()) < kept or len({told["server"] for told in self.asked()}) < servers:
            assert process.poll() is None, self.log.read_text()
            time.sleep(0.02)

    def kept(self):
        return [entry["key"] for entry in self.store.journal() if entry["what"] == "kept"]

    def asked(self):
        """The jobs that were begun, each with its server's and its actor's process."""
        lines = self._asked.read_text().splitlines() if self._asked.is_file() else []
        return [json.loads(line) for line in lines]

    def ends_whole(self, process):
        assert process.wait() == 0, self.log.read_text()
        assert len(self.store.whole()) == FILMS
        assert sorted(self.kept()) == sorted(self.store.whole())
        self.servers_end()

    def servers_end(self):
        deadline = time.monotonic() + 30
        while any(map(psutil.pid_exists, {told["server"] for told in self.asked()})):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_study_goes_on_where_an_actor_is_killed(cluster, tmp_path):
    study = Study(cluster, tmp_path)
    run = study.begin()
    study.until(run, 3)
    os.kill(study.asked()[-1]["actor"], signal.SIGKILL)
    study.ends_whole(run)
    assert "is started again" in study.log.read_text()
    assert len(study.asked()) <= FILMS + 1
    assert all(told["environment"] == {"CUDA_VISIBLE_DEVICES": "0"} for told in study.asked())


def test_a_driver_killed_takes_its_servers_along_and_goes_on(cluster, tmp_path):
    study = Study(cluster, tmp_path)
    run = study.begin()
    study.until(run, 3)
    run.kill()
    run.wait()
    study.servers_end()
    before = len(study.kept())
    study.ends_whole(study.begin())
    assert before < FILMS and len(study.asked()) <= FILMS + 2


def test_only_a_token_lets_nodes_and_drivers_in(cluster, tmp_path):
    wrong = {"RAY_AUTH_TOKEN": "f" * 32}
    assert cluster.node(**wrong).poll()
    study = Study(cluster, tmp_path)
    assert study.begin(**wrong).wait() == 2
    assert "no way into the Ray cluster" in study.log.read_text()
    assert not study.asked()


def test_a_study_goes_on_where_a_node_is_lost(cluster, tmp_path):
    """Last: the cluster has one node from here on."""
    study = Study(cluster, tmp_path, seconds=1)
    run = study.begin()
    study.until(run, 2, servers=2)
    (raylet,) = (each for each in psutil.Process(cluster.second.pid).children() if each.name() == "raylet")
    raylet.kill()
    study.ends_whole(run)
    assert "is lost" in study.log.read_text()
    assert len(study.asked()) <= FILMS + 1
