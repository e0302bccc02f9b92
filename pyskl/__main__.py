"""``python -m pyskl`` is ``pyskl``."""

from pyskl.cli.main import console

console()
