"""A stand-in for torchaudio; see `absent`."""

import sys

from absent import pretend

pretend(sys.modules[__name__], "functional", "transforms")
