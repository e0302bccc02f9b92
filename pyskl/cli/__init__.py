"""Commands of ``pyskl``, one per file; the scripts in ``tools/`` call the same functions."""
