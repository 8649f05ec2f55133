"""``python dev workflows --layout``: measure the example workflows' nodes in the page, and lay them out anew."""

import json
from pathlib import Path

from . import layout, paths
from .browser import Editor, open_editor
from .console import say
from .server import server

LEAST = """isVue => Object.fromEntries(app.graph.nodes.map(node => {
    const panel = node.widgets?.find(widget => widget.name === 'attention_bending')?.element.offsetHeight ?? 0
    const text = document.querySelector(`[data-node-id='${node.id}']`)?.offsetHeight
    return [node.id, (isVue ? text : node.computeSize()[1] + LiteGraph.NODE_TITLE_HEIGHT) - panel]
}))"""
"""The least height of each node's box, its title with it and without our panel."""

SMALL = """widths => {
    app.canvas.ds.scale = 1
    for (const node of app.graph.nodes) node.setSize([widths[node.id], node.computeSize()[1]])
    app.canvas.setDirty(true, true)
}"""

NOTE = """() => app.graph.nodes.filter(node => node.type === 'MarkdownNote').map(node => {
    const text = node.widgets[0].element.querySelector('.comfy-markdown-content') ?? node.widgets[0].element
    return [String(node.id), text.scrollHeight]
})"""
"""How high the text of a note is in the classic page: it would scroll."""


def arrange(names: list[str]) -> None:
    """Lay out these workflows' files and their twins', or all."""
    files = [file for file in sorted(paths.EXAMPLES.glob("*.json")) if not names or file.stem in names]
    with server() as running, open_editor(running) as editor:
        least = [_least(editor, files, is_vue) for is_vue in (False, True)]
    for file in files:
        workflow = json.loads(file.read_text(encoding="utf-8"))
        higher = {node["id"]: max(of[file][node["id"]] for of in least) for node in workflow["nodes"]}
        layout.lay_out(workflow, higher)
        file.write_text(json.dumps(workflow, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        say(f"{file.stem}: {workflow['extra']['ds']['scale']:.2f}")


def _least(editor: Editor, files: list[Path], is_vue: bool) -> dict[Path, dict[int, int]]:
    """The least heights of the nodes in each file, in one of the page's two renderings."""
    page, found = editor.page, {}
    page.evaluate("on => app.extensionManager.setting.set('Comfy.VueNodes.Enabled', on)", is_vue)
    for file in files:
        workflow = json.loads(file.read_text(encoding="utf-8"))
        editor.load(workflow, file.stem)
        page.evaluate(SMALL, {node["id"]: layout.width(node) for node in workflow["nodes"]})
        page.wait_for_timeout(500)  # until all is drawn
        heights = page.evaluate(LEAST, is_vue)
        if not is_vue:
            heights |= {key: text + 2 * layout.TITLE for key, text in page.evaluate(NOTE)}
        found[file] = {int(key): -(-height // 2) * 2 for key, height in heights.items()}
    return found
