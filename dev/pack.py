"""The repository as the package `attention_bending`, by which tests and commands know it, under that name alone."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "attention_bending"
ROOMS = ("bending", "host", "nodes", "study", "toy", "dev")

alias = runpy.run_path(str(ROOT / "study" / "pack.py"))["alias"]


def adopt(name: str) -> None:
    """Let what ComfyUI has loaded under the package name `name` be `attention_bending…` too: no file is loaded twice.

    Called right after ComfyUI has loaded its nodes, before anything of the pack's own rooms is imported by our name.
    """
    sys.modules[NAME] = sys.modules[name]
    for loaded, module in list(sys.modules.items()):
        if loaded.startswith(f"{name}."):
            ours = NAME + loaded[len(name) :]
            if sys.modules.setdefault(ours, module) is not module:
                raise RuntimeError(f"{ours} was imported before ComfyUI loaded the pack: import it after that.")


def loaded_twice() -> dict[str, list[str]]:
    """Of this process: each file of ours that is more than one module, with the names of these."""
    files = [ROOT / "__init__.py", *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    ours = {str(file): file.relative_to(ROOT).as_posix() for file in files}
    names: dict[str, dict[int, str]] = {file: {} for file in ours.values()}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__dict__", {}).get("__file__")  # getattr would wake modules that load when asked
        if file and (path := str(Path(file).resolve())) in ours:
            names[ours[path]][id(module)] = name
    return {file: sorted(modules.values()) for file, modules in names.items() if len(modules) > 1}
