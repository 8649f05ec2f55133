"""A stand-in for av; see `absent`."""

import sys

from absent import pretend

pretend(sys.modules[__name__], "container", "subtitles", "subtitles.stream", "video", "video.reformatter")
