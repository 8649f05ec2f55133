"""Every text of every language, as the page shows it, is what is meant, and without a warning."""

import json

import pytest
from attention_bending.dev import locales
from browser.desk import thrown

LANGUAGES = sorted(folder.name for folder in locales.FOLDER.iterdir())

NODES = """() => Object.fromEntries(Object.entries(LiteGraph.registered_node_types)
    .filter(([, {nodeData}]) => nodeData?.python_module === 'custom_nodes.attention-bending')
    .map(([type, {nodeData}]) => {
        const node = LiteGraph.createNode(type)
        app.graph.add(node)
        const own = ({name}) => name !== 'attention_bending' && name !== 'control_after_generate'
        const shown = slots => slots.map(({name, label, localized_name}) => [name, label ?? localized_name])
        return [type, {
            title: node.title,
            description: nodeData.description,
            category: nodeData.category,
            inputs: shown(node.inputs),
            widgets: shown((node.widgets ?? []).filter(own)),
            outputs: shown(node.outputs),
        }]
    }))"""

TRANSLATED = """keys => {
    const {$t, $tm} = document.querySelector('#vue-app').__vue_app__.config.globalProperties
    return keys.map(key => [$t(key), $tm(key)])
}"""
"""What the page's own translation makes of keys, through its message compiler and past it: it shows texts by both."""

TEXTS = """async names => {
    const {text} = await import('/extensions/attention-bending/texts.js')
    return names.map(name => text(name))
}"""


def read(language, file):
    return json.loads((locales.FOLDER / language / file).read_text(encoding="utf-8"))


def leaves(tree, path=()):
    """The texts by the keys that lead to them."""
    found = {}
    for key, value in tree.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) else {".".join((*path, key)): value}
    return found


@pytest.fixture(scope="module", autouse=True)
def english_again(editor):
    yield
    editor.open({"Comfy.Locale": "en"})


@pytest.fixture(
    scope="module", params=[name if name == "zh" else pytest.param(name, marks=pytest.mark.slow) for name in LANGUAGES]
)
def language(editor, request):
    """The page opened anew in a language; it has said nothing of its translations."""
    said = []
    editor.page.on("console", hear := lambda message: said.append(message.text))
    thrown(editor)
    editor.open({"Comfy.Locale": request.param})
    editor.page.evaluate("app.graph.clear()")
    yield request.param
    editor.page.remove_listener("console", hear)
    assert [text for text in said if any(part in text.lower() for part in ("i18n", "intlify", "locale"))] == []
    assert thrown(editor) == []


def test_nodes_show_the_names_of_all_that_they_have(editor, language):
    meant, categories = read(language, "nodeDefs.json"), read(language, "main.json")["nodeCategories"]
    shown = editor.page.evaluate(NODES)
    assert {*shown} == {*meant}
    for key, node in shown.items():
        assert (node["title"], node["description"]) == (meant[key]["display_name"], meant[key]["description"])
        assert categories["attention bending"] in node["category"].split("/")
        assert {*node["category"].split("/")[3:]} <= {*categories.values()}
        for kind in ("inputs", "widgets"):
            for name, label in node[kind]:
                if "." not in name:  # a slot that grows
                    assert label == meant[key]["inputs"][name]["name"], f"{key}.{name}"
        assert [label for _, label in node["outputs"]] == [each["name"] for each in meant[key]["outputs"].values()]


@pytest.mark.parametrize("room", ["nodeDefs", "settings", "commands", "nodeCategories", "settingsCategories"])
def test_the_page_s_translation_makes_of_them_what_is_meant(editor, language, room):
    file = read(language, "main.json").get(room) or read(language, f"{room}.json")
    meant = leaves({room: file})
    for (key, text), shown in zip(meant.items(), editor.page.evaluate(TRANSLATED, list(meant)), strict=True):
        assert shown == [text, text], key


def test_a_tooltip_is_what_is_meant(editor, language):
    """By the pointer over an input."""
    page = editor.page
    page.evaluate("() => app.extensionManager.setting.set('LiteGraph.Node.TooltipDelay', 0)")
    place = page.evaluate(
        """() => {
            app.graph.clear()
            const node = LiteGraph.createNode('AttnBendModel')
            app.graph.add(node)
            app.canvas.ds.reset()
            node.pos = [700, 300]
            const [x, y] = app.canvas.ds.convertOffsetToCanvas(node.getInputPos(0))
            const canvas = app.canvas.canvas.getBoundingClientRect()
            return [canvas.left + x, canvas.top + y]
        }"""
    )
    tooltip = page.locator(".node-tooltip")
    for _ in range(10):  # a node that is not drawn is not found
        page.mouse.move(place[0] + 40, place[1] + 200)
        page.mouse.move(*place)
        page.wait_for_timeout(300)
        if tooltip.is_visible():
            break
    assert tooltip.inner_text() == read(language, "nodeDefs.json")["AttnBendModel"]["inputs"]["model"]["tooltip"]


def test_the_page_of_settings_is_in_the_language(editor, language):
    page = editor.page
    page.evaluate("() => app.extensionManager.command.execute('Comfy.ShowSettingsDialog')")
    page.get_by_text("Attention Bending", exact=True).first.click()
    for setting in read(language, "settings.json").values():
        page.get_by_text(setting["name"], exact=True).first.wait_for(timeout=20_000)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached", timeout=20_000)


def test_the_pack_s_own_texts_are_in_the_language(editor, language):
    meant = read(language, "main.json")["attentionBending"]
    assert editor.page.evaluate(TEXTS, list(meant)) == list(meant.values())


def test_a_node_s_menu_and_the_start_are_in_the_language(editor, language):
    texts = read(language, "main.json")["attentionBending"]
    offered = editor.page.evaluate(
        """() => {
            const node = LiteGraph.createNode('AttnBendBlur')
            app.graph.add(node)
            return app.extensions.flatMap(({getNodeMenuItems}) => getNodeMenuItems?.(node) ?? [])
                .map(item => item?.content)
        }"""
    )
    assert {texts["panel.hide"], texts["turnInto"]} <= {*offered}
    editor.page.evaluate("() => app.extensionManager.command.execute('AttentionBending.StartHere')")
    editor.page.locator(".ab-start li").last.wait_for(timeout=20_000)
    told = editor.page.locator(".ab-start li span").all_inner_texts()
    assert told == [text for key, text in texts.items() if key.startswith("template.")]
    editor.page.evaluate("() => app.extensionManager.command.execute('AttentionBending.StartHere')")
