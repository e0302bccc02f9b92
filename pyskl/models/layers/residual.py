"""The sum at the end of a residual unit."""

from torch import Tensor


def add_to(y: Tensor, residual: Tensor) -> Tensor:
    """``y + residual``, written into ``y`` if both have the same type.

    ``y`` must be the output of a BatchNorm, a convolution or a dropout, which no backward reads; autograd raises where
    it is not.
    """
    return y.add_(residual) if y.dtype == residual.dtype else y + residual
