"""Config files: reading, checking, and translation of their keys."""
