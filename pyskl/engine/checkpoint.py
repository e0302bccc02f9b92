"""The former place of :mod:`pyskl.engine.checkpoints.files`, for scripts that import from it."""

from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint

__all__ = ['find_checkpoint', 'load_weights', 'read_checkpoint']
