"""Packages that ComfyUI calls non-essential: imported where they are used, so that all else works without them."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import BendError


@contextmanager
def needs(package: str) -> Iterator[None]:
    """Around an import inside a function. Raises BendError, with the cure, where the package is not there."""
    try:
        yield
    except ImportError as error:
        raise BendError(
            f"this needs the package {package}, which cannot be imported ({error}). Install it in ComfyUI's Python: "
            f"pip install {package}."
        ) from None
