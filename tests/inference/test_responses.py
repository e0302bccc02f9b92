import numpy as np
import pytest
import torch
from torch import nn

from pyskl.inference.explain import explain
from pyskl.inference.network import load_network
from pyskl.inference.responses import ResponseSpool, _ResponseStream, _Scale, check_explainable, respond
from pyskl.inference.stream import StreamSettings
from pyskl.inference.timeline import Event

SIZE = (1080, 1920)
CONFIG_3D = """\
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='STGCN', graph_cfg=dict(layout='nturgb+d', mode='spatial'), base_channels=4, num_stages=2,
        inflate_stages=[], down_stages=[]),
    cls_head=dict(type='GCNHead', num_classes=3, in_channels=4))
test_pipeline = [
    dict(type='PreNormalize3D'), dict(type='GenSkeFeat', dataset='nturgb+d', feats=['j']),
    dict(type='UniformSampleFrames', clip_len=8, num_clips=1), dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2), dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint'])]
data = dict(test=dict(type='PoseDataset', ann_file='none.pkl', pipeline=test_pipeline))
"""


class Position(nn.Module):
    """One channel at joint 9: its distance to the right of the image centre, 0 to 1; 0 at other joints."""

    def forward(self, x):
        only = torch.zeros(x.shape[3], device=x.device)
        only[9] = 1
        return (x[..., 0] * only).clamp(min=0)[:, :, None]  # (N, M, 1, T, V)


@pytest.fixture
def network(tiny):
    network, _ = load_network(str(tiny.config), None)
    network.model.backbone = Position()
    network.model.cls_head.fc = nn.Conv3d(1, 4, 1)
    network.model.cls_head.in_channels = 1
    network.window = 2.0
    return network


def people_of(x, fps=15.0, first=1):
    """Yield frames with a person at ``x`` and one who is not tracked."""
    for number, place in enumerate(x):
        keypoint = np.full((2, 17, 2), 400, np.float32)
        keypoint[0, :, 0], keypoint[0, :, 1] = place, np.linspace(300, 700, 17)
        yield number / fps, np.array([first, 0]), keypoint, np.ones((2, 17), np.float32)


def saved(spool, folder):
    spool.write(folder / 'explain.npz')
    spool.close()
    return np.load(folder / 'explain.npz')


def test_each_frame_has_the_response_to_its_own_joints(network, tmp_path):
    x = np.linspace(960, 1920, 150)  # from the middle to the right edge: 0 to 1
    arrays = saved(respond(network, people_of(x), tmp_path, 'magnitude', size=SIZE), tmp_path)
    assert arrays['response'].shape == (150, 17) and (arrays['person'] == 1).all() and (arrays['index'] == -1).all()
    assert arrays['time'] == pytest.approx(np.arange(150) / 15)
    assert np.delete(arrays['response'], 9, 1).max() == 0
    assert arrays['response'][:, 9] == pytest.approx(np.linspace(0, 1, 150), abs=0.08)
    assert list(arrays['joints']) == list(network.skeleton.joints) and str(arrays['kind']) == 'magnitude'
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == '.npz') == ['explain.npz']


def test_responses_cover_every_frame_of_a_person_who_leaves(network, tmp_path):
    def people():
        yield from people_of(np.full(20, 1440.0))
        for number in range(20, 80):
            yield number / 15, np.empty(0, int), np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)
        for time, *rest in people_of(np.full(3, 1440.0), first=2):  # too short to be labelled
            yield (80 / 15 + time, *rest)

    arrays = saved(respond(network, people(), tmp_path, 'magnitude', size=SIZE), tmp_path)
    assert arrays['person'].tolist() == [1] * 20 + [2] * 3
    assert arrays['response'][:20, 9] == pytest.approx(0.5)
    assert np.isnan(arrays['response'][20:]).all()


def test_evidence_is_for_the_label_at_each_time(network, tmp_path):
    events = [Event(1, 0.0, 5.0, 'c', 2, 0.9), Event(1, 5.0, 8.0, 'unknown', -1, 0.4), Event(1, 8.0, 10.0, 'a', 0, 0.9)]
    weight = torch.tensor([1.0, 5.0, 2.0, -1.0]).reshape(4, 1, 1, 1, 1)
    network.model.cls_head.fc.weight = nn.Parameter(weight)
    network.model.cls_head.fc.bias.data.zero_()
    people = people_of(np.full(150, 1440.0))
    arrays = saved(respond(network, people, tmp_path, 'gradient', events, SIZE), tmp_path)
    assert [int(arrays['index'][int(time * 15)]) for time in (2, 6.5, 9)] == [
        2,
        1,
        0,
    ]  # the most likely class while unknown
    # The evidence of a class is its weight times the feature, so classes differ by their weights.
    selected = arrays['response'][[30, 97, 135], 9]
    assert selected / selected[2] == pytest.approx([2, 5, 1], rel=0.01)


def test_responses_of_cells_and_joints_have_the_same_sum_in_every_frame(tiny, tmp_path):
    network, _ = load_network(str(tiny.config), None)
    people = people_of(np.linspace(400, 900, 40))
    arrays = saved(respond(network, people, tmp_path, 'magnitude', size=SIZE), tmp_path)
    assert arrays['cells'].shape == (40, 5, 5) and np.isfinite(arrays['response']).all()
    assert arrays['response'].sum(1) == pytest.approx(arrays['cells'].sum((1, 2)), rel=1e-4)


def test_strengths_are_scaled_from_0_to_1(network, tmp_path):
    spool = respond(network, people_of(np.linspace(960, 1920, 60)), tmp_path, 'magnitude', size=SIZE)
    for _ in range(2):  # a spool can be read twice
        spool.rewind()
        read = [spool.strengths(np.array([1, 0])) for _ in range(60)]
        strengths = np.stack([strength for strength, _ in read])
        assert strengths.shape == (60, 2, 17) and read[0][1] is None
        assert strengths[:, 1].max() == 0  # not tracked
        assert strengths[0, 0, 9] < 0.2 and strengths[-1, 0, 9] == 1
    spool.close()


def test_memory_is_bounded_by_the_window(network, tmp_path):
    spool = ResponseSpool(tmp_path, 'magnitude', network, None)
    stream = _ResponseStream(network, SIZE, StreamSettings(hop=1.0), spool, lambda person, time: None)
    for frame in people_of(np.full(600, 1440.0)):
        stream.take(*frame)
    assert len(stream._waiting) <= (2.0 + 1.0) * 15 + 2
    scale = _Scale()
    for _ in range(5000):
        scale.add(np.linspace(0, 1, 101))
    assert sum(map(len, scale._samples)) <= 100_000 and scale.limits() == pytest.approx((0.05, 0.99))
    spool.close()


def test_responses_of_a_3d_window_have_their_persons_and_frames(tmp_path):
    """PreNormalize3D puts the person seen longest first and leaves out empty frames."""
    path = tmp_path / 'three.py'
    path.write_text(CONFIG_3D)
    network, _ = load_network(str(path), None)
    keypoint = np.random.RandomState(0).rand(2, 12, 25, 3).astype(np.float32)
    keypoint[0, 6:] = 0  # person 0 leaves
    keypoint[1, 3] = 0  # person 1 is seen longest, and not in frame 3
    response = explain(network, {'keypoint': keypoint})
    assert response.persons.tolist() == [1, 0] and response.frames.tolist() == [0, 1, 2, *range(4, 12)]
    assert response.joints.shape == (2, 11, 25)
    assert check_explainable(network, 'gradient') is None


def test_unknown_kinds_and_networks_without_joint_features_raise(network):
    with pytest.raises(ValueError, match=r"explain must be one of \('magnitude', 'gradient'\), got 'why'"):
        check_explainable(network, 'why')
    network.model.backbone.forward = lambda x: x.new_zeros(len(x), 2, 1, 8)
    with pytest.raises(ValueError, match='has no features per joint'):
        check_explainable(network, 'magnitude')
