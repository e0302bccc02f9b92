"""Run the ``pyskl`` command as ``python -m pyskl.cli``."""

from pyskl.cli.main import console

console()
