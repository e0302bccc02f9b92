"""The former import path."""

from pyskl.engine import checkpoint
from pyskl.engine.checkpoints import files


def test_the_former_names_are_the_present_functions():
    assert all(getattr(checkpoint, name) is getattr(files, name) for name in checkpoint.__all__)
