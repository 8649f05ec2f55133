"""Stand-ins for packages that ComfyUI imports and nothing calls that is tested where they are missing.

torchvision and torchaudio: their released builds do not import beside a CPU-only torch. The others: too large for what
`python dev gpu-pack` makes. All stand last on the path: a real package wins. A stand-in satisfies the import and fails,
by name, when it is called.
"""

import sys
from types import ModuleType


class Absent:
    """Something of a package that is not installed: can be named, imported and passed on, but not called."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> "Absent":
        return _named(self._name, attribute)

    def __call__(self, *_args, **_kwargs):
        package = self._name.partition(".")[0]
        raise RuntimeError(
            f"{self._name} was called, but this development set-up has only a stand-in for {package}. "
            f"To use it, set COMFYUI_PATH to a ComfyUI that has the real {package}."
        )

    def __repr__(self) -> str:
        return f"<stand-in for {self._name}>"


def pretend(package: ModuleType, *submodules: str) -> None:
    """Let every attribute of the package be Absent, and make its submodules importable."""
    package.__getattr__ = lambda attribute: _named(package.__name__, attribute)
    for name in submodules:
        module = ModuleType(f"{package.__name__}.{name}", __doc__)
        module.__path__ = []  # marks it as a package, so that its own submodules can be imported
        module.__getattr__ = lambda attribute, owner=module.__name__: _named(owner, attribute)
        sys.modules[module.__name__] = module
        parent, _, child = module.__name__.rpartition(".")
        setattr(sys.modules[parent], child, module)


def _named(owner: str, attribute: str) -> Absent:
    if attribute.startswith("__"):
        raise AttributeError(f"{owner} is a stand-in and has no {attribute}")
    return Absent(f"{owner}.{attribute}")
