"""Run the ``pyskl`` command as ``python -m pyskl``."""

from pyskl.cli.main import console

console()
