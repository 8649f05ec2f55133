"""The help pages say what the nodes are: each input, range and default, read off the nodes' source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from attention_bending.bending import Bend, BendError, operators
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "web" / "docs"

TITLES = {"AttnBendPrompt": "Bend Prompt", "AttnBendStack": "Bender Stack", "AttnBendModel": "Patch Model"}
SECTIONS = ("Inputs", "Recipe", "Cost", "Refused")


class Input(NamedTuple):
    """An input as a node declares it; None is what its source does not tell."""

    id: str
    default: object = None
    low: float | None = None
    high: float | None = None


HELPERS = {
    "_number": lambda name, default, low, high, *_: Input(name, default, low, high),
    "_percent": lambda name, default, *_: Input(name, default, 0, 1),
    "edge": lambda name, default, *_: Input(name, default, 0, 1),
    "_center": lambda axis, *_: Input(f"center_{axis}", 0.5, 0, 1),
    "_padding": lambda: Input("padding", "border"),
}
"""The functions of nodes/ that make inputs, by the arguments that a node gives them."""


def inputs_in(tree: ast.AST) -> Iterator[Input]:
    """The inputs that a piece of source declares, in its order."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name in HELPERS:
            continue
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "TemplatePrefix":  # what an Autogrow is made of: no input by itself
                continue
            values = [literal(argument) for argument in node.args]
            if name in HELPERS:
                yield HELPERS[name](*values)
            elif name == "Input":
                options = {keyword.arg: literal(keyword.value) for keyword in node.keywords}
                choices = options.get("options") or [None]
                yield Input(values[0], options.get("default", choices[0]), options.get("min"), options.get("max"))
        yield from inputs_in(node)


def literal(node: ast.expr):
    """The value of an expression that needs no more than the operators' tables; None for any other."""
    if isinstance(node, ast.Call) and ast.unparse(node).startswith("list(ops."):
        return list(getattr(operators, node.args[0].attr))
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def classes(file: str) -> dict[str, list[Input]]:
    """The inputs of each class in a file of nodes/."""
    source = ast.parse((ROOT / "nodes" / f"{file}.py").read_text(encoding="utf-8"))
    return {node.name: list(inputs_in(node)) for node in source.body if isinstance(node, ast.ClassDef)}


TOKEN, *COMMON = classes("common")["ModeNode"]
MODES = {name: [TOKEN, *own, *COMMON] for name, own in classes("modes").items()}
NODES = {**MODES, **classes("prompt"), **classes("stack"), **classes("model")}


def page(node: str) -> str:
    return (DOCS / f"{node}.md").read_text(encoding="utf-8")


def sections(node: str) -> dict[str, str]:
    """The page's sections by heading."""
    _, *parts = re.split(r"^## (.+)\n", page(node), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def bullets(node: str) -> dict[str, str]:
    """What the page says of each input, by its id, in the page's order."""
    found = re.findall(r"^- \*\*(\w+)\*\*: (.+?)(?=\n- |\n\n)", sections(node)["Inputs"], re.MULTILINE | re.DOTALL)
    return {name: " ".join(says.split()) for name, says in found}


def test_every_node_has_a_page_and_every_page_a_node():
    assert len(NODES) == 12
    assert {file.stem for file in DOCS.glob("*.md")} == set(NODES)


@pytest.mark.parametrize("node", NODES)
def test_a_page_opens_with_the_nodes_name_and_what_to_expect(node):
    title = TITLES.get(node) or f"Bend: {getattr(operators, node.removeprefix('AttnBend')).name}"
    heading, expect, *_ = page(node).split("\n\n")
    assert heading == f"# {title}"
    assert len(expect.split()) > 25


@pytest.mark.parametrize("node", NODES)
def test_a_page_has_its_sections_in_order(node):
    headings = list(sections(node))
    asked = [*SECTIONS[:1], "Convention", *SECTIONS[1:]] if node in MODES else SECTIONS
    assert [heading for heading in headings if heading in asked] == list(asked)
    assert all(text.strip() for text in sections(node).values())


@pytest.mark.parametrize("node", NODES)
def test_a_page_gives_the_inputs_as_the_node_does(node):
    assert list(bullets(node)) == [declared.id for declared in NODES[node]]


RANGES = [(node, declared) for node, inputs in NODES.items() for declared in inputs]


@pytest.mark.parametrize("node, declared", RANGES, ids=[f"{node}-{declared.id}" for node, declared in RANGES])
def test_a_page_gives_the_range_and_default(node, declared):
    says = bullets(node)[declared.id]
    if declared.low is not None:
        assert says.startswith(
            f"{number(declared.low)} to {number(declared.high)}, default {number(declared.default)}."
        )
    elif isinstance(declared.default, bool):
        assert says.startswith(f"on or off, default {'on' if declared.default else 'off'}.")
    elif declared.id in ("kind", "axis", "padding"):
        assert re.match(rf"{declared.default}, .+; default {declared.default}\.", says)
    elif declared.default is not None:
        shown = f"`{declared.default}`" if declared.default else "empty"
        assert re.match(rf"text, (several lines, )?default {shown}\.", says)
    else:
        assert re.match(r"[A-Z]+ wires?[.,]", says)


def number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


@pytest.mark.parametrize("padding", operators.PADDINGS)
@pytest.mark.parametrize("node", ["AttnBendTranslate", "AttnBendRotate", "AttnBendSpatialScale"])
def test_every_padding_is_named(node, padding):
    assert padding in bullets(node)["padding"].split(".")[0]


def test_what_is_common_to_the_modes_is_said_alike():
    common = {tuple(bullets(node)[declared.id] for declared in (TOKEN, *COMMON)) for node in MODES}
    assert len(common) == 1


REFUSALS = {
    "AttnBendRegionalMask": lambda: operators.RegionalMask(0.75, 0.25, 0.25, 0.75),
    "AttnBendBlur": lambda: operators.Blur(kernel_size=4),
    "AttnBendSpatialScale": lambda: operators.SpatialScale(0.0),
    "AttnBendFrequencyFilter": lambda: operators.FrequencyFilter("band", low=0.5, high=0.2),
}


@pytest.mark.parametrize("node", REFUSALS)
def test_messages_are_quoted_as_they_are(node):
    with pytest.raises(BendError) as refusal:
        REFUSALS[node]()
    assert f"`{refusal.value}`" in " ".join(sections(node)["Refused"].split())


def test_the_report_is_shown_as_it_is():
    bends = [
        Bend(operators.Amplify(2.5), "kiss", strength=0.8),
        Bend(operators.Blur(3.0), "sky", layers="middle"),
    ]
    assert all(f"{i}. {bend}: " in page("AttnBendModel") for i, bend in enumerate(bends, 1))


def pictures(node: str) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page(node))


def test_pictures_are_there_small_and_none_is_idle():
    """ComfyUI takes a path as from web/docs; one that begins with / would be the server's own."""
    shown = [name for node in NODES for name in pictures(node)]
    assert set(MODES) <= {node for node in NODES if pictures(node)}
    assert sorted(shown) == sorted(f"images/{file.name}" for file in (DOCS / "images").iterdir())
    for name in shown:
        assert (DOCS / name).stat().st_size < 30_000
        with Image.open(DOCS / name) as picture:
            assert picture.width <= 480


@pytest.mark.parametrize("node", NODES)
def test_wrapped_lines_start_no_list_by_accident(node):
    prose = re.sub(r"```.*?```", "", page(node), flags=re.DOTALL)
    assert not re.search(r"^ *(?:[+*]|\d+[.)]) |^ +- ", prose, re.MULTILINE)


def test_the_python_page_runs():
    text = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    names = {}
    exec(compile(code, "docs/python_api.md", "exec"), names)
    assert names["bent"].output.shape == names["q"].shape
