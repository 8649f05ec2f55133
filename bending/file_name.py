"""Names of files that every system can make, and that are seen where they lie."""

import re

LONGEST = 255
"""Bytes of a name, on every system."""

_IMPOSSIBLE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³])(\..*)?", re.IGNORECASE)


def fault_of_name(name: str) -> str | None:
    """What is wrong with the name of a file or folder, as it goes on behind "which"; None where nothing is."""
    if not name.strip(" ."):
        return "names no file"
    if odd := _IMPOSSIBLE.search(name):
        return f"holds {odd[0]!r}, which not every system allows in a name"
    if name[0] == ".":
        return "begins with a dot, and so would be hidden"
    if name != name.strip() or name[-1] == ".":
        return "begins or ends with a blank or a dot, which not every system keeps"
    if _DEVICES.fullmatch(name):
        return "is the name of a device on Windows"
    size = len(name.encode())
    if size > LONGEST:
        return f"makes a name of {size} bytes, where {LONGEST} are the most"
    return None


def shown(name: str) -> str:
    """A name as messages have it."""
    return repr(name if len(name) <= 60 else f"{name[:57]}…")
