"""Streams of several transforms by a graph, as configs of PYSKL and MMAction2 write them."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.datasets.pipelines.streams import GenSkeFeat  # noqa: E402
from pyskl.inference.onnx import streams as stream_graphs  # noqa: E402
from pyskl.inference.onnx.clip import Clip  # noqa: E402
from pyskl.inference.onnx.graph import FLOAT, Graph  # noqa: E402
from tests.inference.onnx.graphs import both, ending, session  # noqa: E402

SAMPLE = [{'type': 'UniformSample', 'clip_len': 10, 'num_clips': 2}, {'type': 'PoseDecode'}]
FRAMES = (1, 4, 13, 35)
CHAIN = {'joints': ['hip', 'knee'], 'bones': [('knee', 'hip')], 'dims': 2}
INPUT = {'x': (FLOAT, ('M', 'T', 'V', 3))}


def bone(layout, target='keypoint'):
    return {'type': 'JointToBone', 'dataset': layout, 'target': target}


def motion(layout, source='keypoint', target='keypoint', **more):
    return {'type': 'ToMotion', 'dataset': layout, 'source': source, 'target': target, **more}


def joined(*names):
    return {'type': 'MergeSkeFeat', 'feat_list': names}


def ways(layout):
    return {
        'b': [bone(layout)],
        'jm': [motion(layout)],
        'bm': [bone(layout), motion(layout)],
        'bm by names': [bone(layout, 'b'), motion(layout, 'b', 'keypoint')],
        'j+b+bm': [bone(layout, 'b'), motion(layout, 'b', 'bm'), joined('keypoint', 'b', 'bm')],
    }


@pytest.mark.parametrize('half', [False, True], ids=['float32', 'float16'])
@pytest.mark.parametrize('way', ways('coco'))
def test_2d_graphs_with_a_separate_score_equal_their_transforms(way, half):
    for threshold in (0.01, None):
        steps = [{'type': 'PreNormalize2D', 'threshold': threshold}, *ways('coco')[way], *SAMPLE, *ending()]
        pair = both(steps, half=half)
        assert max(pair.apart(frames, 1 + frames % 3, holes=True) for frames in FRAMES) == 0


@pytest.mark.parametrize('way', ways('coco'))
def test_2d_graphs_with_the_score_as_a_channel_equal_their_transforms(way):
    joints = {'type': 'GenSkeFeat', 'dataset': 'coco', 'feats': ['j']}
    pair = both([{'type': 'PreNormalize2D'}, joints, *ways('coco')[way], *SAMPLE, *ending()])
    assert max(pair.apart(frames, 2, holes=True) for frames in FRAMES) == 0


@pytest.mark.parametrize('way', ways('nturgb+d'))
def test_3d_graphs_equal_their_transforms(way):
    pair = both([{'type': 'PreNormalize3D'}, *ways('nturgb+d')[way], *SAMPLE, *ending()], 'nturgb+d')
    assert max(pair.apart(frames, 2, holes=True) for frames in FRAMES) < 1e-6


def test_unsupported_options_raise():
    for steps in ([motion('coco', 'b')], [joined('keypoint', 'b')], [bone('coco', 'b'), *SAMPLE, joined('b')]):
        with pytest.raises(ValueError, match="which reads 'b', an array that the graph does not have there; export"):
            both([*steps, *SAMPLE, *ending()])
    with pytest.raises(ValueError, match='MergeSkeFeat, whose axis=1 is not that of the channels'):
        both([bone('coco', 'b'), {**joined('keypoint', 'b'), 'axis': 1}, *SAMPLE, *ending()])


def clip_of(*frames):
    """``(1, T, 1, 3)``: one joint, (x, y, score) per frame."""
    return np.array(frames, np.float32)[None, :, None]


@pytest.mark.parametrize('has_score, last', [(True, 0.75), (False, 0.5)])
def test_a_difference_has_the_mean_of_the_scores(has_score, last):
    graph = Graph()
    run = session(graph, {**INPUT, 'y': INPUT['x']}, stream_graphs.difference(graph, 'x', 'y', has_score), axes=4)
    assert run(x=clip_of([5, 2, 1]), y=clip_of([3, 2, 0.5])).ravel().tolist() == [2, 0, last]


def test_motion_of_constant_velocity_is_constant_then_zero():
    graph = Graph()
    run = session(graph, INPUT, stream_graphs.motion(graph, 'x', False), axes=4)
    walk = clip_of([0, 0, 9], [1, 2, 9], [2, 4, 9], [3, 6, 9])
    assert run(x=walk)[0, :, 0].tolist() == [[1, 2, 0], [1, 2, 0], [1, 2, 0], [0, 0, 0]]


def computed(feats, **clip):
    """The clip behind ``feats`` of a hip at (1, 1) and a knee at (1, 3), in two frames; scores 1 and 0.5."""
    graph, clip = Graph(), Clip('x', None, 2, 3, True, **clip)
    stream_graphs.streams(graph, clip, GenSkeFeat(dataset=CHAIN, feats=feats))
    pose = np.array([[1, 1, 1], [1, 3, 0.5]], np.float32)
    return clip, session(graph, INPUT, clip.keypoint, axes=4)(x=np.stack([pose, pose])[None])


def test_bones_point_from_the_parent_and_that_of_the_root_is_zero():
    clip, found = computed(['b'])
    assert found[0, 0].tolist() == [[0, 0, 1], [0, 2, 0.75]]
    assert (clip.channels, clip.has_score) == (3, True)


def test_several_streams_are_joined_along_the_channels():
    clip, found = computed(['j', 'b'])
    assert found[0, 0].tolist() == [[1, 1, 1, 0, 0, 1], [1, 3, 0.5, 0, 2, 0.75]]
    assert (clip.channels, clip.has_score) == (6, False)


def test_only_joints_and_their_motion_stay_float16():
    halves = {name: computed([name], half=True)[0].half for name in ('j', 'b', 'jm', 'bm')}
    assert halves == {'j': True, 'b': False, 'jm': True, 'bm': False}
