"""Where the nodes of an example workflow lie: by rule, so that one command makes all layouts anew.

A block is a group's nodes, or a single node that no group has. Its nodes stand in columns in the order in which they
are wired; blocks follow each other in two rows, from left to right, and low ones stand on top of each other. Of all
such layouts that is taken which is seen at the largest zoom.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

Workflow = dict[str, Any]
Node = dict[str, Any]

VIEW = (1500, 890)
"""Pixels of the page's canvas that nothing covers, in a window of 1600 × 1000."""
CORNER = (76, 96)
"""Where they begin."""
TITLE, GROUP_TITLE = 30, 36
PADDING, GAP, BETWEEN = 14, 16, 18
"""In a group round its nodes, between nodes, and between groups."""

WIDTHS = {
    "MarkdownNote": 400,
    "AttnBendPrompt": 340,
    "AttnBendTimeline": 380,
    "CLIPTextEncode": 340,
    "AttnBendMaps": 360,
    "AttnBendMapsGrid": 560,
    "AttnBendGrid": 600,
    "AttnBendReport": 440,
    "AttnBendSave": 400,
    "AttnBendLog": 400,
    "AttnBendCompare": 520,
    "PreviewAny": 400,
}
WIDTH = 320
"""Of all others."""
SHAPES = {"before_and_after_difference": 0.93, "see_where_a_word_acts": 2.83, "probe_what_is_there": 2.83}
SHAPE = 0.7
"""Height by width of films, by the file's name, and of all others: Save Video is the higher, the wider it is."""
NARROW = 220
"""Its width where the film is higher than wide."""

MODE = 322
"""Words, picture and strip on a node with a `token`."""
ROOM = {
    "AttnBendPrompt": 60 + 110,
    "AttnBendTimeline": 70 + 110,
    "AttnBendModel": 180,
    "AttnBendRegionalMask": 460,
    "AttnBendSwap": 480,
    "AttnBendWhere": 185,
    "AttnBendWhen": 185,
    "AttnBendAnimate": 175,
    "AttnBendLoad": 120,
    "AttnBendSweep": 325,
    "AttnBendReport": 165,
    "AttnBendSave": 165,
    "AttnBendLog": 165,
    "AttnBendCompare": 440,
    "AttnBendProbes": 110,
    "AttnBendWordsHere": 165,
    "AttnBendMaps": 272,
    "AttnBendMapsGrid": 340,
    "AttnBendGrid": 420,
    "SaveImage": 240,
    "MaskPreview": 220,
    "PreviewAny": 100,
}
"""Pixels under a node's widgets: for its panel, and for what a run shows on it."""
RECORDS = 150
"""More of them on a Patch Model that records: the picture that it shows meanwhile."""
SWITCHED = {9: 450}
"""More on a Patch Model, by its id, on which its file's note lets one show the bent words: maps over the film."""


class Column(NamedTuple):
    """Nodes below each other; `heights` are those of their boxes, titles with them."""

    nodes: tuple[int, ...]
    heights: tuple[int, ...]
    width: int

    @property
    def height(self) -> int:
        return sum(self.heights) + GAP * (len(self.heights) - 1)


class Block(NamedTuple):
    """A group's nodes in columns, or, without a group, a node by itself."""

    group: int | None
    columns: tuple[Column, ...]

    @property
    def head(self) -> int:
        return GROUP_TITLE if self.group is not None else 0

    @property
    def edge(self) -> int:
        return PADDING if self.group is not None else 0

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns) + GAP * (len(self.columns) - 1) + 2 * self.edge

    @property
    def height(self) -> int:
        return max(column.height for column in self.columns) + self.head + self.edge


Strip = tuple[Block, ...]
"""Blocks on top of each other."""
Row = tuple[Strip, ...]


def width(node: Node) -> int:
    """How wide a node is to be, at least."""
    if node["type"] == "SaveVideo" and _shape(node) > 1:
        return NARROW
    return WIDTHS.get(node["type"], WIDTH)


def _shape(node: Node) -> float:
    name = node["widgets_values"][0].rpartition("/")[2].removeprefix("toy_")
    return SHAPES.get(name, SHAPE)


def room(node: Node) -> int:
    """Pixels that a node needs under its widgets."""
    kind = node["type"]
    if kind == "SaveVideo":
        return round(width(node) * _shape(node))
    if kind == "AttnBendModel":
        probed = any(entry["name"] == "probes" and entry.get("link") for entry in node.get("inputs", ()))
        records = RECORDS * (probed or node["widgets_values"][1:2] not in ([], ["none"]))
        return ROOM[kind] + records + SWITCHED.get(node["id"], 0)
    modes = any(entry["name"] == "token" for entry in node.get("inputs", ()))
    return ROOM.get(kind, MODE if modes else 0)


def lay_out(workflow: Workflow, least: dict[int, int]) -> None:
    """Place all nodes and groups of a workflow; `least` are the heights of nodes' boxes without what `room` says."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    heights = {key: least[key] + room(node) for key, node in nodes.items()}
    rows = best([shapes(group, keys, nodes, heights) for group, keys in members(workflow)])
    y = 0
    for row in rows:
        height, x = _height(row), 0
        for strip in row:
            _place(workflow, nodes, strip, (x, y), height)
            x += _width(strip) + BETWEEN
        y += height + BETWEEN
    scale = int(1000 * min(1, *(view / side for view, side in zip(VIEW, _size(rows), strict=True)))) / 1000
    workflow["extra"]["ds"] = {"scale": scale, "offset": [round(side / scale) for side in CORNER]}


def members(workflow: Workflow) -> list[tuple[int | None, list[int]]]:
    """The nodes of each group as they lie now, in the order of their wires; a node in none comes first, by itself."""
    found: dict[int | None, list[int]] = {group["id"]: [] for group in workflow["groups"]}
    alone = []
    for node in sorted(workflow["nodes"], key=lambda node: node["order"]):
        x, y = node["pos"]
        group = next((group["id"] for group in workflow["groups"] if _is_inside(x, y, *group["bounding"])), None)
        (alone if group is None else found[group]).append(node["id"])
    return [*((None, [key]) for key in alone), *((group, keys) for group, keys in found.items() if keys)]


def _is_inside(x: float, y: float, left: float, top: float, across: float, down: float) -> bool:
    return left <= x < left + across and top <= y < top + down


def shapes(group: int | None, keys: list[int], nodes: dict[int, Node], heights: dict[int, int]) -> list[Block]:
    """A block in one column, in two, and so on, each as low as its nodes' order allows."""
    found = []
    for count in range(1, min(4, len(keys)) + 1):
        cuts = ((0, *cut, len(keys)) for cut in combinations(range(1, len(keys)), count - 1))
        blocks = (Block(group, tuple(_column(keys[a:b], nodes, heights) for a, b in pairwise(cut))) for cut in cuts)
        found.append(min(blocks, key=lambda block: (block.height, block.width)))
    return found


def _column(keys: Sequence[int], nodes: dict[int, Node], heights: dict[int, int]) -> Column:
    widest = max(width(nodes[key]) for key in keys)
    return Column(tuple(keys), tuple(heights[key] for key in keys), widest)


def best(blocks: list[list[Block]]) -> list[Row]:
    """The rows, one or two, that are seen at the largest zoom; of several the smallest."""
    highest = sum(max(block.height for block in of) + BETWEEN for of in blocks)
    limits = range(min(of[-1].height for of in blocks), highest + 20, 20)

    @lru_cache(None)
    def narrowest(first: int, last: int, limit: int) -> Row | None:
        """Blocks in strips no higher than the limit."""
        if first == last:
            return ()
        rows = []
        for end in range(first + 1, last + 1):
            strip = _strip(blocks[first:end], limit)
            rest = narrowest(end, last, limit) if strip else None
            if strip and rest is not None:
                rows.append((strip, *rest))
        return min(rows, key=_length, default=None)

    found = []
    for cut in range(1, len(blocks) + 1):
        above, below = (_worthy(narrowest(*of, limit) for limit in limits) for of in ((0, cut), (cut, len(blocks))))
        found += [[row for row in (upper, lower) if row] for upper in above for lower in below]
    return min(found, key=_score)


def _worthy(rows) -> list[Row]:
    """Of each length the lowest alone."""
    lowest: dict[int, Row] = {}
    for row in rows:
        if row is not None and (_length(row) not in lowest or _height(row) < _height(lowest[_length(row)])):
            lowest[_length(row)] = row
    return list(lowest.values())


def _strip(blocks: list[list[Block]], limit: int) -> Strip | None:
    """Blocks on top of each other, as narrow as the limit lets them be."""
    for most in sorted({block.width for of in blocks for block in of}):
        strip = [min((b for b in of if b.width <= most), key=lambda b: b.height, default=None) for of in blocks]
        if None not in strip and _tall(strip) <= limit:
            return tuple(strip)
    return None


def _tall(strip: Sequence[Block]) -> int:
    return sum(block.height for block in strip) + BETWEEN * (len(strip) - 1)


def _width(strip: Strip) -> int:
    return max(block.width for block in strip)


def _height(row: Row) -> int:
    return max((_tall(strip) for strip in row), default=0)


def _length(row: Row) -> int:
    return sum(_width(strip) for strip in row) + BETWEEN * max(0, len(row) - 1)


def _size(rows: list[Row]) -> tuple[int, int]:
    return max(map(_length, rows)), sum(map(_height, rows)) + BETWEEN * (len(rows) - 1)


def _score(rows: list[Row]) -> tuple[float, int]:
    across, down = _size(rows)
    return max(across / VIEW[0], down / VIEW[1]), across * down


def _place(workflow: Workflow, nodes: dict[int, Node], strip: Strip, at: tuple[int, int], height: int) -> None:
    """Put a strip's nodes and groups there; its last group's frame ends with the row."""
    x, y = at
    groups = {group["id"]: group for group in workflow["groups"]}
    for block in strip:
        left, more = x + block.edge, (_width(strip) - block.width) // len(block.columns)
        for column in block.columns:
            across = column.width + more
            top = y + block.head
            for key, its in zip(column.nodes, column.heights, strict=True):
                its_width = width(nodes[key]) if nodes[key]["type"] == "SaveVideo" else across
                nodes[key].update(pos=[left, top + TITLE], size=[its_width, its - TITLE])
                top += its + GAP
            left += across + GAP
        if block.group is not None:
            bottom = at[1] + height if block is strip[-1] else y + block.height
            groups[block.group]["bounding"] = [x, y, _width(strip), bottom - y]
        y += block.height + BETWEEN
