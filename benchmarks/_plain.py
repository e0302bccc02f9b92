"""A network computed by torch's own layers on contiguous maps, for comparison with the shipped one.

:func:`plain` copies a network and computes the copy as its paper's formulas read: ``nn.Conv2d`` and the like in place
of ours, no fused branches or norms, one convolution per subset and branch, every person computed. Released code is
written in this way; the copy is not that code.

N samples, M persons, B = N * M, T frames, V joints, C channels, K adjacency subsets, H x W the grid.
"""

import copy
from types import MethodType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.backbones.aagcn import AAGCN, AdaptiveGCN
from pyskl.models.backbones.c3d import C3D
from pyskl.models.backbones.ctrgcn import CTRGC, CTRGCN
from pyskl.models.backbones.dgstgcn import DGGCN, DGSTGCN, DGTCN
from pyskl.models.backbones.infogcn import SAGC, InfoGCN
from pyskl.models.backbones.msg3d import G3D, MSG3D, MSGCN, UnfoldTime
from pyskl.models.backbones.resnet3d import ResNet3dSlowOnly
from pyskl.models.backbones.sgn import SGN, FrameGCN
from pyskl.models.backbones.ske2grid import GridBlock, Ske2Grid
from pyskl.models.backbones.stgcn import STGCN
from pyskl.models.backbones.x3d import X3D
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.conv3d import AvgPool3d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.convolution3d import Conv3d
from pyskl.models.layers.graph_conv import UnitGCN
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN
from pyskl.models.layers.temporal_conv import MultiScaleTCN
from pyskl.models.layers.time_pool import TimePool


def _gcn_backbone(self: nn.Module, x: Tensor) -> Tensor:
    n, m, t, v, c = x.shape
    x = x.permute(0, 1, 3, 4, 2).contiguous()
    x = self.data_bn(x.view(n, m * v * c, t) if self.data_bn_type == 'MVC' else x.view(n * m, v * c, t))
    x = x.view(n * m, v, c, t).permute(0, 2, 3, 1).contiguous()  # (B, C, T, V)
    if isinstance(self, MSG3D):
        x = self.encode(x)
    else:
        for block in self.net if isinstance(self, CTRGCN | InfoGCN) else self.gcn:
            x = block(x)
    return x.view(n, m, *x.shape[1:])


def _infogcn(self: InfoGCN, x: Tensor) -> Tensor:
    return _gcn_backbone(self, self.to_joint_embedding(self.A_vector @ x) + self.pos_embedding)


def _sgn(self: SGN, x: Tensor) -> Tensor:
    y = self.encode(self.joints_and_motion(x.flatten(0, 1)).contiguous())
    return self.tcn[2:](y).unflatten(0, tuple(x.shape[:2]))


def _unit_gcn(self: UnitGCN, x: Tensor) -> Tensor:
    y = self.conv(x).unflatten(1, (self.num_subsets, -1))
    y = torch.einsum('nkctv,kvw->nctw', y, self.adjacency()).contiguous()
    y = self.bn(y)
    return self.act(y + self.down(x) if self.with_res else y)


def _adaptive_gcn(self: AdaptiveGCN, x: Tensor) -> Tensor:
    b, c, t, v = x.shape
    total = None
    for k in range(self.num_subsets):
        graph = self.A[k]
        if self.adaptive:
            one = self.conv_a[k](x).permute(0, 3, 1, 2).reshape(b, v, -1)
            other = self.conv_b[k](x).reshape(b, -1, v)
            graph = graph + self.alpha * torch.tanh(one @ other / one.shape[-1])
        z = self.conv_d[k]((x.view(b, c * t, v) @ graph).view(b, c, t, v))
        total = z if total is None else z + total
    y = self.relu(self.bn(total) + self.down(x))
    if self.attention:
        y = y * self.conv_sa(y.mean(2)).sigmoid().unsqueeze(2) + y
        y = y * self.conv_ta(y.mean(3)).sigmoid().unsqueeze(3) + y
        hidden = self.fc1c(y.mean((2, 3))).relu()
        y = y * self.fc2c(hidden).sigmoid()[:, :, None, None] + y
    return y


def _ctrgc(self: CTRGC, x: Tensor) -> Tensor:
    total = None
    for k, conv in enumerate(self.convs):
        a, b = conv.conv1(x).mean(2), conv.conv2(x).mean(2)
        refined = torch.tanh(a[..., None] - b[:, :, None])
        graph = conv.conv4(refined) * self.alpha + self.A[k]
        y = torch.einsum(self.sum.replace('k', ''), graph, conv.conv3(x))
        total = y if total is None else y + total
    return self.relu(self.bn(total) + self.down(x))


def _msgcn(self: MSGCN, x: Tensor) -> Tensor:
    y = torch.einsum('svw,bctv->bsctw', self.A + self.PA, x)
    return self.mlp(y.flatten(1, 2))


def _unfold_time(self: UnfoldTime, x: Tensor) -> Tensor:
    b, c, _, v = x.shape
    y = F.unfold(x, (self.size, 1), padding=((self.size - 1) // 2, 0), stride=(self.stride, 1))
    return y.view(b, c, self.size, -1, v).transpose(2, 3).flatten(3)


def _g3d(self: G3D, x: Tensor) -> Tensor:
    y = self.gcn3d(x).unflatten(3, (self.size, -1))  # (B, C, T', W, V)
    return self.out_bn(self.out_conv(y).squeeze(3))


def _sagc(self: SAGC, x: Tensor) -> Tensor:
    frames = x.permute(0, 2, 3, 1)
    graphs = self.attn(frames) * self.shared_topology
    total = None
    for head, conv in enumerate(self.conv_d):
        y = conv((graphs[:, :, head] @ frames).permute(0, 3, 1, 2).contiguous())
        total = y if total is None else y + total
    return self.relu(self.bn(total) + self.down(x))


def _frame_gcn(self: FrameGCN, x: Tensor, graph: Tensor) -> Tensor:
    y = (graph @ x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()
    return self.relu(self.bn(self.conv(y) + self.residual(x)))


def _multi_branch_tcn(self: MultiBranchTCN, x: Tensor) -> Tensor:
    y = torch.cat([branch(x) for branch in self.branches], dim=1)
    return self.drop(self.act(y + self.residual(x) if self.has_residual else y))


def _multi_scale_tcn(self: MultiScaleTCN, x: Tensor) -> Tensor:
    y = torch.cat([branch(x) for branch in self.branches], dim=1)
    return self.drop(self.bn(self.transform(y)))


def _dggcn(self: DGGCN, x: Tensor) -> Tensor:
    groups = (self.num_groups, -1)
    y = self.pre(x).unflatten(1, groups)
    summary = x.mean(2, keepdim=True)
    a, b = self.conv1(summary).unflatten(1, groups), self.conv2(summary).unflatten(1, groups)
    graph = self.A[None, :, None, None]
    graph = graph + self.alpha[0] * self.ctr_act(a[..., None] - b[..., None, :])
    graph = graph + self.beta[0] * self.ada_act(torch.einsum('nkctv,nkctw->nktvw', a, b)[:, :, None])
    y = torch.einsum('nkctv,nkcvw->nkctw', y, graph.squeeze(3)).contiguous()
    return self.act(self.bn(self.post(y.flatten(1, 2))) + self.down(x))


def _dgtcn(self: DGTCN, x: Tensor) -> Tensor:
    v = x.shape[3]
    x = torch.cat([x, x.mean(3, keepdim=True)], dim=3)
    y = torch.cat([branch(x) for branch in self.branches], dim=1)
    y = y[..., :v] + torch.einsum('nct,v->nctv', y[..., v], self.add_coeff[:v])
    return self.drop(self.bn(self.transform(y)))


def _ske2grid(self: Ske2Grid, x: Tensor) -> Tensor:
    n, m, t, v, c = x.shape
    x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n * m, v * c, t))
    x = x.view(n * m, v, c * t)
    self.refresh()
    x = torch.einsum('gv,bvd->bgd', self.skeleton_matrix, x)
    for upsample, permute in zip(self.sampling_stages, self.SGT_stages, strict=True):
        x = torch.einsum('gv,bvd->bgd', permute(upsample), x)
    x = x.view(n * m, -1, c, t).permute(0, 2, 3, 1).contiguous()  # (B, C, T, H * W)
    for block in self.st_gcn_networks:
        x = block(x)
    return x.view(n, m, *x.shape[1:3], *self.grid_shape)


def _grid_block(self: GridBlock, x: Tensor) -> Tensor:
    b, c, t, _ = x.shape
    y = x.transpose(1, 2).reshape(b * t, c, *self.grid_shape)
    y = self.gcn2cn.bn(self.gcn2cn.conv(y))
    y = self.tcn2cn(y.view(b, t, -1, x.shape[3]).transpose(1, 2).contiguous())
    return self.relu(y + self.residual(x) if self.has_residual else y)


def _c3d(self: C3D, x: Tensor) -> Tensor:
    x = self.pool2(self.conv2a(self.pool1(self.conv1a(x))))
    x = self.pool3(self.conv3b(self.conv3a(x)))
    x = self.conv4b(self.conv4a(x))
    return self.conv5b(self.conv5a(self.pool4(x))) if self.has_stage4 else x


def _slowonly(self: ResNet3dSlowOnly, x: Tensor) -> Tensor:
    return nn.Sequential(self.conv1, self.maxpool, *self.stages)(x)


def _x3d(self: X3D, x: Tensor) -> Tensor:
    return nn.Sequential(self.conv1_s, self.conv1_t, *self.stages, self.conv5)(x)


_LAYERS = {Conv2d: nn.Conv2d, Conv3d: nn.Conv3d, BatchNorm2d: nn.BatchNorm2d, AvgPool3d: nn.AvgPool3d}
_FORWARDS = {
    STGCN: _gcn_backbone, AAGCN: _gcn_backbone, CTRGCN: _gcn_backbone, DGSTGCN: _gcn_backbone, MSG3D: _gcn_backbone,
    InfoGCN: _infogcn, SGN: _sgn, Ske2Grid: _ske2grid, C3D: _c3d, ResNet3dSlowOnly: _slowonly, X3D: _x3d,
    UnitGCN: _unit_gcn, AdaptiveGCN: _adaptive_gcn, CTRGC: _ctrgc, MultiBranchTCN: _multi_branch_tcn,
    MultiScaleTCN: _multi_scale_tcn, DGGCN: _dggcn, DGTCN: _dgtcn, MSGCN: _msgcn, UnfoldTime: _unfold_time, G3D: _g3d,
    SAGC: _sagc, FrameGCN: _frame_gcn, GridBlock: _grid_block, TimePool: lambda self, x: self.pool(x),
}  # fmt: skip


def plain(model: nn.Module) -> nn.Module:
    """A copy of a recognizer with the same parameters, computed as described at the top of this file.

    Ske2Grid is supported only without the options that are not published.
    """
    model = copy.deepcopy(model).to(memory_format=torch.contiguous_format)
    for module in model.modules():
        if type(module) in _FORWARDS:
            module.forward = MethodType(_FORWARDS[type(module)], module)
        module.__class__ = _LAYERS.get(type(module), type(module))
    return model
