"""Checkpoints: reading, matching with a network, conversion from other toolboxes."""
