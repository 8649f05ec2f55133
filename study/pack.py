"""The folder of the pack as the package `attention_bending`, whatever it is called, so that a study can import it.

Nothing of the pack's own `__init__.py` is run, which is ComfyUI's door to the nodes.
"""

import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "attention_bending"


def alias() -> None:
    """Make `import attention_bending.study…` and `attention_bending.bending…` work from here on."""
    package = types.ModuleType(NAME)
    package.__path__ = [str(ROOT)]
    sys.modules.setdefault(NAME, package)
