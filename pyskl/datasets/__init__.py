"""Skeleton data: annotation files, datasets and the transforms of their samples."""
