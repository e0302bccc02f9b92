"""The networks that benchmarks measure, with the models and clips of shipped configs."""

from pathlib import Path
from typing import NamedTuple

from pyskl.apis import load_config

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
NUM_CLASSES = 60


class Network(NamedTuple):
    """A network and the shape of its clips.

    ``config``: a file's place below ``configs/``, or a model as a dict. ``clip``: (M, T, V, C) of joints, (C, T, H, W)
    of heatmaps. ``options``: of the backbone, over the config's. ``key``: the recognizer's argument that takes clips.
    """

    config: str | dict
    clip: tuple[int, int, int, int]
    options: dict = {}
    key: str = 'keypoint'

    def model(self) -> dict:
        """Config of the recognizer."""
        cfg = self.config if isinstance(self.config, dict) else load_config(str(CONFIGS / self.config)).model.to_dict()
        return {**cfg, 'backbone': {**cfg['backbone'], **self.options}}


def _of_no_config(head: str, channels: int, **backbone) -> dict:
    head = {'type': head, 'num_classes': NUM_CLASSES, 'in_channels': channels}
    return {'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head}


COCO = (2, 100, 17, 3)
KINECT = (2, 100, 25, 3)
HEATMAPS = (17, 48, 56, 56)
NETWORKS = {
    'd5': Network('Ske2Grid/d5_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'd6': Network('Ske2Grid/d5tod6_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'd7': Network('Ske2Grid/d6tod7_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'd8': Network('Ske2Grid/d7tod8_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'stgcn': Network('stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'stgcn++': Network('stgcn++/stgcn++_ntu60_xsub_hrnet/j.py', COCO),
    'aagcn': Network('aagcn/aagcn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'agcn': Network('aagcn/aagcn_pyskl_ntu60_xsub_hrnet/j.py', COCO, {'gcn_attention': False}),
    'ctrgcn': Network('ctrgcn/ctrgcn_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'ctrgcn-original': Network('ctrgcn/ctrgcn_pyskl_ntu60_xsub_hrnet/j.py', COCO, {'variant': 'original'}),
    'msg3d': Network('msg3d/msg3d_pyskl_ntu60_xsub_hrnet/j.py', COCO),
    'dgstgcn': Network('dgstgcn/ntu60_xsub_3dkp/j.py', KINECT),
    'sgn': Network(_of_no_config('GCNHead', 512, type='SGN', num_joints=25, T=30), (2, 30, 25, 3)),
    'infogcn': Network(
        _of_no_config('InfoGCNHead', 256, type='InfoGCN', graph_cfg={'layout': 'nturgb+d'}), (2, 64, 25, 3)
    ),
    'slowonly': Network('posec3d/slowonly_r50_ntu60_xsub/joint.py', HEATMAPS, key='imgs'),
    'c3d': Network('posec3d/c3d_light_ntu60_xsub/joint.py', HEATMAPS, key='imgs'),
    'x3d': Network('posec3d/x3d_shallow_ntu60_xsub/joint.py', HEATMAPS, key='imgs'),
}
