"""Lazy exports of a package: a module is imported when one of its names is first used (PEP 562)."""

import importlib
from collections.abc import Callable
from typing import Any


def lazy_exports(package: str, modules: dict[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], list[str]]:
    """Return ``__getattr__`` and ``__all__`` for a package.

    Args:
        package: Name of the package.
        modules: Map from each module to the names that it defines.
    """
    home = {name: module for module, names in modules.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name in home:
            return getattr(importlib.import_module(home[name]), name)
        raise AttributeError(f'module {package!r} has no attribute {name!r}')

    return __getattr__, sorted(home)
