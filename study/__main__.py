"""Entry point of ``python study <command>``: a study needs no more than Python, PyYAML and a running ComfyUI.

Uses nothing newer than Python 3.6, so that an old Python gets a sentence instead of a syntax error.
"""

import os
import runpy
import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        f"A study needs Python 3.10 or newer; this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Run the command again with a newer one, for example: python3.12 study"
    )

# Running a folder puts that folder first on the path, where its modules would go by other names too.
folder = sys.path.pop(0)
runpy.run_path(os.path.join(folder, "pack.py"))["alias"]()

from attention_bending.study.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
