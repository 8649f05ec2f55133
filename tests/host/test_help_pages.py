"""The help pages beside the nodes' schemas: one page a node, and in each its inputs as the node declares them."""

import asyncio
import re

import pytest
from attention_bending.bending.bend import Bend
from attention_bending.bending.operators import Rotate
from attention_bending.dev import help_inputs
from attention_bending.nodes import AttentionBendingExtension
from attention_bending.nodes.aims import AIMS
from attention_bending.nodes.common import ModeNode
from attention_bending.nodes.maps import AttnBendTemperature
from attention_bending.nodes.modes import AttnBendBlur
from attention_bending.nodes.texts import all_texts
from attention_bending.nodes.widgets import number

NODES = asyncio.run(AttentionBendingExtension().get_node_list())
MODES = [node for node in NODES if issubclass(node, ModeNode)]
BENDS = [*MODES, AttnBendTemperature, *AIMS]
SECTIONS = ("Inputs", "Recipe", "Cost", "Refused")


def named(node) -> str:
    return node.__name__


def page(node) -> str:
    return (help_inputs.PAGES / f"{node.define_schema().node_id}.md").read_text(encoding="utf-8")


def bullets(node) -> dict[str, str]:
    """What the page says of each input, by its id."""
    return dict(re.findall(r"^- \*\*(\w+)\*\*: (.+)$", help_inputs.block(node.define_schema()), re.MULTILINE))


def test_every_node_has_a_page_and_every_page_a_node():
    ids = [node.define_schema().node_id for node in NODES]
    assert len(ids) == len({*ids})
    assert {file.stem for file in help_inputs.PAGES.glob("*.md")} == {*ids}


@pytest.mark.parametrize("node", NODES, ids=named)
def test_a_page(node):
    text, schema = page(node), node.define_schema()
    heading, expect, *_ = text.split("\n\n")
    assert heading == f"# {schema.display_name}"
    assert len(expect.split()) > 25

    _, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    asked = ["Inputs", "Convention", *SECTIONS[1:]] if node in BENDS else [*SECTIONS]
    assert [name for name in sections if name in asked] == asked
    assert all(section.strip() for section in sections.values())

    assert text == help_inputs.renewed(text, schema), "the inputs are stale: write them with python dev workflows"
    assert list(bullets(node)) == [widget.id for widget in schema.inputs]
    assert sections["Inputs"].lstrip().startswith(help_inputs.START)
    assert node not in BENDS or "![" in text


def test_an_input_is_told_with_its_range_or_choices_and_its_default():
    says = {name: bullets(node) for name, node in ((node.__name__, node) for node in NODES)}
    for node, name, start in (
        ("AttnBendRotate", "angle", "−360 to 360, default 15. "),
        ("AttnBendRotate", "center_x", "0 to 1, default 0.5. Advanced. "),
        ("AttnBendRotate", "token", "text, default empty. "),
        ("AttnBendRotate", "padding", "border, zeros, reflection or wrap; default border. "),
        ("AttnBendRotate", "bending", "BENDING wire, optional. "),
        ("AttnBendBlur", "kernel_size", "0 to 255, default 0. "),
        ("AttnBendSharpen", "clamp", "on or off, default on. "),
        ("AttnBendAnimate", "keyframes", "text, several lines, default `0%: 0, 100%: 1`. "),
        ("AttnBendAnimate", "values", "FLOAT wire, optional. "),
        ("AttnBendMaps", "maps", "ATTENTION_MAPS wire. "),
        ("AttnBendStack", "bendings", "BENDING wires, 0 to 50, all optional. "),
        ("AttnBendLoad", "file", "a file "),
    ):
        assert says[node][name].startswith(start)
    assert bullets(NODES[0])["text"].count("\\\\(") == 1  # Markdown would take a bare backslash away


def test_a_number_is_as_its_field_says():
    angle = number(Rotate, "angle")
    assert (angle.default, angle.min, angle.max, angle.step) == (15.0, -360.0, 360.0, 1.0)
    assert angle.tooltip == "In degrees."
    assert number(Bend, "end", "end_percent").id == "end_percent"
    with pytest.raises(KeyError):
        number(Rotate, "angel")


def test_what_is_common_to_the_modes_is_said_alike():
    *_, strength, start, end, layers, renormalize, bending = AttnBendBlur.define_schema().inputs
    shared = ["token", *(widget.id for widget in (strength, start, end, layers, renormalize, bending))]
    assert len({tuple(bullets(node)[name] for name in shared) for node in MODES}) == 1


def test_the_four_without_a_token_say_what_they_share_with_the_modes_alike():
    for node in (AttnBendTemperature, *AIMS):
        for shared in {"strength", "start_percent", "end_percent"} & bullets(node).keys():
            assert bullets(node)[shared] == bullets(AttnBendBlur)[shared]


def test_no_sentence_is_idle_or_said_twice():
    told = all_texts()
    assert {*told} == {node.define_schema().node_id for node in NODES}
    sentences = {}
    for node in NODES:
        schema = node.define_schema()
        inputs = {widget.id for widget in schema.inputs} | ({"bending"} if schema.node_id == "AttnBendStack" else set())
        assert {*told[schema.node_id].get("inputs", {})} == inputs
        assert {*told[schema.node_id].get("outputs", {})} == {output.id for output in schema.outputs}
        for part in ("inputs", "outputs"):
            for sentence in told[schema.node_id].get(part, {}).values():
                assert sentences.setdefault(sentence, sentence) is sentence, f"twice in texts.yaml: {sentence}"
