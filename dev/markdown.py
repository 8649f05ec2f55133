"""What commands write into pages that are written by hand: tables, and what stands between two comments."""

import re
from collections.abc import Sequence


def table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """A Markdown table, its first `left` columns flush left."""
    rule = ["---"] * left + ["--:"] * (len(head) - left)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def renewed(page: str, begin: str, end: str, block: str) -> str:
    """The page with `block` between its two comments. Raises ValueError where they do not stand there once."""
    parts = re.split(f"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", page, flags=re.DOTALL)
    if len(parts) != 2:
        raise ValueError(f"the page {page.splitlines()[0]!r} needs {begin} and {end} once, around what is made.")
    return block.join(parts)
