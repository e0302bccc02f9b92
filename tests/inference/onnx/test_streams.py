"""Streams of several transforms by a graph, as configs of PYSKL and MMAction2 write them."""

import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from tests.inference.onnx.graphs import both, ending  # noqa: E402

SAMPLE = [{'type': 'UniformSample', 'clip_len': 10, 'num_clips': 2}, {'type': 'PoseDecode'}]
FRAMES = (1, 4, 13, 35)


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
def test_2d_with_a_score_that_is_an_array_of_its_own(way, half):
    for threshold in (0.01, None):
        steps = [{'type': 'PreNormalize2D', 'threshold': threshold}, *ways('coco')[way], *SAMPLE, *ending()]
        pair = both(steps, half=half)
        assert max(pair.apart(frames, 1 + frames % 3, holes=True) for frames in FRAMES) == 0


@pytest.mark.parametrize('way', ways('coco'))
def test_2d_with_the_score_as_a_channel(way):
    joints = {'type': 'GenSkeFeat', 'dataset': 'coco', 'feats': ['j']}
    pair = both([{'type': 'PreNormalize2D'}, joints, *ways('coco')[way], *SAMPLE, *ending()])
    assert max(pair.apart(frames, 2, holes=True) for frames in FRAMES) == 0


@pytest.mark.parametrize('way', ways('nturgb+d'))
def test_3d(way):
    pair = both([{'type': 'PreNormalize3D'}, *ways('nturgb+d')[way], *SAMPLE, *ending()], 'nturgb+d')
    assert max(pair.apart(frames, 2, holes=True) for frames in FRAMES) < 1e-6


def test_what_the_graph_does_not_have_is_refused():
    for steps in ([motion('coco', 'b')], [joined('keypoint', 'b')], [bone('coco', 'b'), *SAMPLE, joined('b')]):
        with pytest.raises(ValueError, match="which reads 'b', an array that the graph does not have there; export"):
            both([*steps, *SAMPLE, *ending()])
    with pytest.raises(ValueError, match='MergeSkeFeat, whose axis=1 is not that of the channels'):
        both([bone('coco', 'b'), {**joined('keypoint', 'b'), 'axis': 1}, *SAMPLE, *ending()])
