"""``python launch.py MODULE [arguments]``: run a module in ComfyUI's Python, our folders at the very end of its path.

So the packages that are installed there always win over the development tools. PYTHONPATH would put ours first, and
the Python of ComfyUI's portable build does not read it. A module of the pack is imported, by its one name, and its
`run` is called with the arguments.
"""

import importlib
import runpy
import sys
from pathlib import Path

DEV = Path(__file__).resolve().parent
module, *arguments = sys.argv[1:]
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != DEV]  # its modules belong to the pack
sys.path.append(str(DEV.parent / ".host" / "tools"))
runpy.run_path(str(DEV / "pack.py"))["alias"]()
if module.startswith("attention_bending."):
    from attention_bending.dev.console import Trouble, fail

    try:
        importlib.import_module(module).run(arguments)
    except Trouble as trouble:
        sys.exit(fail(trouble))
else:
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
