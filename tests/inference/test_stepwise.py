import numpy as np
import pytest
import torch
from torch import nn

from pyskl.datasets.pipelines.base import Compose
from pyskl.inference.network import ActionNetwork, load_network
from pyskl.inference.stepwise import StepwiseStream, make_stream
from pyskl.inference.stream import ActionStream, StreamSettings
from pyskl.inference.windows import to_center
from pyskl.models.recognizers import RecognizerGCN
from pyskl.skeletons import get_skeleton
from tests.inference.networks import Stand, both, person
from tests.inference.test_continual import unpadded

SIZE = (480, 640)
STGCN = {
    'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': 'spatial'}, 'gcn_adaptive': 'init', 'gcn_with_res': True,
    'tcn_type': 'mstcn', 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [2, 3], 'base_channels': 8,
}  # fmt: skip
GRID = {
    'type': 'Ske2Grid', 'graph_cfg': {'layout': 'coco', 'mode': 'spatial'}, 'num_stages': 3, 'inflate_stages': [3],
    'down_stages': [2, 3], 'base_channels': 8, 'temporal_kernel_size': 5,
}  # fmt: skip


class Logits(ActionNetwork):
    """A network whose scores are logits: with random weights they differ more between windows than probabilities."""

    def judge(self, logits):
        """``(N, 1, K) -> (N, K)`` and no confidence."""
        return logits[:, 0].numpy(), np.zeros(len(logits))


def action_network(backbone=STGCN, feats=('j',), num_person=2, mode='zero', steps=(), clip_len=20, **sampler):
    """Random weights, with statistics that differ from the initial ones."""
    torch.manual_seed(0)
    head = {'type': 'GridHead' if backbone['type'] == 'Ske2Grid' else 'GCNHead', 'num_classes': 3, 'in_channels': 16}
    model = RecognizerGCN({**backbone, 'in_channels': 3 * len(feats)}, head).eval()
    for name, value in model.state_dict().items():
        if 'running_mean' in name or 'bias' in name:
            value.normal_(0, 0.1)
        elif 'running_var' in name:
            value.uniform_(0.5, 1.5).mul_(0.1 if 'data_bn' in name else 1)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    nn.init.normal_(getattr(model.cls_head, 'fc', getattr(model.cls_head, 'fc_cls', None)).weight)
    pipeline = Compose(
        [
            {'type': 'PreNormalize2D'}, *steps, {'type': 'GenSkeFeat', 'dataset': 'coco', 'feats': list(feats)},
            {'type': 'UniformSample', 'clip_len': clip_len, **sampler}, {'type': 'PoseDecode'},
            {'type': 'FormatGCNInput', 'num_person': num_person, 'mode': mode},
            {'type': 'Collect', 'keys': ['keypoint'], 'meta_keys': []}, {'type': 'ToTensor', 'keys': ['keypoint']},
        ]
    )  # fmt: skip
    return Logits(model, pipeline, get_skeleton('coco'), ['a', 'b', 'c'], 30, 20 / 30, num_person)


def film(frames, seed=0, x=(100.0, 450.0)):
    """Two persons whose joints swing in all directions: ``(2, T, V, 2)``."""
    random = np.random.RandomState(seed)
    rate, phase = random.uniform(0.05, 0.4, (2, 2, 1, 17, 2))
    swing = 80 * np.sin(6.28 * phase * 9 + rate * np.arange(frames)[:, None, None])
    start = np.zeros((2, 1, 17, 2))
    start[..., 0] = np.array(x)[:, None, None]
    start[..., 1] = 150 + np.linspace(0, 160, 17)
    return (swing + start).astype(np.float32)


def run(network, joints, present, **settings):
    """Stream ``(P, T, V, 2)`` joints of the ``present (P, T)`` persons; (middle, person, logits) of each result."""
    results = []
    stream = StepwiseStream(
        network, 30, SIZE, StreamSettings(**settings), lambda middle, who, row: results.append((middle, who, row))
    )
    for t in range(joints.shape[1]):
        here = np.flatnonzero(present[:, t])
        stream.update((joints[here, t], np.ones((len(here), 17), np.float32)), t / 30, here.tolist())
    return results, stream


def expected_logits(network, clips, first, frames, score=None, places=2):
    """Logits of the network without padding on frames from ``first`` on of persons ``(M, T, V, 2)``."""
    clips = clips[:, first : first + frames + 1]
    score = np.ones(clips.shape[:3], np.float32) if score is None else score[:, first : first + frames + 1]
    results = network.record({'keypoint': clips, 'keypoint_score': score, 'img_shape': SIZE})
    for transform in network.pipeline.transforms[:2]:
        results = transform(results)
    x = np.zeros((1, places, frames, *results['keypoint'].shape[2:]), np.float32)
    x[0, : len(clips)] = results['keypoint'][:, :frames]
    if not hasattr(network, 'bare'):
        network.unpadded = unpadded(network.model)
    with torch.no_grad():
        return network.unpadded.cls_head(network.unpadded.backbone(torch.from_numpy(x)))[0].numpy()


def first_frame(middle, frames):
    first = middle * 30 - (frames - 1) / 2
    assert first == pytest.approx(round(first), abs=1e-3)
    return round(first)


@pytest.mark.parametrize('feats', [('j',), ('j', 'bm')])
@pytest.mark.parametrize('backbone', [STGCN, GRID])
def test_scores_of_two_persons_equal_the_network_without_padding(backbone, feats):
    network = action_network(backbone, feats)
    joints, present = film(150), np.zeros((2, 150), bool)
    present[0, :95] = True
    present[1, 30:] = True  # both are present in frames 30 to 94
    results, stream = run(network, joints, present, nearness=0, max_age=0.2)
    frames = stream._steps.window
    assert frames < 40 and {who for _, who, _ in results} == {1, 2}
    for middle, who, row in results:
        first = first_frame(middle, frames)
        assert present[who - 1, first : first + frames].all()
        assert row == pytest.approx(expected_logits(network, joints[who - 1 : who], first, frames), abs=1e-4)
    firsts = {who: [first_frame(m, frames) for m, other, _ in results if other == who] for who in (1, 2)}
    for who, (begin, end) in {1: (0, 94), 2: (30, 149)}.items():
        assert firsts[who][0] - begin < 8 and end - (firsts[who][-1] + frames - 1) < 16
        assert set(np.diff(firsts[who])) == {8}
    assert np.ptp([row for _, _, row in results], axis=0).max() > 0.1  # scores differ


def test_persons_near_each_other_are_pooled_together():
    network = action_network()
    joints, present = film(70, x=(100.0, 150.0)), np.ones((2, 70), bool)
    results, stream = run(network, joints, present, nearness=5.0)
    frames = stream._steps.window
    assert len(results) >= 6
    for middle, _, row in results:
        assert row == pytest.approx(expected_logits(network, joints, first_frame(middle, frames), frames), abs=1e-4)


def test_dropped_frames_are_interpolated_up_to_max_gap():
    network = action_network()
    joints, present = film(80), np.ones((2, 80), bool)
    present[0, 31:36] = False
    present[1, 40:60] = False  # longer than max_gap
    results, stream = run(network, joints, present, nearness=0, max_gap=0.3, max_age=2.0)
    frames = stream._steps.window
    filled, score = joints.copy(), np.ones((2, 80, 17), np.float32)
    weights = (np.arange(1, 6) / 6)[:, None, None]
    filled[0, 31:36] = (1 - weights) * joints[0, 30] + weights * joints[0, 36]
    filled[1, 40:60], score[1, 40:60] = 0, 0
    for middle, who, row in results:
        only = slice(who - 1, who)
        expected = expected_logits(network, filled[only], first_frame(middle, frames), frames, score[only])
        assert row == pytest.approx(expected, abs=1e-4)
    ends = {who: [first_frame(m, frames) + frames - 1 for m, other, _ in results if other == who] for who in (1, 2)}
    assert set(np.diff(ends[1])) == {8}  # one result per hop
    assert not any(49 < end < 60 for end in ends[2])  # like with windows: no result within the gap


def test_a_window_may_be_longer_than_the_receptive_field():
    network = action_network()
    joints, present = film(90), np.ones((2, 90), bool)
    results, stream = run(network, joints, present, nearness=0, window=50 / 30)
    frames = stream._steps.window
    assert 46 < frames <= 50
    for middle, who, row in results:
        expected = expected_logits(network, joints[who - 1 : who], first_frame(middle, frames), frames)
        assert row == pytest.approx(expected, abs=1e-4)
    with pytest.raises(
        ValueError, match=r'window must be at least \d+ frames .* with stepwise, got 15 frames \(0.5 s\)'
    ):
        StepwiseStream(network, settings=StreamSettings(window=0.5))


def test_in_loop_mode_a_single_person_fills_both_places():
    network = action_network(mode='loop')
    joints, present = film(60), np.ones((2, 60), bool)
    results, stream = run(network, joints, present, nearness=0)
    frames, (middle, who, row) = stream._steps.window, results[-1]
    both_places = joints[[who - 1, who - 1]]
    assert row == pytest.approx(expected_logits(network, both_places, first_frame(middle, frames), frames), abs=1e-4)


def test_centred_persons_are_shifted_by_their_first_frames():
    network, joints, present = action_network(num_person=1), film(90)[:1], np.ones((1, 90), bool)
    moved, _ = run(network, joints + np.float32([130, -40]), present, center=True)
    shift = to_center(joints[0, :8], np.ones((8, 17), bool), SIZE).astype(np.float32)  # of the first hop
    expected, _ = run(network, joints + shift, present)
    assert len(moved) == len(expected) > 3
    for (middle, _, row), (same, _, other) in zip(moved, expected, strict=True):
        assert middle == same and np.allclose(row, other, atol=1e-4)
    without, _ = run(network, joints + np.float32([130, -40]), present)
    assert not np.allclose(without[-1][2], expected[-1][2], atol=1e-2)


def test_state_exists_for_present_people_only():
    network = action_network()
    stream = StepwiseStream(network, 30, SIZE, StreamSettings(max_age=0.3))
    for t in range(300):  # a new person every two seconds
        people = person(300.0) if t % 60 < 40 else (np.zeros((0, 17, 2)), np.zeros((0, 17)))
        stream.update(people)
        assert len(stream._steps.persons) <= 1 and len(stream._steps._since) <= 1
    assert stream._tracker.count == 5
    stream.finish()
    assert stream._steps.persons == [] and stream._steps._since == {}


def test_a_person_too_short_for_the_receptive_field_is_labelled_by_a_window():
    stream = StepwiseStream(action_network(), 30, SIZE, StreamSettings(threshold=0.0))
    for _ in range(12):
        assert stream.update(both(person(100.0), person(500.0))) == []
    first, second = stream.finish()
    assert (first.person, second.person) == (1, 2) and first.index >= 0
    assert first.end == pytest.approx(11 / 30)


def test_a_gap_of_days_is_skipped_without_steps():
    stream = StepwiseStream(action_network(), 30, SIZE)
    for t in (*np.arange(60) / 30, *(1e6 + np.arange(60) / 30)):
        stream.update(person(300.0), float(t))
    assert {len(timeline._recent) > 0 for timeline in stream._timelines.values()} == {True}


@pytest.mark.parametrize(
    ('options', 'settings', 'message'),
    [
        ({'backbone': {**STGCN, 'type': 'AAGCN'}}, {}, 'cannot step backbone AAGCN'),
        ({'backbone': {**STGCN, 'data_bn_type': 'MVC'}}, {}, "stepwise does not support data_bn_type='MVC'"),
        ({'steps': [{'type': 'FillBox'}]}, {}, 'FillBox in the test pipeline may depend on the whole clip'),
        (
            {'steps': [{'type': 'PreNormalize2D', 'mode': 'auto'}]},
            {},
            "mode='auto' needs the bounding box of a whole clip",
        ),
        ({'num_clips': 3}, {}, 'stepwise requires clips to be 1, got 3'),
        ({'p_interval': 0.5}, {}, 'stepwise does not support UniformSampleFrames with p_interval'),
        (
            {'feats': ('jm',), 'clip_len': 10},
            {},
            'stepwise motion needs all 30 frames per second, but the network uses',
        ),
        ({}, {'center': True}, 'stepwise centres each person alone, but this network labels pairs'),
    ],
)
def test_unsupported_networks_and_settings_raise(options, settings, message):
    if options.get('backbone', {}).get('type') == 'AAGCN':
        options = {'backbone': {'type': 'AAGCN', 'graph_cfg': STGCN['graph_cfg'], 'base_channels': 4}}
    with pytest.raises(ValueError, match=message):
        StepwiseStream(action_network(**options), settings=StreamSettings(**settings))


def test_config_and_settings_select_the_stream(tiny):
    assert type(make_stream(Stand())) is ActionStream
    tiny.write_config('total_epochs = 1', 'total_epochs = 1\nstepwise = 1')
    with pytest.raises(ValueError, match='config key stepwise must be True or False, got 1'):
        load_network(str(tiny.config), None)
    network = action_network()
    assert type(make_stream(network)) is ActionStream
    assert type(make_stream(network, settings=StreamSettings(stepwise=True))) is StepwiseStream
    network.stepwise = True
    assert type(make_stream(network)) is StepwiseStream
    assert type(make_stream(network, settings=StreamSettings(stepwise=False))) is ActionStream
