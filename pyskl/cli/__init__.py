"""The commands of ``pyskl``, one file each; the scripts in ``tools/`` call the same functions."""
