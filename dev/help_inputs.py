"""The inputs in the help pages: a block of each page that is made from its node's schema, and never by hand.

ComfyUI's panel cleans a page before it is shown, and a comment is no part of what is left: the marks are not seen.
"""

import re

from . import markdown, paths

PAGES = paths.ROOT / "web" / "docs"
START, END = "<!-- inputs: written by python dev workflows -->", "<!-- /inputs -->"


def block(schema) -> str:
    """What a page says of a node's inputs, in their order; `schema` is ComfyUI's V3 schema."""
    lines = [f"- **{widget.id}**: {_kind(widget)} {_escaped(widget.tooltip)}\n" for widget in schema.inputs]
    return f"\n{''.join(lines) or 'None.' + chr(10)}\n"


def renewed(page: str, schema) -> str:
    """A page's text with its list of inputs made anew."""
    return markdown.renewed(page, START, END, block(schema))


def write(nodes) -> None:
    """Make the blocks of these nodes' pages anew."""
    for node in nodes:
        schema = node.define_schema()
        file = PAGES / f"{schema.node_id}.md"
        file.write_text(renewed(file.read_text(encoding="utf-8"), schema), encoding="utf-8")


def _kind(widget) -> str:
    """What can be entered: a range, choices, a text, a file or a wire, and the default."""
    options = widget.as_dict()
    default, kind = options.get("default"), widget.get_io_type()
    if template := options.get("template"):
        kind = widget.template.input.get_io_type()
        offered = f"{kind} wires, {template['min']} to {template['max']}, all optional."
    elif "min" in options:
        offered = f"{_number(options['min'])} to {_number(options['max'])}, default {_number(default)}."
    elif isinstance(default, bool):
        offered = f"on or off, default {'on' if default else 'off'}."
    elif kind == "COMBO" and widget.id == "file":
        offered = "a file of those that are there."
    elif kind == "COMBO":
        *others, last = options["options"]
        offered = f"{', '.join(others)} or {last}; default {default or options['options'][0]}."
    elif default is not None:
        lines = "several lines, " * bool(options.get("multiline"))
        offered = f"text, {lines}default {f'`{default}`' if default else 'empty'}."
    else:
        offered = f"{kind} wire{', optional' * widget.optional}."
    return f"{offered} Advanced." if options.get("advanced") else offered


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _escaped(sentence: str) -> str:
    """A plain sentence as Markdown that shows the same characters."""
    return re.sub(r"([\\`*<\[])", r"\\\1", sentence)
