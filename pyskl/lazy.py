"""Names that a package offers without importing the modules that define them until they are used (PEP 562)."""

import importlib
from collections.abc import Callable
from typing import Any


def lazy_exports(package: str, modules: dict[str, tuple[str, ...]]) -> tuple[Callable[[str], Any], list[str]]:
    """``__getattr__`` and ``__all__`` of a package.

    Args:
        package: Its name.
        modules: Module -> the names that it defines.
    """
    home = {name: module for module, names in modules.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name in home:
            return getattr(importlib.import_module(home[name]), name)
        raise AttributeError(f'module {package!r} has no attribute {name!r}')

    return __getattr__, sorted(home)
