"""Commands of ``pyskl data``: convert raw files to annotation pickles; check, draw, merge and pack them."""
