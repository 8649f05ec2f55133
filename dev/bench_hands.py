"""``python dev page-bench``: how soon the page answers a hand, and what its panels cost while one moves about."""

import argparse
import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from . import markdown, paths
from .browser import CHROMIUM_CURE, Editor, find_chromium, open_editor
from .console import Trouble, aligned, say
from .server import Server, server

PAGE = paths.ROOT / "docs" / "page.md"
BEGIN, END = "<!-- page-bench -->", "<!-- /page-bench -->"
WEB = paths.ROOT / "web"
TOY = paths.EXAMPLES / "Bend one word (toy).json"
PROMPT, BEND, SAMPLER = "6", "8", "11"
"""Nodes of it."""

COUNT = 50
"""Changes of which the median is taken."""

NODES = 30
SECONDS = 5
TURNS = 3
SUBJECTS = {
    "core's": ("CLIPTextEncode", False),
    "without pictures": ("AttnBendBlur", False),
    "ours": ("AttnBendBlur", True),
}
"""What is panned over: nodes, and whether they have pictures."""

RENDERINGS = {"classic": False, "Nodes 2.0": True}
LIMITS = {"preview, idle": 100, "preview, while sampling": 250, "token pieces": 50}
"""Milliseconds."""
MOST_RATIO = 1.2
MOST_KB = 150

HEAD = ("what", "limit", "measured", "")
Row = tuple[str, str, str, str]

SECTION = "widgets.find(({name}) => name === 'attention_bending')?.element.querySelector('[data-section=%s]')"

CHANGES = f"""async ([id, count]) => {{
    const {{ setValues }} = await import(`${{location.origin}}/extensions/attention-bending/values.js`)
    const node = app.graph.getNodeById(id)
    const image = node.{SECTION % "picture"}.querySelector('img')
    const taken = []
    for (let i = 0; i < count; i++) {{
        const shown = new Promise((resolve) => image.addEventListener('load', resolve, {{ once: true }}))
        const begun = performance.now()
        setValues(node, {{ factor: 1.5 + i / 100 }})
        await shown
        await image.decode()
        taken.push(performance.now() - begun)
        await new Promise((resolve) => setTimeout(resolve, 100))
    }}
    return taken
}}"""

KEYSTROKES = f"""async ([id, count]) => {{
    const {{ setValues }} = await import(`${{location.origin}}/extensions/attention-bending/values.js`)
    const node = app.graph.getNodeById(id)
    const section = node.{SECTION % "words"}
    if (!section?.childElementCount) return []
    const taken = []
    for (let i = 0; i < count; i++) {{
        const change = new Promise((resolve, reject) => {{
            setTimeout(reject, 5000, new Error('the pieces do not follow the text'))
            new MutationObserver((_, observer) => {{
                observer.disconnect()
                resolve()
            }}).observe(section, {{ childList: true, subtree: true, characterData: true, attributes: true }})
        }})
        const begun = performance.now()
        setValues(node, {{ text: `a (red) circle${{' and a ball'.repeat(i % 5)}} ${{'x'.repeat(i + 1)}}` }})
        await change
        taken.push(performance.now() - begun)
        await new Promise((resolve) => setTimeout(resolve, 100))
    }}
    return taken
}}"""

FILL = """([name, count]) => {
    app.graph.clear()
    for (let i = 0; i < count; i++) {
        const node = LiteGraph.createNode(name)
        app.graph.add(node)
        node.pos = [(i % 8) * 325, Math.floor(i / 8) * 400]
    }
    Object.assign(app.canvas.ds, { scale: 0.6, offset: [100, 60] })
    app.canvas.setDirty(true, true)
}"""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev page-bench", description="What the page costs.", allow_abbrev=False)
    parser.add_argument("--write-docs", action="store_true", help=f"write the table into {PAGE.name}")
    asked = parser.parse_args(arguments)
    if find_chromium() is None:
        raise Trouble(f"The page cannot be measured: {CHROMIUM_CURE}")
    return asked


def run(arguments: list[str]) -> None:
    asked = parse(arguments)
    rows: list[Row] = []
    with server() as running, open_editor(running) as editor:
        for row in measured(editor, running):
            rows.append(row)
            say("  ".join(row))
    rows.append(size())
    print(aligned([HEAD, *rows]))
    if asked.write_docs:
        table = markdown.table(HEAD, rows, left=len(HEAD))
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.renewed(page, BEGIN, END, f"{table}\n"), encoding="utf-8")
        say(f"Wrote {PAGE.relative_to(paths.ROOT)}")


def measured(editor: Editor, running: Server) -> Iterator[Row]:
    for name, is_vue in RENDERINGS.items():
        editor.open({"Comfy.VueNodes.Enabled": is_vue})
        go_to_the_toy(editor)
        yield soon("preview, idle", name, editor.page.evaluate(CHANGES, [BEND, COUNT]))
        yield soon("token pieces", name, editor.page.evaluate(KEYSTROKES, [PROMPT, COUNT]))
        with sampling(editor, running):
            taken = editor.page.evaluate(CHANGES, [BEND, COUNT])
        yield soon("preview, while sampling", name, taken)
        yield panned(editor, name)


def go_to_the_toy(editor: Editor) -> None:
    """The toy's workflow, with its bend's picture and its prompt's pieces on the screen."""
    editor.load(json.loads(TOY.read_text(encoding="utf-8")), TOY.stem)
    editor.page.evaluate(
        """async ids => {
            const { setOpen } = await import(`${location.origin}/extensions/attention-bending/panel.js`)
            ids.map(id => app.graph.getNodeById(id)).forEach((node, i) => {
                setOpen(node, true)
                node.pos = [100 + i * 500, 100]
            })
            Object.assign(app.canvas.ds, { scale: 1, offset: [50, 50] })
            app.canvas.setDirty(true, true)
        }""",
        [PROMPT, BEND],
    )
    picture = f"id => app.graph.getNodeById(id).{SECTION % 'picture'}?.querySelector('img').naturalWidth > 0"
    editor.page.wait_for_function(picture, arg=BEND, timeout=20_000)


@contextmanager
def sampling(editor: Editor, running: Server) -> Iterator[None]:
    """While the toy samples; Trouble where it had ended before."""
    editor.page.evaluate(
        """id => {
            window.steps = 0
            app.api.addEventListener('progress_state', () => window.steps++)
            for (const widget of app.graph.getNodeById(id).widgets) if (widget.name === 'steps') widget.value = 900
        }""",
        SAMPLER,
    )
    editor.page.get_by_test_id("queue-button").click()
    editor.page.wait_for_function("() => steps > 2", timeout=60_000)
    before = editor.page.evaluate("steps")
    yield
    if editor.page.evaluate("steps") == before:
        raise Trouble("nothing was sampled meanwhile. Is the toy's run stopped, or at its end?")
    running.post("/interrupt", {})
    editor.page.wait_for_timeout(1000)


def soon(what: str, rendering: str, taken: list[float]) -> Row:
    limit = LIMITS[what]
    if not taken:
        return f"{what}, {rendering}", f"≤ {limit} ms", "—", "not there"
    median, worst = statistics.median(taken), max(taken)
    verdict = "met" if median <= limit else "not met"
    return f"{what}, {rendering}", f"≤ {limit} ms", f"{median:.0f} ms (at most {worst:.0f})", verdict


def panned(editor: Editor, rendering: str) -> Row:
    """Main-thread time per frame, of bends over that of core's text nodes, in turns, of which the best counts."""
    taken: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    for name in [*SUBJECTS] * TURNS:
        node, previews = SUBJECTS[name]
        editor.page.evaluate("on => app.extensionManager.setting.set('AttentionBending.Previews', on)", previews)
        editor.page.evaluate(FILL, [node, NODES])
        if previews:
            count = "document.querySelectorAll('figure img[src^=blob]').length"
            editor.page.wait_for_function(f"count => {count} >= count", arg=NODES * 2 // 3, timeout=60_000)
        editor.page.wait_for_timeout(3000)
        taken[name].append(pan(editor))
    core, bare, ours = (min(each) for each in taken.values())
    verdict = "met" if ours <= MOST_RATIO * core else "not met"
    says = f"{ours / core:.2f} × ({ours:.1f} ms a frame against {core:.1f}; without pictures {bare:.1f})"
    return f"panning over {NODES} bends, {rendering}", f"≤ {MOST_RATIO} ×", says, verdict


def pan(editor: Editor) -> float:
    """Milliseconds that the main thread works for a frame, while the canvas is dragged; by the browser's trace."""
    page, browser = editor.page, editor.page.context.browser
    page.evaluate(
        """() => {
            window.frames_seen = 0
            const count = () => { window.frames_seen++; window.counting && requestAnimationFrame(count) }
            window.counting = true
            requestAnimationFrame(count)
        }"""
    )
    page.mouse.move(800, 900)
    page.mouse.down(button="middle")
    browser.start_tracing(page=page, categories=["toplevel", "__metadata"])
    begun = page.evaluate("[performance.now(), frames_seen]")
    step = 0
    while page.evaluate("performance.now()") - begun[0] < SECONDS * 1000:
        step += 1
        page.mouse.move(800 + 120 * (step % 20 - 10) / 10, 900 - 80 * (step % 14 - 7) / 7)
    frames = page.evaluate("() => { window.counting = false; return frames_seen }") - begun[1]
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.mouse.up(button="middle")
    mains = {(e["pid"], e["tid"]) for e in events if e.get("args", {}).get("name") == "CrRendererMain"}
    busy = dict.fromkeys(mains, 0.0)
    for event in events:
        thread = event["pid"], event["tid"]
        if thread in busy and event.get("ph") == "X" and event["name"].endswith("RunTask"):
            busy[thread] += event.get("tdur", event["dur"]) / 1000
    return max(busy.values()) / frames


def size() -> Row:
    kilobytes = sum(file.stat().st_size for ending in ("js", "mjs") for file in WEB.rglob(f"*.{ending}")) / 1000
    verdict = "met" if kilobytes <= MOST_KB else "not met"
    return "modules under web/, as they are written", f"≤ {MOST_KB} kB", f"{kilobytes:.0f} kB", verdict
