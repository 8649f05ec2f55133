"""The repository as the package `attention_bending`, by which tests and commands know it, under that name alone."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "attention_bending"


def alias() -> None:
    """Make `import attention_bending…` work from wherever the repository lies, and whatever its folder is called."""
    if NAME not in sys.modules:
        file = ROOT / "__init__.py"
        spec = importlib.util.spec_from_file_location(NAME, str(file), submodule_search_locations=[str(ROOT)])
        sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def loaded_twice() -> list[str]:
    """The files of the pack that this process has loaded as two different modules; none, if all is well."""
    modules: dict[Path, set[int]] = {}
    for module in list(sys.modules.values()):
        file = Path(getattr(module, "__file__", None) or "/").resolve()
        if ROOT in file.parents and not file.relative_to(ROOT).parts[0].startswith("."):
            modules.setdefault(file, set()).add(id(module))
    return sorted(map(str, (file for file, ids in modules.items() if len(ids) > 1)))


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
