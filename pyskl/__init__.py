"""Skeleton action recognition: Ske2Grid, ST-GCN++ and their family, from a config file."""

__version__ = '0.1.0'
