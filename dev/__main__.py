"""Entry point of ``python dev <command>``.

Uses nothing newer than Python 3.6, so that an old Python gets a sentence instead of a syntax error.
"""

import os
import runpy
import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        f"Attention Bending needs Python 3.10 or newer; this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Run the command again with a newer one, for example: python3.12 dev"
    )

# Running a folder puts that folder first on the path, where its modules would go by other names too.
folder = sys.path.pop(0)
runpy.run_path(os.path.join(folder, "pack.py"))["alias"]()

from attention_bending.dev.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
