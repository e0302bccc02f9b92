"""The precision of matrix products is set for a block, also if it ends in an error."""

import pytest
import torch

from pyskl.engine.matmul_precision import matmul_precision


@pytest.mark.parametrize(('precision', 'inside'), [('high', 'high'), ('medium', 'medium'), (None, 'highest')])
def test_the_precision_is_restored_after_an_error(precision, inside):
    with pytest.raises(KeyError), matmul_precision(precision):
        assert torch.get_float32_matmul_precision() == inside
        raise KeyError
    assert torch.get_float32_matmul_precision() == 'highest'
