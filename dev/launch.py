"""``python launch.py MODULE [arguments]``: run a module in ComfyUI's Python, our folders at the very end of its path.

So the packages that are installed there always win over the development tools. PYTHONPATH would put ours first, and
the Python of ComfyUI's portable build does not read it.
"""

import runpy
import sys
from pathlib import Path

DEV = Path(__file__).resolve().parent
module = sys.argv[1]
sys.argv = [module, *sys.argv[2:]]
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != DEV]  # its modules belong to the package `dev`
sys.path += [str(DEV.parent), str(DEV.parent / ".host" / "tools")]
runpy.run_module(module, run_name="__main__", alter_sys=True)
