"""From raw files to the annotation pickle."""
