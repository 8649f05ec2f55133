"""Files of bendings: what travels on a BENDING wire, written down to be read, edited and shared.

**Format**, versions 1 and 2: YAML in UTF-8, or JSON, which is YAML. `format: attention-bending`, `bends` in chain
order, `version` at the end, so that a file that was cut short lacks it, and where one likes `about`, a text. A file is
of version 1 unless it holds what is new in 2: a stretch, a word of a scene, as `star@2`, or the selector MARKED. A bend
has `mode`, the `key` of its operator, that operator's parameters and the fields of `Bend`, all by the names and with
the defaults that they have in Python; what can be left out is left out at its default. `windows` hold the fields of
`When`; `animations` hold `parameter`, `over`, and `keyframes` with `ease`, or a `list`, or a `curve` of numbers, or a
`stretch` with `fade` and `outside`. For masks see `masks`. No anchors, no aliases, no tags; unknown and repeated keys
are refused.

>>> text = dump(bending, about="A word turned.")
>>> parse(text, "turned.yaml").bending == bending
True
"""

from .presets import presets
from .read import Loaded, is_bending_file, load, parse
from .rename_words import replace_words
from .write import dump, save

__all__ = ["Loaded", "dump", "is_bending_file", "load", "parse", "presets", "replace_words", "save"]
