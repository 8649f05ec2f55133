"""A stand-in for scipy; see `absent`."""

import sys

from absent import pretend

pretend(sys.modules[__name__], "integrate", "ndimage", "stats")
