"""Base of the backbones on key points: checks and normalises the input, merges persons into the batch.

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.absent_persons import once_per_absent


class GCNBackbone(nn.Module):
    """``data_bn``, then :meth:`encode`, which subclasses implement.

    A subclass whose rows (persons) interact only in ``BatchNorm2d`` of :mod:`pyskl.models.layers.batch_norm`, which
    :func:`build_norm` builds too, sets ``shares_absent = True``: then absent persons are computed once in training too.

    Args:
        num_joints: V.
        in_channels: C.
        num_person: M; read with ``'MVC'`` only.
        data_bn_type: Input normalisation: ``'VC'`` (persons share it), ``'MVC'`` (each its own) or None.

    Raises:
        ValueError: If ``data_bn_type`` is unknown.
    """

    shares_absent = False
    full_batch = ('data_bn',)  # see :func:`obstacle`

    def __init__(self, num_joints: int, in_channels: int, num_person: int, data_bn_type: str | None) -> None:
        super().__init__()
        if data_bn_type not in ('VC', 'MVC', None):
            raise ValueError(f"backbone.data_bn_type must be 'VC', 'MVC' or None, got {data_bn_type!r}")
        self.num_joints = num_joints
        self.in_channels = in_channels
        self.num_person = num_person
        self.data_bn_type = data_bn_type
        self.data_bn = nn.Identity()
        if data_bn_type is not None:
            self.data_bn = nn.BatchNorm1d(num_joints * in_channels * (num_person if data_bn_type == 'MVC' else 1))

    def extra_repr(self) -> str:
        return f'joints={self.num_joints}, in_channels={self.in_channels}, data_bn_type={self.data_bn_type!r}'

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``; the input is channels last in memory."""
        raise NotImplementedError

    def normalize(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C)``, normalised by ``data_bn``."""
        n, m, t, v, c = x.shape
        with torch.autocast(x.device.type, enabled=False):  # half precision would round the coordinates
            if self.data_bn_type == 'MVC':
                x = self.data_bn(x.transpose(1, 2).reshape(n * t, m * v * c))
                return x.view(n, t, m, v, c).transpose(1, 2)
            return self.data_bn(x.reshape(n * m * t, v * c)).view(n, m, t, v, c)

    def encode_persons(self, x: Tensor) -> Tensor:
        """``(B, T, V, C)``, normalised, ``-> (B, C', T', V)``."""
        return self.encode(x.permute(0, 3, 1, 2))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', T', V)``.

        Raises:
            ValueError: If M, V or C differs from the network's.
        """
        if x.ndim != 5 or x.shape[3:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'keypoint is {tuple(x.shape)}, (N, M, T, V, C); backbone.graph_cfg.layout has V={self.num_joints} '
                f'joints and backbone.in_channels is C={self.in_channels}'
            )
        if self.data_bn_type == 'MVC' and x.shape[1] != self.num_person:
            raise ValueError(f'keypoint holds M={x.shape[1]} persons, backbone.num_person is {self.num_person}')
        rows = self.normalize(x).flatten(0, 1)
        places = x.shape[1] if self.data_bn_type == 'MVC' else 1  # with one norm per place, equal within a place only
        y = once_per_absent(self, self.encode_persons, rows, x.flatten(0, 1), places)
        return y.unflatten(0, tuple(x.shape[:2]))
