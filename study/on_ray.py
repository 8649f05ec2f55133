"""Servers on the nodes of a Ray cluster: each behind an actor, wherever Ray has room for it.

The engine is that of threads, with a thread here for each actor, so that all that makes a study safe is the same for
both. An actor that is lost, alone or with its node, is a server that gave no answer: its cell goes back, and the next
actor stands where there is room. Only the driver writes the store; films come to it as bytes.
"""

import os
import runpy
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from . import servers
from .errors import Lost, StudyError
from .pack import ROOT

ROOM = 60
"""Seconds in which Ray has to find room for a server, before that counts as lost."""
END = 15
"""Seconds that a server may take to end."""
Make = Callable[[Path], servers.Server]
"""A server on the node that it is called on, from a folder there for what it writes."""


def on_ray(
    address: str,
    urls: Sequence[str],
    count: int,
    own: Callable[..., list[servers.Server]],
    say: Callable[[str], object],
) -> list[servers.Server]:
    """Servers by URL, and `count` to start; where neither is asked for, one a GPU of the cluster, or one a node.

    Raises StudyError where there is no cluster at the address, or it does not let us in.
    """
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR")
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise StudyError(
            f"there is no way into the Ray cluster at {address}: {error}. Is it up, and are RAY_AUTH_MODE and the "
            "token here what they are there?"
        ) from None
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if not urls and not count:
        count = gpus or sum(node["Alive"] for node in ray.nodes())
    needs = {"num_gpus": 1, "num_cpus": 0} if gpus else {"num_cpus": 1}
    return [
        *(OnRay(url, partial(_given, url), {"num_cpus": 0}, True, say) for url in urls),
        *(OnRay(f"ray {number}", partial(_own, own), needs, False, say) for number in range(1, count + 1)),
    ]


class OnRay(servers.Server):
    """A server behind an actor; `needs` are the options by which Ray finds room for that."""

    def __init__(self, name: str, make: Make, needs: dict[str, Any], is_given: bool, say: Callable[[str], object]):
        super().__init__(name, say)
        self.is_given = is_given
        self._make, self._needs = make, needs
        self._actor: Any = None
        self._misses = 0

    def start(self) -> None:
        if self._actor is None:
            self._place()
        self._ask("start")
        if self.is_given:
            self._missed_since = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._ask("call", function, *arguments)

    def answered(self) -> None:
        super().answered()
        self._misses = 0

    def missed(self, why: str) -> None:
        self._misses += 1
        if self.is_given or self._misses >= servers.STARTS:
            super().missed(why)  # by time, as Ray needs some to see that a node is gone
        else:
            self._say(f"{self.name} is lost, and is started again: {why}")

    def kept(self, key: str) -> None:
        if actor := self._actor:
            actor.do.remote("kept", key)

    def close(self) -> None:
        if actor := self._actor:
            ray.wait([actor.close.remote()], timeout=END)
            self._drop(actor)

    def _place(self) -> None:
        self._actor = actor = _Place.options(**self._needs).remote(str(ROOT / "study" / "pack.py"))
        node = actor.node.remote()
        if not ray.wait([node], timeout=ROOM)[0]:
            self._drop(actor)
            raise Lost(f"Ray has no room for it: it needs {self._needs}")
        try:
            self._say(f"{self.name} is on {self._get(actor, node)}")
            self._get(actor, actor.make.remote(self._make))
        except StudyError as error:  # of that node: another may have what it takes
            self._drop(actor)
            raise Lost(str(error)) from None

    def _ask(self, method: str, *arguments: Any) -> Any:
        if (actor := self._actor) is None:
            raise Lost("its actor is gone")
        return self._get(actor, actor.do.remote(method, *arguments))

    def _get(self, actor: Any, answer: Any) -> Any:
        """What the actor tells, or raises. Raises Lost where it is gone."""
        try:
            return ray.get(answer)
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            self._drop(actor)
            raise Lost(str(error).strip().splitlines()[-1].strip().partition(". ")[0]) from None  # Ray says more

    def _drop(self, actor: Any) -> None:
        ray.kill(actor)
        if self._actor is actor:
            self._actor = None


def _given(url: str, folder: Path) -> servers.Server:
    return servers.Server(url, print)


def _own(own: Callable[..., list[servers.Server]], folder: Path) -> servers.Server:
    (server,) = own(1, folder=folder, say=print)
    return server


def _actor_class() -> Any:
    """In a function, so that Ray sends its text: a node has the pack only once an actor is made, by its path."""

    @ray.remote(max_concurrency=4, scheduling_strategy="SPREAD")  # what ends a server does not wait for its film
    class Place:
        def __init__(self, pack: str):
            runpy.run_path(pack)["alias"]()
            os.environ.pop("OMP_NUM_THREADS", None)  # Ray's, by which ComfyUI would use one core
            self._server: Any = None
            self._folder = tempfile.TemporaryDirectory(prefix="attention-bending-study-")

        def node(self) -> str:
            return ray.util.get_node_ip_address()

        def make(self, make: Callable[[Path], Any]) -> None:
            self._server = make(Path(self._folder.name))

        def do(self, method: str, *arguments: Any) -> Any:
            return getattr(self._server, method)(*arguments)

        def close(self) -> None:
            if self._server:
                self._server.close()
            self._folder.cleanup()

    return Place


_Place = _actor_class()
