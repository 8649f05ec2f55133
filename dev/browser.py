"""ComfyUI's real page in a headless Chromium, for the workflow export and the browser tests.

Playwright is imported only when a page is opened: the commands themselves run without it.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .console import Trouble
from .server import Server

CHROMIUM_CURE = (
    "no Chromium was found. Install one (Debian and Ubuntu: apt-get install chromium), "
    "or name a Chromium, Chrome or Edge by CHROMIUM=<program>."
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (  # where installers put it without putting it on PATH
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)

FLAGS = (
    "--headless",
    "--no-sandbox",  # it does not start as root otherwise, and it only opens a page of this machine
    "--disable-gpu",
    # No traffic but to our page: none of these is needed, and on a closed network each costs time.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SETTINGS = {
    "Comfy.TutorialCompleted": True,  # else the gallery of templates covers a new user's page
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Graph.CanvasInfo": False,
}

READY = """window.app?.vueAppReady && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 100
    && window.app.extensionManager?.workflow?.activeWorkflow && !window.app.extensionManager.workflow.isBusy"""
"""The workflow with which the page begins is there as well: it would take the place of one that is opened before it."""


def find_chromium() -> str | None:
    """The browser's program: CHROMIUM, else one on PATH or at its installer's place, else None."""
    asked = os.environ.get("CHROMIUM")
    if asked:
        program = shutil.which(asked)
        if program is None:
            raise Trouble(f"CHROMIUM is {asked!r}, which is not a program. Correct it, or unset it to search PATH.")
        return program
    return next((program for name in (*NAMES, *PLACES) if (program := shutil.which(name))), None)


class Editor:
    """The page of a server. `page` is Playwright's; `errors` collects what scripts throw and log as errors."""

    def __init__(self, server: Server, page: Any):
        self.server = server
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, settings: dict[str, Any] | None = None) -> None:
        """Open the page anew. `settings` are ComfyUI's, for example ``{"Comfy.VueNodes.Enabled": True}``; they stay."""
        self.server.post("/settings", {**SETTINGS, **(settings or {})})
        self.page.goto(self.server.url)
        self.page.wait_for_function(READY, timeout=60_000)

    def load(self, workflow: dict[str, Any], name: str = "workflow") -> None:
        """Open a workflow file's content, as dropping the file on the page would."""
        self.page.evaluate("([workflow, name]) => app.loadGraphData(workflow, true, true, name)", [workflow, name])

    def export(self) -> dict[str, Any]:
        """The open workflow in API form, made by the page itself."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def missing_nodes(self) -> list[str]:
        """The types of the nodes in the open workflow that this ComfyUI does not have."""
        types = "app.graph.nodes.map(node => node.type)"
        return self.page.evaluate(f"[...new Set({types})].filter(type => !(type in LiteGraph.registered_node_types))")

    def screenshot(self, file: Path) -> None:
        """Fit the whole workflow into the view and save the page as a picture."""
        self.page.evaluate("() => app.extensionManager.command.execute('Comfy.Canvas.FitView')")
        self.page.wait_for_timeout(700)  # the view glides there
        self.page.screenshot(path=str(file))


@contextmanager
def open_editor(server: Server, size: tuple[int, int] = (1600, 1000)) -> Iterator[Editor]:
    """The server's page, ready to use, in a window of that size. One at a time in a process, as Playwright wants it."""
    from playwright.sync_api import sync_playwright

    chromium = find_chromium()
    if chromium is None:
        raise Trouble(CHROMIUM_CURE[0].upper() + CHROMIUM_CURE[1:])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            editor = Editor(server, browser.new_page(viewport={"width": size[0], "height": size[1]}))
            editor.open()
            yield editor
        finally:
            browser.close()
