"""Train every network for one step at the smallest widths; a script, run in a separate process.

    python -m tests.models.narrow_networks 1 4

Arguments: numbers of steps above the smallest width. Heap corruption ends the process with a signal.
"""

import copy
import sys

import torch

from pyskl.models import build_model
from tests.networks import NETWORKS, VOLUMES

# The smallest base_channels that a network accepts (LEAST), and the step between accepted values (STEP).
STEP = {'Ske2Grid-options': 4}
LEAST = {
    'Ske2Grid-options': 8, 'CTRGCN': 6, 'CTRGCN-original': 6, 'MSG3D': 6, 'InfoGCN': 8, 'STGCN-plusplus': 6,
    'AAGCN': 4, 'DGSTGCN': 6,
}  # fmt: skip


def train_once(name: str, wider: int, in_channels: int) -> torch.Size:
    """Run one forward and backward of network ``name``; the shape of its features.

    Args:
        name: A key of :data:`NETWORKS`.
        wider: Steps above the smallest ``base_channels``.
        in_channels: Channels per joint; networks on heatmaps get as many volumes.
    """
    options = copy.deepcopy(NETWORKS[name])
    options['base_channels'] = LEAST.get(name, 1) + STEP.get(name, 1) * wider
    if 'down_stages' in options:
        options.update(num_stages=2, inflate_stages=[2], down_stages=[2])
    if 'graph_cfg' in options:
        options['graph_cfg']['layout'] = 'coco'
    if name == 'SGN':
        options['num_joints'] = 17
    backbone = build_model({'type': name.split('-')[0], 'in_channels': in_channels, **options})
    shape = (1, in_channels, 4, 16, 16) if name in VOLUMES else (1, 2, 10, 17, in_channels)
    features = backbone(torch.randn(shape))
    features.square().sum().backward()
    return features.shape


def main() -> None:
    """Print ``done`` if every network ran."""
    torch.set_num_threads(1)
    for wider in map(int, sys.argv[1:]):
        for name in NETWORKS:
            for in_channels in (2, 3, 4):
                train_once(name, wider, in_channels)
    print('done')


if __name__ == '__main__':
    main()
