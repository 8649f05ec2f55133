"""A stand-in for torchvision; see `absent`."""

import sys

from absent import pretend

pretend(sys.modules[__name__], "ops", "transforms", "transforms.functional", "models", "models.optical_flow")
