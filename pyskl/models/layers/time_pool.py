"""Maximum over neighbouring frames.

B = samples times persons, T frames, V joints, C channels.
"""

import torch
from torch import Tensor, nn


class TimePool(nn.Module):
    """``MaxPool2d((kernel_size, 1), (stride, 1), padding=(1, 0))``: the same outputs and gradients.

    Source: the 'max' branches of MS-G3D, CTR-GCN and PYSKL's ``mstcn``; the padding is 1 whatever the kernel.

    Args:
        kernel_size: Frames.
        stride: In time.
    """

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d((kernel_size, 1), (stride, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C, T', V)``, in the same layout."""
        if x.device.type != 'cpu' or not x.is_contiguous() or torch.compiler.is_compiling():
            return self.pool(x)
        # torch's pool on a CPU is fast for channels-last maps, so the joints, last in memory, are passed as channels.
        rows = x.flatten(0, 1)[:, :, None].permute(0, 3, 1, 2)  # (B * C, V, T, 1)
        return self.pool(rows).permute(0, 2, 3, 1).reshape(*x.shape[:2], -1, x.shape[3])
