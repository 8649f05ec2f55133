"""A stand-in for kornia_rs; see `absent`."""

import sys

from absent import pretend

pretend(sys.modules[__name__])
