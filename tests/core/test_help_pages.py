"""The help pages: messages as they are in the code, parameters, pictures. What nodes declare is in the host's room."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from attention_bending.bending import narrow, operators
from attention_bending.bending.attention.chain import plan_chain
from attention_bending.bending.bend import Bend, Bending
from attention_bending.bending.errors import BendError
from attention_bending.bending.frames.mask_video import MaskVideo
from attention_bending.bending.operators import swap, time
from attention_bending.bending.text.tokens import resolve
from attention_bending.bending.time import animation, ranges
from attention_bending.bending.time.windows import TimeWindow
from core.maps import scenes_map
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "web" / "docs"

PAGES = sorted(file.stem for file in DOCS.glob("*.md"))


def page(node: str) -> str:
    return (DOCS / f"{node}.md").read_text(encoding="utf-8")


def sections(node: str) -> dict[str, str]:
    """The page's sections by heading."""
    _, *parts = re.split(r"^## (.+)\n", page(node), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


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

CIRCLES = scenes_map("a red circle | a blue circle")[0]

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
    ("AttnBendTimeline", lambda: resolve("@3", CIRCLES)),
    ("AttnBendTimeline", lambda: resolve("red@2", CIRCLES)),
    ("AttnBendPaint", lambda: plan_chain([(Bend(painted(), "ALL"), [range(512)])], 512)),
    ("AttnBendSwap", lambda: plan_chain([(Bend(operators.Swap("rose"), "ALL"), [range(512), [3]])], 512)),
    ("AttnBendSwap", lambda: plan_chain([(Bend(operators.Swap("rose"), "red rose"), [[2, 3], [3]])], 512)),
]


def painted() -> operators.Paint:
    return operators.Paint(MaskVideo(torch.ones(1, 1)))


def message(refuse: Callable[[], object]) -> str:
    with pytest.raises(BendError) as refusal:
        refuse()
    return str(refusal.value)


@pytest.mark.parametrize("node, refuse", REFUSALS)
def test_messages_are_quoted_as_they_are(node, refuse):
    assert f"`{message(refuse)}`" in " ".join(sections(node)["Refused"].split())


def texts(*rooms: str) -> Iterator[tuple[str, list[str]]]:
    """All texts in the code of these rooms but docstrings, each with its file, and cut where a value is put in."""
    for path in (path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))):
        tree, name = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix()
        nodes = list(ast.walk(tree))
        passed = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        passed.update(id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values)
        for node in nodes:
            if id(node) in passed:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield name, [node.value]
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                yield name, "".join(parts).split("\0")


PATTERNS = [".*".join(map(re.escape, parts)) for _, parts in texts("bending", "host", "nodes")]
MESSAGES = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS if len(re.sub(r"\W", "", pattern)) > 20))


@pytest.mark.parametrize("node", PAGES)
def test_a_page_quotes_what_the_code_says_and_starts_no_list_by_accident(node):
    refused = " ".join(sections(node)["Refused"].split())
    raised = {message(refuse) for other, refuse in REFUSALS if other == node}
    for quote in re.findall(r"`([^`]+ [^`]+\.)`", refused):
        assert quote in raised or MESSAGES.search(quote), quote
    prose = re.sub(r"```.*?```", "", page(node), flags=re.DOTALL)
    assert not re.search(r"^ *(?:[+*]|\d+[.)]) |^ +- ", prose, re.MULTILINE)


def test_the_page_of_messages_quotes_what_the_code_says():
    text = " ".join((ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").split())
    quotes = re.findall(r"`([^`]+ [^`]+\.)`", text)
    assert len(quotes) > 15
    for quote in quotes:
        assert MESSAGES.search(quote), quote


SAY_THEMSELVES = re.compile("bending/(files|operators|time|frames|explore|pictures)/|bending/(api|bend|narrow).py")
"""Where messages are of fields and files: what was asked, what is there, what may be there."""


def test_the_page_of_messages_has_all_of_them():
    """By the longest fixed part of their first sentence, of which thirty characters are enough."""
    page = " ".join((ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").split())
    listed = set()
    for file, parts in texts("bending", "host"):
        message = re.sub(r"%s|\{\w+\}", "\0", "\0".join(parts))
        said = max(message.split(". ")[0].split("\0"), key=len).strip(' .,:;"()')[:30]
        if message.endswith(".") and len(said.split()) > 2 and not SAY_THEMSELVES.match(file):
            assert said in page, f"{file}: {message}"
            listed.add(said)
    assert len(listed) > 100


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
    shown = [name for node in PAGES for name in pictures(node)]
    assert sorted(shown) == sorted(f"images/{file.name}" for file in (DOCS / "images").iterdir())
    for name in shown:
        assert (DOCS / name).stat().st_size < 30_000
        with Image.open(DOCS / name) as picture:
            assert picture.width <= 480


def test_the_python_page_runs():
    text = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))
    names = {}
    exec(compile(code, "docs/python_api.md", "exec"), names)
    assert names["bent"].output.shape == names["q"].shape
