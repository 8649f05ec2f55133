"""The recipes that come with the pack: files like any other, in `presets`, whose names are their titles."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "presets"


def presets() -> dict[str, Path]:
    """The files by title, such as `depth of field`, in order of the alphabet."""
    return {file.stem.replace("_", " "): file for file in sorted(FOLDER.glob("*.yaml"))}
