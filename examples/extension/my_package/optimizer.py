"""An optimizer that steps by the sign of the gradient."""

from collections.abc import Iterable

import torch
from mmengine.registry import OPTIMIZERS


@OPTIMIZERS.register_module()
class SignSGD(torch.optim.Optimizer):
    """Source: signSGD, https://arxiv.org/abs/1802.04434.

    Args:
        params: Parameters.
        lr: Step.
    """

    def __init__(self, params: Iterable, lr: float = 1e-3) -> None:
        super().__init__(params, {'lr': lr})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Move every parameter by ``lr`` against its gradient's sign."""
        for group in self.param_groups:
            for parameter in group['params']:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad.sign(), alpha=-group['lr'])
