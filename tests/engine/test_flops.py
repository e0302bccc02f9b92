"""Parameters and MACs of networks, compared with fvcore's counts for PYSKL's and Ske2Grid's released code.

Backbones, 60 classes, one clip of two persons and 100 frames. Where a network here computes in another order, the
difference to the order of the released code is calculated by hand.
"""

import pytest
import torch
from torch import nn

from pyskl.engine.config.load import load_config, parse_options
from pyskl.engine.flops import clip_shape, macs, parameters
from pyskl.models import build_model
from tests.configs.tree import CONFIGS, LEAVES

NTU = '{}_ntu60_xsub_{}/j.py'.format


def built(config, *options):
    cfg = load_config(str(CONFIGS / config), parse_options(list(options)))
    return cfg, build_model(cfg.model.to_dict())


def counted(config, *options, clip=None):
    """Return millions of parameters, and GMACs of the backbone."""
    cfg, model = built(config, *options)
    return parameters(model) / 1e6, macs(model.backbone, torch.empty(1, *(clip or clip_shape(cfg)))).total / 1e9


# config -> parameters in millions, GMACs: as published.
SAME = {
    NTU('stgcn/stgcn_pyskl', '3dkp'): ('3.099', '5.71'),
    NTU('stgcn/stgcn_pyskl', 'hrnet'): ('3.089', '3.82'),
    NTU('stgcn/stgcn_vanilla', '3dkp'): ('3.099', '17.1'),  # 300 frames
    NTU('stgcn++/stgcn++', '3dkp'): ('1.403', '2.96'),
    NTU('stgcn++/stgcn++', 'hrnet'): ('1.393', '1.95'),
    NTU('msg3d/msg3d_pyskl', '3dkp'): ('3.195', '10.97'),
    NTU('msg3d/msg3d_pyskl', 'hrnet'): ('2.976', '6.84'),
    'dgstgcn/ntu60_xsub_3dkp/j.py': ('1.701', '2.54'),
    'posec3d/slowonly_r50_ntu60_xsub/joint.py': ('2.025', '20.6'),
    'posec3d/c3d_light_ntu60_xsub/joint.py': ('3.405', '21.9'),
    'posec3d/x3d_shallow_ntu60_xsub/joint.py': ('0.255', '0.74'),
}


def printed(value, as_in):
    """Format ``value`` with as many decimals as the string ``as_in`` has."""
    return f'{value:.{len(as_in.partition(".")[2])}f}'


@pytest.mark.parametrize('config', SAME)
def test_parameters_and_macs_equal_the_published_ones(config):
    size, cost = counted(config)
    assert (printed(size, SAME[config][0]), printed(cost, SAME[config][1])) == SAME[config]


@pytest.mark.parametrize(
    ('config', 'at_56'), [('slowonly_r50', '15.8'), ('c3d_light', '16.8'), ('x3d_shallow', '0.59')]
)
def test_macs_of_a_smaller_volume_equal_the_published_ones(config, at_56):
    _, cost = counted(f'posec3d/{config}_ntu60_xsub/joint.py', clip=(17, 48, 56, 56))
    assert printed(cost, at_56) == at_56


@pytest.mark.parametrize(('side', 'published'), [(56, '14.6'), (64, '19.1')])
def test_macs_of_the_kinetics_network_equal_the_published_ones(side, published):
    config, classes = 'posec3d/slowonly_r50_ucf101_k400p/s1_joint.py', 'model.cls_head.num_classes=400'
    size, cost = counted(config, classes, clip=(17, 48, side, side))
    assert (printed(size, '3.209'), printed(cost, published)) == ('3.209', published)


# (in, out, T) of the ten blocks: T frames enter; the fifth and the eighth halve them behind the graph convolution.
BLOCKS = [
    (3, 64, 100), (64, 64, 100), (64, 64, 100), (64, 64, 100), (64, 128, 100),
    (128, 128, 50), (128, 128, 50), (128, 256, 50), (256, 256, 25), (256, 256, 25),
]  # fmt: skip


@pytest.mark.parametrize(
    ('skeleton', 'joints', 'size', 'published', 'here'),
    [('3dkp', 25, '3.782', '6.49', '6.50'), ('hrnet', 17, '3.760', '4.35', '4.35')],
)
def test_macs_of_aagcn_with_the_mean_over_joints_as_a_product(skeleton, joints, size, published, here):
    # PYSKL multiplies the map by the joints' gate and averages it, element-wise, which counters ignore.
    gates = sum(out * frames for _, out, frames in BLOCKS) * joints * 2
    found, cost = counted(NTU('aagcn/aagcn_pyskl', skeleton))
    assert printed(found, size) == size
    assert printed(cost - gates / 1e9, published) == published
    assert printed(cost, here) == here


def test_aagcn_without_attention_has_the_published_number_of_parameters():
    size, _ = counted(NTU('aagcn/aagcn_pyskl', '3dkp'), 'model.backbone.gcn_attention=False')
    assert printed(size, '3.470') == '3.470'


@pytest.mark.parametrize(
    ('skeleton', 'joints', 'size', 'published', 'here'),
    [('3dkp', 25, '1.447', '3.00', '2.73'), ('hrnet', 17, '1.436', '1.95', '1.77')],
)
def test_macs_of_ctrgcn_with_the_mean_over_frames_before_the_convolution(skeleton, joints, size, published, here):
    # conv1 and conv2 of three subsets, 1x1 and linear: PYSKL convolves all T frames and averages; here one frame is
    # convolved, their mean.
    embedded = [(narrow, 8 if narrow == 3 else narrow // 8, frames) for narrow, _, frames in BLOCKS]
    saved = sum(2 * 3 * narrow * width * (frames - 1) for narrow, width, frames in embedded) * joints * 2
    found, cost = counted(NTU('ctrgcn/ctrgcn_pyskl', skeleton))
    assert printed(found, size) == size
    assert printed(cost + saved / 1e9, published) == published
    assert printed(cost, here) == here


@pytest.mark.parametrize(
    ('folder', 'nodes', 'size', 'published', 'here'),
    [
        ('d5', [17, 25], '4.369', '8.02', '8.02'),
        ('d5tod6', [17, 25, 36], '4.372', '11.55', '11.55'),
        ('d6tod7', [17, 25, 36, 49], '4.376', '15.72', '15.72'),
        ('d7tod8', [17, 25, 36, 49, 64], '4.383', '20.54', '20.53'),
    ],
)
def test_macs_of_ske2grid_with_its_matrices_multiplied_first(folder, nodes, size, published, here):
    # The released code multiplies the clip, 3 x 100 columns per person, by B and by UPT and GIT of every stage.
    cfg, model = built(f'Ske2Grid/{folder}_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py')
    cost = macs(model.backbone, torch.empty(1, *clip_shape(cfg))).total / 1e9
    steps = [nodes[0] ** 2] + [b * a + b * b for a, b in zip(nodes, nodes[1:], strict=False)]
    ours = nodes[0] * nodes[-1]
    assert printed(parameters(model.backbone) / 1e6, size) == size
    assert printed(cost + (sum(steps) - ours) * 3 * 100 * 2 / 1e9, published) == published
    assert printed(cost, here) == here


def test_macs_of_a_small_network_by_hand():
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU()).train()
    cost = macs(net, torch.empty(2, 3, 4, 5))
    assert cost == (2 * 4 * 5 * 3 * 8, 2 * (2 * 4 * 5 * 8))
    assert cost.total == 960 + 640
    assert net.training and net[0].weight.device.type == 'cpu'


def test_autocast_is_restored_even_if_the_network_raises():
    before = torch.autocast
    with pytest.raises(RuntimeError):
        macs(nn.Linear(2, 3), torch.empty(1, 4))
    assert torch.autocast is before


@pytest.mark.parametrize(
    ('config', 'clip'),
    [
        ('stgcn/stgcn_vanilla_ntu60_xsub_3dkp/j.py', (2, 300, 25, 3)),
        ('stgcn++/stgcn++_nwucla/b.py', (1, 32, 20, 3)),
        ('posec3d/slowonly_r50_hmdb51_k400p/s1_joint.py', (17, 48, 56, 56)),
        ('posec3d/c3d_light_gym/limb.py', (17, 48, 64, 64)),
    ],
)
def test_clip_shape_follows_the_pipeline(config, clip):
    assert clip_shape(load_config(str(CONFIGS / config), {})) == clip


def config_of(tmp_path, text):
    path = tmp_path / 'net.py'
    path.write_text(text)
    return load_config(str(path), {})


def test_clip_shape_without_data_follows_the_network(tmp_path):
    sgn = "model = dict(type='RecognizerGCN', backbone=dict(type='SGN', T=20), cls_head=dict(type='GCNHead'))"
    assert clip_shape(config_of(tmp_path, sgn)) == (2, 20, 25, 3)
    c3d = "model = dict(type='Recognizer3D', backbone=dict(type='C3D', in_channels=17), cls_head=dict(type='I3DHead'))"
    assert clip_shape(config_of(tmp_path, c3d)) == (17, 48, 64, 64)
    with_heatmaps = c3d.replace("type='Recognizer3D'", "type='Recognizer3D', heatmaps=dict(test_size=(48, 40))")
    assert clip_shape(config_of(tmp_path, with_heatmaps)) == (17, 48, 48, 40)


def test_clip_shape_uses_the_last_crop_and_scale_is_width_first(tmp_path):
    text = (
        "model = dict(type='Recognizer3D', backbone=dict(type='C3D', in_channels=17), cls_head=dict(type='I3DHead'))\n"
        "data = dict(test=dict(type='PoseDataset', ann_file='x.pkl', pipeline=[dict(type='UniformSample', clip_len=8), "
        "dict(type='Resize', scale=(-1, 64)){}]))\n"
    )
    assert clip_shape(config_of(tmp_path, text.format(''))) == (17, 8, 64, 64)
    assert clip_shape(config_of(tmp_path, text.format(", dict(type='CenterCrop', crop_size=56)"))) == (17, 8, 56, 56)
    assert clip_shape(config_of(tmp_path, text.replace('-1, 64', '40, 24').format(''))) == (17, 8, 24, 40)


@pytest.mark.slow
def test_clip_shape_fits_the_network_of_every_config():
    networks = {}
    for name, path in LEAVES.items():
        cfg = load_config(str(path), {})
        networks.setdefault((str(cfg.model.backbone), clip_shape(cfg)), (name, cfg))
    for (_, clip), (name, cfg) in networks.items():
        cost = macs(build_model(cfg.model.to_dict()).backbone, torch.empty(1, *clip))
        assert cost.products > 10 * cost.norms > 0, name


def test_clip_shape_without_data_follows_the_test_pipeline(tmp_path):
    text = """
model = dict(type='RecognizerGCN', backbone=dict(type='STGCN', in_channels=2, graph_cfg=dict(layout='handmp',
    mode='spatial')), cls_head=dict(type='GCNHead', num_classes=40, in_channels=256))
test_pipeline = [dict(type='UniformSample', clip_len=10), dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1)]
"""
    assert clip_shape(config_of(tmp_path, text)) == (1, 10, 21, 2)
