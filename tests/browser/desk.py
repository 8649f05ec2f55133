"""The page, as one works at it."""

import itertools
import json

from attention_bending.dev import paths
from attention_bending.dev.server import WorkflowError
from browser.panels import AT, SAID
from workflows.filming import EDITOR_FILES

ASIDE = 800, 990
"""A place of the page over which nothing happens."""

PICTURES = paths.ROOT / "demo" / "page"
"""What is seen when each thing is at hand, to be looked at."""

SEEDS = itertools.count(1000)
"""Of films that no test has made before, so that none comes out of the server's cache."""

FRAMES = """async () => {
    for (let i = 0; i < 4; i++) await new Promise(requestAnimationFrame)
    await new Promise(setTimeout)
}"""
"""The canvas is drawn in one, elements follow it in the next, and who watches them hears of it in the one behind."""


def photograph(page, name):
    """Keep what is seen, under this name and that of the rendering, or of the program in its place."""
    rendering = page.evaluate("() => LiteGraph.vueNodesMode ? 'Nodes 2.0' : 'classic'")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(PICTURES / f"{name} ({rendering}).png"))


def thrown(editor):
    """Errors of scripts since the last look; a file that is not there, as real models are not here, is none."""
    errors, editor.errors[:] = list(editor.errors), []
    harmless = ("Failed to load resource", "Content Security Policy", "before initialization")
    return [error for error in errors if not any(part in error for part in harmless)]


class Desk:
    """The page, as one works at it with a toy workflow."""

    def __init__(self, editor, server):
        self.editor = editor
        self.page = editor.page
        self.server = server

    def open(self, name="Bend one word (toy)", steps=1):
        """A template, in a tab of its own; of one picture that was not made before."""
        self.editor.load(json.loads((EDITOR_FILES / f"{name}.json").read_text(encoding="utf-8")), name)
        seed = next(SEEDS)
        for key in self.page.evaluate("app.graph.nodes.map(node => String(node.id))"):
            self.set(key, steps=steps, length=1, seed=seed)

    def drawn(self):
        """Wait until the page has drawn what was changed."""
        self.page.evaluate(FRAMES)

    def photograph(self, name):
        self.drawn()
        photograph(self.page, name)

    def set(self, node, mode=None, **values):
        self.page.evaluate(
            f"""([id, mode, values]) => {{
                const node = ({AT})(id)
                if (mode !== null) node.mode = mode
                for (const widget of node.widgets ?? []) if (widget.name in values) widget.value = values[widget.name]
            }}""",
            [node, mode, values],
        )

    def queue(self):
        """Press Run; the prompt's id."""
        self.page.mouse.move(*ASIDE)  # over the button a newer page shows what came out of it, and covers it
        with self.page.expect_response("**/prompt") as answer:
            self.page.get_by_test_id("queue-button").click()
        self.page.mouse.move(*ASIDE)
        return answer.value.json()["prompt_id"]

    def run(self):
        """Press Run and wait for the end, and until the page has heard of it; the history entry, or what failed."""
        self.page.evaluate(
            """() => {
                window.ended = new Set()
                for (const end of ['success', 'error', 'interrupted'])
                    app.api.addEventListener(`execution_${end}`, ({detail}) => ended.add(detail.prompt_id))
            }"""
        )
        prompt = self.queue()
        try:
            return self.server.wait(prompt)
        except WorkflowError as error:
            return error
        finally:
            self.page.wait_for_function("prompt => ended.has(prompt)", arg=prompt, timeout=10_000)

    def said(self, node):
        """What is read on a node, None where it has no panel."""
        return self.page.evaluate(SAID, node)

    def hears(self, node, part):
        """Wait until a node says this."""
        self.page.wait_for_function(f"([id, part]) => ({SAID})(id)?.includes(part)", arg=[node, part], timeout=20_000)
