"""The commands of ``pyskl data``: raw files to annotation pickles, and what is done with those."""
