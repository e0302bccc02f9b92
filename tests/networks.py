"""A small version of every network, for tests that all of them pass.

All weights and statistics differ from the initial ones, some of which are zero and would hide a part.
"""

import copy

import torch
from torch import Tensor, nn

from pyskl.models import build_model
from pyskl.skeletons import SKELETONS
from tests.golden import fill_weights, keypoints

PLAN = {'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}
SPATIAL = {'graph_cfg': {'mode': 'spatial'}}
GRAPHS = {
    'STGCN': {**SPATIAL, 'base_channels': 8, **PLAN},
    'STGCN-plusplus': {
        **SPATIAL, 'gcn_adaptive': 'init', 'gcn_with_res': True, 'tcn_type': 'mstcn', 'base_channels': 8, **PLAN,
    },
    'AAGCN': {**SPATIAL, 'base_channels': 8, **PLAN},
    'CTRGCN': {**SPATIAL, 'base_channels': 16, **PLAN},
    'CTRGCN-original': {**SPATIAL, 'base_channels': 16, 'variant': 'original', **PLAN},
    'MSG3D': {'graph_cfg': {'mode': 'binary_adj'}, 'base_channels': 12, 'num_gcn_scales': 4, 'num_g3d_scales': 3},
    'DGSTGCN': {'graph_cfg': {'mode': 'random', 'num_filter': 4}, 'base_channels': 8, **PLAN},
    'SGN': {'base_channels': 4, 'T': 10},
    'InfoGCN': {'graph_cfg': {}, 'base_channels': 16},
    'Ske2Grid': {**SPATIAL, 'base_channels': 8, **PLAN},
    'Ske2Grid-options': {
        **SPATIAL, 'base_channels': 8, **PLAN, 'tcn': 'mstcn', 'groups': 4, 'git_init': 'skeleton', 'pyramid': True,
        'git_temperature': 0.5,
    },
}  # fmt: skip
VOLUMES = {
    'ResNet3dSlowOnly': {
        'base_channels': 4, 'num_stages': 2, 'out_indices': [1], 'stage_blocks': [1, 1], 'conv1_stride': [1, 1],
        'pool1_stride': [1, 1], 'inflate': [0, 1], 'spatial_strides': [2, 2], 'temporal_strides': [1, 2],
    },
    'C3D': {'base_channels': 4, 'num_stages': 3, 'temporal_downsample': False},
    'X3D': {'gamma_d': 1, 'base_channels': 8, 'num_stages': 2, 'stage_blocks': [1, 2], 'spatial_strides': [2, 2]},
}  # fmt: skip
NETWORKS = {**GRAPHS, **VOLUMES}
WIDTHS = {
    'CTRGCN': 32, 'CTRGCN-original': 32, 'MSG3D': 48, 'SGN': 32, 'InfoGCN': 64, 'ResNet3dSlowOnly': 32, 'C3D': 32,
    'X3D': 36,
}  # fmt: skip


def network(name: str, layout: str = 'coco', channels: int = 3, classes: int = 6) -> nn.Module:
    """The recognizer ``name`` of :data:`NETWORKS` on a skeleton; one on heatmaps has a channel per joint."""
    joints = SKELETONS[layout].num_joints
    backbone = {'type': name.split('-')[0], 'in_channels': channels, **copy.deepcopy(NETWORKS[name])}
    head = {'type': 'GCNHead', 'num_classes': classes, 'in_channels': WIDTHS.get(name, 16)}
    if name in VOLUMES:
        backbone['in_channels'] = joints
        head.update(type='I3DHead', dropout=0)
    elif name == 'SGN':
        backbone['num_joints'] = joints
    else:
        backbone['graph_cfg']['layout'] = layout
    if name.startswith('Ske2Grid'):  # three stages, the first two frozen
        side = int((joints + 5) ** 0.5 - 1e-6) + 1
        backbone.update(grid_shape=(side, side), progressive_joint_seq=[joints, joints + 2, joints + 5])
        if 'git_init' in backbone:  # its stages are grids
            backbone.update(grid_shape=(side, side + 1), progressive_joint_seq=[joints, side * side])
        head['type'] = 'GridHead'
    elif name == 'InfoGCN':
        head['type'] = 'InfoGCNHead'
    kind = 'Recognizer3D' if name in VOLUMES else 'RecognizerGCN'
    model = build_model({'type': kind, 'backbone': backbone, 'cls_head': head})
    fill_weights(model, [key for key in model.state_dict() if key.endswith('.A')])
    return model


def inputs(name: str, n: int = 5, layout: str = 'coco', channels: int = 3) -> dict[str, Tensor]:
    """``keypoint (n, 1, 2, 10, V, C)``, or ``imgs (n, 1, V, 6, 16, 16)``; all clips differ."""
    joints = SKELETONS[layout].num_joints
    if name not in VOLUMES:
        return {'keypoint': keypoints(n, 2, 10, joints, channels)[:, None]}
    generator = torch.Generator().manual_seed(1)
    strength = torch.rand(n, 1, joints, 1, 1, 1, generator=generator)
    return {'imgs': torch.rand(n, 1, joints, 6, 16, 16, generator=generator) * strength}


def without_randomness(model: nn.Module) -> nn.Module:
    """Disable dropout and noise of ``model`` in place, and return it."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    if hasattr(model.cls_head, 'noise_ratio'):
        model.cls_head.noise_ratio = 0.0
    return model
