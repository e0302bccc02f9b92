"""The old import path of the checkpoint functions."""

from pyskl.engine import checkpoint
from pyskl.engine.checkpoints import files


def test_the_old_import_path_has_the_same_functions():
    assert all(getattr(checkpoint, name) is getattr(files, name) for name in checkpoint.__all__)
