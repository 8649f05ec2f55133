"""ComfyUI in this process, without its web server: run workflows in API form and take values out of them."""

import asyncio
import importlib
from typing import Any

from . import comfy_host, paths
from .pack import adopt


class Headless:
    """ComfyUI's own executor with all nodes loaded. `texts` holds what nodes showed on themselves, by node id."""

    def __init__(self, *arguments: str):
        """`arguments` are ComfyUI's own. Once a process: ComfyUI reads them when it is first imported.

        Before any room of the pack is imported by its own name: from here on it is what ComfyUI has loaded.
        """
        comfy_host.start(f"--base-directory={paths.BASE}", *arguments)
        # as main.py does: older ComfyUIs put their comfy/ first on the path afterwards, and its `utils` is another
        importlib.import_module("utils.extra_config")
        import comfy.utils
        import execution
        import server

        import nodes

        comfy.utils.PROGRESS_BAR_ENABLED = False  # our own lines tell the progress
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.texts: dict[str, str] = {}
        self.nodes = nodes
        host = server.PromptServer(self.loop)
        host.send_sync = self._hear
        self.loop.run_until_complete(nodes.init_extra_nodes(init_custom_nodes=True, init_api_nodes=False))
        adopt(nodes.NODE_CLASS_MAPPINGS["AttnBendModel"].__module__.removesuffix(".nodes.model"))
        self._execution = execution
        self._executor = execution.PromptExecutor(
            host, cache_type=execution.CacheType.CLASSIC, cache_args={"lru": 0, "ram": 0, "ram_inactive": 0}
        )

    def _hear(self, event: str, detail: Any, client: str | None = None) -> None:
        if event == "attention_bending.report" and detail["text"] is not None:
            self.texts[detail["node"]] = detail["text"]

    def run(self, prompt: dict[str, Any]) -> None:
        """Run a workflow to its end. Raises RuntimeError with what ComfyUI says is wrong."""
        self.texts.clear()
        valid, error, outputs, node_errors = self.loop.run_until_complete(
            self._execution.validate_prompt("headless", prompt, None)
        )
        if not valid:
            raise RuntimeError(f"ComfyUI refused the workflow: {error}\n{node_errors}")
        client = {"client_id": "headless"}  # without one, nothing is told
        self.loop.run_until_complete(self._executor.execute_async(prompt, "headless", client, outputs))
        if not self._executor.success:
            details = next(data for kind, data in self._executor.status_messages if kind == "execution_error")
            raise RuntimeError(f"{details['node_type']} failed: {details['exception_message']}")


class Watched(Headless):
    """It with no pack but this one, on the processor, to look into: outputs of a run are taken by a name."""

    def __init__(self):
        super().__init__("--cpu", "--disable-all-custom-nodes", "--whitelist-custom-nodes", "attention-bending")
        self._taken: dict[str, Any] = {}
        self.nodes.NODE_CLASS_MAPPINGS["TakeOutput"] = taker(self._taken)

    def take(self, prompt: dict[str, Any], outputs: dict[str, tuple[str, int]]) -> dict[str, Any]:
        """Run a workflow, and return what these outputs of it hold: each the id of its node and its place there."""
        takers = {
            f"take {name}": {"class_type": "TakeOutput", "inputs": {"value": list(output), "name": name}}
            for name, output in outputs.items()
        }
        self._taken.clear()
        self.run(prompt | takers)
        return dict(self._taken)


def taker(taken: dict[str, Any]) -> type:
    """A node class that puts what it is given into `taken`, by a name."""

    class TakeOutput:
        CATEGORY = "development/attention bending"
        FUNCTION = "take"
        RETURN_TYPES = ()
        OUTPUT_NODE = True

        @classmethod
        def INPUT_TYPES(cls):  # noqa: N802, ComfyUI's spelling
            return {"required": {"value": ("*",), "name": ("STRING",)}}

        def take(self, value, name):
            taken[name] = value
            return {}

        @classmethod
        def IS_CHANGED(cls, **values):  # noqa: N802
            return float("nan")  # takes anew in every run

    return TakeOutput
