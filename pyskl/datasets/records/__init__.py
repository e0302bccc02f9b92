"""Annotation files: reading, writing, the store, and what is wrong in them."""
