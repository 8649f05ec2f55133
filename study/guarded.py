"""``python guarded.py SCRIPT [arguments]``: run a script that ends with whoever started it, however that ends.

Its input is the other end of a pipe that the starter holds open and never writes to.
"""

import os
import runpy
import sys
import threading
from pathlib import Path


def _end_with_starter() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


threading.Thread(target=_end_with_starter, daemon=True).start()
del sys.argv[0]
sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
runpy.run_path(sys.argv[0], run_name="__main__")
