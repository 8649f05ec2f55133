"""The help pages say what the nodes are: each input, range and default, read off the nodes' source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from attention_bending.bending import narrow, operators
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.explore import experiment_log
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.operators import swap, time
from attention_bending.bending.pictures import drawing as map_pictures
from attention_bending.bending.time import animation, ranges
from attention_bending.bending.time.windows import TimeWindow
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "web" / "docs"

TITLES = {
    "AttnBendPrompt": "Bend Prompt",
    "AttnBendTokens": "Attach Words",
    "AttnBendWhere": "Bend Where",
    "AttnBendWhen": "Bend When",
    "AttnBendAnimate": "Bend Animate",
    "AttnBendStack": "Bender Stack",
    "AttnBendModel": "Patch Model",
    "AttnBendMaps": "Attention Maps",
    "AttnBendMapsGrid": "Attention Maps Grid",
    "AttnBendSaveMaps": "Save Attention Maps",
    "AttnBendLoadMaps": "Load Attention Maps",
    "AttnBendReport": "Bending Report",
    "AttnBendLoad": "Load Bending",
    "AttnBendSave": "Save Bending",
    "AttnBendSweep": "Bend Sweep",
    "AttnBendGrid": "Bend Grid",
    "AttnBendLog": "Experiment Log",
    "AttnBendToyWan": "Load Toy Wan",
}
SECTIONS = ("Inputs", "Recipe", "Cost", "Refused")


class Input(NamedTuple):
    """An input as a node declares it; None is what its source does not tell."""

    id: str
    default: object = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


HELPERS = {
    "_number": lambda name, default, low, high, *_: [Input(name, default, low, high)],
    "number": lambda name, default, *_: [Input(name, default, 0, 10000)],
    "edge": lambda name, default, *_: [Input(name, default, 0, 1)],
    "_center": lambda axis, *_: [Input(f"center_{axis}", 0.5, 0, 1)],
    "_padding": lambda: [Input("padding", "border", choices=operators.PADDINGS)],
    "axis_inputs": lambda n, p, v, *_: [Input(f"parameter_{n}", p), Input(f"values_{n}", v)],
    "percent_inputs": lambda: [Input("start_percent", 0.0, 0, 1), Input("end_percent", 1.0, 0, 1)],
}
"""The functions of nodes/ that make inputs, by the arguments that a node gives them."""

SHARED: dict[str, list[Input]] = {}
"""The inputs that functions of nodes/ make without arguments, as read there."""

TABLES = {
    "ops": operators,
    "time_operator": time,
    "animation": animation,
    "drawing": map_pictures,
    "experiment_log": experiment_log,
}
"""The modules whose tables of choices the nodes show, by the names that these have there."""


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
                yield from HELPERS[name](*values)
            elif name in SHARED:
                yield from SHARED[name]
            elif name == "Input":
                options = {keyword.arg: literal(keyword.value) for keyword in node.keywords}
                choices = tuple(options.get("options") or ())  # none where a function finds them
                default = options.get("default", choices[0] if choices else None)
                yield Input(values[0], default, options.get("min"), options.get("max"), choices)
        yield from inputs_in(node)


def literal(node: ast.expr):
    """The value of an expression that needs no more than the tables of choices; None for any other."""
    if table := re.fullmatch(r"list\((\w+)\.(\w+)\)", ast.unparse(node)):
        return list(getattr(TABLES[table[1]], table[2]))
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def source(file: str) -> list[ast.stmt]:
    return ast.parse((ROOT / "nodes" / f"{file}.py").read_text(encoding="utf-8")).body


def classes(file: str, base: str) -> dict[str, list[Input]]:
    """The inputs of each class in a file of nodes/ that is made of `base`."""
    nodes = [node for node in source(file) if isinstance(node, ast.ClassDef)]
    return {node.name: list(inputs_in(node)) for node in nodes if ast.unparse(node.bases[0]).endswith(base)}


for function in (*source("common"), *source("seeing")):
    if isinstance(function, ast.FunctionDef) and function.name not in HELPERS:
        SHARED[function.name] = list(inputs_in(function))

TOKEN, *COMMON = classes("common", "ComfyNode")["ModeNode"]
MODES = {name: [TOKEN, *own, *COMMON] for file in ("modes", "maps") for name, own in classes(file, "ModeNode").items()}
TEMPERATURE = classes("maps", "ComfyNode")
AIMS = classes("aims", "ComfyNode")
OTHERS = {
    name: inputs
    for file in ("prompt", "stack", "model", "seeing", "map_files", "report", "files", "sweep", "log", "toy")
    for name, inputs in classes(file, "ComfyNode").items()
}
NODES = {**MODES, **TEMPERATURE, **AIMS, **OTHERS}


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
    assert len(NODES) == 31
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
    asked = SECTIONS if node in OTHERS else [*SECTIONS[:1], "Convention", *SECTIONS[1:]]
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
    elif declared.choices:
        *first, last = declared.choices
        assert says.startswith(f"{', '.join(first)} or {last}; default {declared.default}.")
    elif declared.default is not None:
        shown = f"`{declared.default}`" if declared.default else "empty"
        assert re.match(rf"text, (several lines, )?default {shown}\.", says)
    else:
        assert re.match(r"[A-Z_]+ wires?[.,]|a file ", says)


def number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def test_what_is_common_to_the_modes_is_said_alike():
    common = {tuple(bullets(node)[declared.id] for declared in (TOKEN, *COMMON)) for node in MODES}
    assert len(common) == 1


def test_the_four_without_a_token_say_what_they_share_with_the_modes_alike():
    for node in (*TEMPERATURE, *AIMS):
        for shared in {"strength", "start_percent", "end_percent"} & bullets(node).keys():
            assert bullets(node)[shared] == bullets("AttnBendBlur")[shared]


@pytest.mark.parametrize("way", [*time.WAYS, *swap.WAYS])
def test_every_way_is_explained(way):
    assert f"`{way}`" in page("AttnBendTime" if way in time.WAYS else "AttnBendSwap")


def test_the_animate_page_lists_every_parameter():
    listed = sections("AttnBendAnimate")["Parameters"]
    for operator in (*operators.OPERATORS.values(), *operators.OTHERS.values()):
        numbers = operator(MaskVideo(torch.ones(1, 1))).numbers if operator is operators.Paint else operator().numbers
        line = f"- {operator.name}: {', '.join(f'`{number}`' for number in numbers)}"
        assert (f"{line}\n" in listed) == bool(numbers)


TURN = Bending((Bend(operators.Rotate(), "kiss"),))
LOUDER_TURN = Bending((Bend(operators.Amplify(), "kiss"),)) + TURN

REFUSALS = [
    ("AttnBendRegionalMask", lambda: operators.RegionalMask(0.75, 0.25, 0.25, 0.75)),
    ("AttnBendBlur", lambda: operators.Blur(kernel_size=4)),
    ("AttnBendSpatialScale", lambda: operators.SpatialScale(0.0)),
    ("AttnBendFrequencyFilter", lambda: operators.FrequencyFilter("band", low=0.5, high=0.2)),
    ("AttnBendTime", lambda: operators.Time("blur", -1.0)),
    ("AttnBendTime", lambda: operators.Time("stretch", 0.0)),
    ("AttnBendPaint", lambda: MaskVideo(torch.full((2, 2), float("nan")))),
    ("AttnBendTemperature", lambda: operators.Temperature(0.0)),
    ("AttnBendWhere", lambda: narrow.where(TURN, heads="abc")),
    ("AttnBendWhere", lambda: narrow.where(TURN, layers="5-0")),
    ("AttnBendWhere", lambda: narrow.where(TURN, frames="50%-50%")),
    ("AttnBendWhere", lambda: narrow.where(narrow.where(TURN), passes="negative")),
    ("AttnBendWhere", lambda: ranges.resolve("0-40", ranges.FRAMES, 21)),
    ("AttnBendWhen", lambda: TimeWindow("percent", 0.5, 0.2)),
    ("AttnBendWhen", lambda: TimeWindow("percent", 0, 25)),
    ("AttnBendWhen", lambda: TimeWindow("steps", 3, 3, curve=(0.0, 1.0))),
    ("AttnBendAnimate", lambda: animation.parse_keyframes("0: 0, 50: x")),
    ("AttnBendAnimate", lambda: animation.parse_keyframes("120%: 1")),
    ("AttnBendAnimate", lambda: animation.parse_keyframes("0: 1, 0: 2")),
    ("AttnBendAnimate", lambda: animation.parse_keyframes("30: 1").values(21)),
    ("AttnBendAnimate", lambda: animation.sampled_curve([])),
    ("AttnBendAnimate", lambda: narrow.animate(LOUDER_TURN, "x", "frames", animation.parse_keyframes("0: 1"))),
    ("AttnBendPaint", lambda: plan_chain([(Bend(painted(), "ALL"), [range(512)])], 512)),
    ("AttnBendSwap", lambda: plan_chain([(Bend(operators.Swap("rose"), "ALL"), [range(512), [3]])], 512)),
    ("AttnBendSwap", lambda: plan_chain([(Bend(operators.Swap("rose"), "red rose"), [[2, 3], [3]])], 512)),
]


def painted() -> operators.Paint:
    return operators.Paint(MaskVideo(torch.ones(1, 1)))


@pytest.mark.parametrize("node, refuse", REFUSALS)
def test_messages_are_quoted_as_they_are(node, refuse):
    with pytest.raises(BendError) as refusal:
        refuse()
    assert f"`{refusal.value}`" in " ".join(sections(node)["Refused"].split())


def templates() -> Iterator[str]:
    """The messages of all BendErrors and required truths in the code, as patterns."""
    for file in (file for room in ("bending", "host", "nodes") for file in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else None for part in node.values)
                yield "".join(".+" if part is None else re.escape(part) for part in parts)


MESSAGES = re.compile("|".join(f"(?:{pattern})" for pattern in templates() if len(re.sub(r"\W", "", pattern)) > 20))


@pytest.mark.parametrize("node", NODES)
def test_every_quoted_message_is_one_of_the_codes(node):
    refused = " ".join(sections(node)["Refused"].split())
    for quote in re.findall(r"`([^`]+ [^`]+\.)`", refused):
        assert MESSAGES.search(quote), quote


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
    assert {*MODES, *TEMPERATURE, *AIMS} <= {node for node in NODES if pictures(node)}
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
