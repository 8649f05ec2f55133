"""Masks in files of bendings, exactly.

**Convention**
    A mask is `size` (pictures, height, width), `digest`, `feather`, and its values in one of two ways. `data` has them
    in the file, where they are few once packed: base64 of zlib of bytes, `bits: 8` for values k/255 or `bits: 32` for
    little-endian floats. `file` names a safetensors file in the same folder, written beside it, which holds them by
    digest. What was read must have its `digest`, or it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import sys
import zlib
from pathlib import Path

from ..errors import BendError
from ..frames.mask_video import MaskVideo
from ..lazy import safetensors, torch
from .yaml_nodes import FileError, Node, choice, items, keyed, number, text, whole

INLINE = 60_000
"""Characters of base64 that stand in a file itself, all its masks together: some dozens of drawn ones."""

LIMIT = 2_000_000_000
"""Bytes of one mask; more is neither read nor written."""

SIDE = 16_384
"""Pixels of a mask's side, at most: what a mask costs grows with the square of it."""

_BITS = ("8", "32")
_UNSAFE = re.compile(r"[/\\:*?\"<>|\x00-\x1f]")
_NAME = re.compile(rf"(?:(?!{_UNSAFE.pattern}).)+\.masks\.safetensors")


class Packed(str):
    """Base64: a text that may be wrapped."""


class MaskReader:
    """Where masks of a file are found: none but those in the file itself, without a `folder`."""

    def __init__(self, folder: Path | None = None):
        self.folder = folder

    def read(self, node: Node, name: str = "mask") -> MaskVideo:
        entries = keyed(node, name, ("size", "digest", "feather", "bits", "data", "file"), ("size", "digest"))
        if ("data" in entries) == ("file" in entries):
            raise FileError(node.line, f"{name} needs either data or a file. Keep one of the two.")
        shape = tuple(whole(side, f"a side in size of {name}") for side in items(entries["size"], f"size of {name}"))
        size = math.prod(shape) * torch.float32.itemsize
        if len(shape) != 3 or min(shape) < 1 or size > LIMIT or max(shape[1:]) > SIDE:
            raise FileError(
                entries["size"].line,
                f"size of {name} is {shape}. It is pictures, height, width; no side has more than {SIDE} pixels.",
            )
        digest = text(entries["digest"], "digest")
        values = self._inline(node, shape) if "data" in entries else self._beside(entries["file"], digest, shape)
        feather = number(entries["feather"], "feather") if "feather" in entries else 0.0
        try:
            mask = MaskVideo(values, feather)
        except BendError as error:
            raise FileError(node.line, str(error)) from None
        if mask.digest != digest:
            raise FileError(
                node.line, f"{name} is not the one that was saved ({digest}). Take another copy of its file."
            )
        return mask

    def _inline(self, node: Node, shape: tuple[int, ...]) -> torch.Tensor:
        packed, bits = node.value["data"], "8"
        if "bits" in node.value:
            bits = choice(node.value["bits"], "bits", _BITS)
        dtype = torch.uint8 if bits == "8" else torch.float32
        count = math.prod(shape) * dtype.itemsize
        unzip = zlib.decompressobj()
        try:
            raw = unzip.decompress(base64.b64decode("".join(text(packed, "data").split()), validate=True), count)
            whole_and_no_more = len(raw) == count and not unzip.decompress(unzip.unconsumed_tail, 1)
        except (zlib.error, binascii.Error, ValueError):
            whole_and_no_more = False
        if not whole_and_no_more:
            raise FileError(packed.line, "the data of this mask is damaged. Take another copy of the file.")
        values = _native(torch.frombuffer(bytearray(raw), dtype=dtype))
        return (values.float() / 255 if bits == "8" else values).view(shape)

    def _beside(self, node: Node, digest: str, shape: tuple[int, ...]) -> torch.Tensor:
        name = text(node, "file")
        if not _NAME.fullmatch(name) or self.folder is None:
            raise FileError(
                node.line, f"file is {node}. Masks come from a .masks.safetensors file in the same folder alone."
            )
        path = self.folder / name
        if path.resolve().parent != self.folder.resolve() or not path.is_file():
            raise FileError(node.line, f'"{name}" is not in the folder of this file. Copy it there, too.')
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                stored = file.get_slice(digest) if digest in file.keys() else None  # noqa: SIM118, as it is no mapping
                if stored is not None and stored.get_dtype() == "F32" and tuple(stored.get_shape()) == shape:
                    return file.get_tensor(digest).clone()
        except (OSError, safetensors.SafetensorError):
            raise FileError(node.line, f'"{name}" cannot be read: it is damaged. Take another copy of it.') from None
        raise FileError(
            node.line, f'"{name}" does not hold the mask {digest}. Take the one that was saved with this file.'
        )


class MaskWriter:
    """Masks on their way into a file: small ones stay in it, the others gather here, in `tensors` by digest."""

    def __init__(self, stem: str | None = None):
        self.stem, self.tensors, self._waiting, self._inline = stem, {}, [], 0

    def write(self, mask: MaskVideo) -> dict:
        """What stands in the file of bends."""
        if mask.values.numel() * mask.values.itemsize > LIMIT:
            raise BendError(f"{mask} is larger than {LIMIT / 1e9:g} GB. Make it smaller; a mask is fitted to the grid.")
        bits = 8 if torch.equal(_bytes(mask.values).float() / 255, mask.values) else 32
        entry = {"size": list(mask.values.shape), "digest": mask.digest, "feather": float(mask.feather)}
        raw = (_bytes(mask.values) if bits == 8 else _native(mask.values)).numpy().tobytes()
        packed = base64.b64encode(zlib.compress(raw, 9)).decode("ascii")
        if self.stem is None or self._inline + len(packed) <= INLINE:
            self._inline += len(packed)
            return {**entry, "bits": bits, "data": Packed(packed)}
        self.tensors[mask.digest] = mask.values
        self._waiting.append(entry)
        return entry

    def name_file(self) -> str | None:
        """The name of the masks' own file, once all are gathered; it changes with what is in it."""
        if not self.tensors:
            return None
        digest = hashlib.sha256("".join(sorted(self.tensors)).encode()).hexdigest()[:12]
        name = f"{_UNSAFE.sub('_', self.stem)}.{digest}.masks.safetensors"
        for entry in self._waiting:
            entry["file"] = name
        return name


def _bytes(values: torch.Tensor) -> torch.Tensor:
    return (values * 255).round().to(torch.uint8)


def _native(values: torch.Tensor) -> torch.Tensor:
    """Floats between this machine's order of bytes and the file's."""
    if sys.byteorder == "little" or values.dtype == torch.uint8:
        return values
    return torch.from_numpy(values.numpy().byteswap())
