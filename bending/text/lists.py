"""What lists are typed with: any script's comma, and straight or typeset quotes."""

import re

COMMAS = ",՝،߸፣᠂᠈、꓾꘍꛵︐︑﹐﹑，､"
SEMICOLONS = ";；؛"

_QUOTES = str.maketrans("“”„‟＂", '"""""')
_COMMA = re.compile(f"[{COMMAS}]")
_SEMICOLON = re.compile(f"[{SEMICOLONS}\n]")


def straight_quotes(text: str) -> str:
    """Typed quotes for typeset ones."""
    return text.translate(_QUOTES)


def at_commas(text: str) -> list[str]:
    """The parts of a list of words, whose quotes are straight; a comma between quotes is none."""
    return _outside_quotes(text, _COMMA)


def at_semicolons(text: str) -> list[str]:
    """The parts of a list of texts that may hold commas, set apart by semicolons or new lines outside quotes."""
    return _outside_quotes(text, _SEMICOLON)


def _outside_quotes(text: str, separator: re.Pattern) -> list[str]:
    parts = [""]
    for number, run in enumerate(text.split('"')):
        first, *others = [run] if number % 2 else separator.split(run)
        parts[-1] += ('"' if number else "") + first
        parts += others
    return parts
