"""Convert raw files to the annotation pickle."""
