"""Checkpoints: reading, matching, those of other toolboxes."""
