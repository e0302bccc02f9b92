"""Graphs of test pipelines give the arrays of the pipelines, or raise."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.datasets.pipelines.base import BaseTransform, Compose  # noqa: E402
from pyskl.engine.config.load import load_config  # noqa: E402
from pyskl.inference.onnx.clip import Clip  # noqa: E402
from pyskl.inference.onnx.graph import Graph  # noqa: E402
from pyskl.inference.onnx.pipeline import write_pipeline  # noqa: E402
from pyskl.registry import TRANSFORMS  # noqa: E402
from pyskl.skeletons import get_skeleton  # noqa: E402
from tests.inference.onnx.graphs import SIZE, both, ending  # noqa: E402

FRAGMENTS = sorted((Path(__file__).resolve().parents[3] / 'configs/_base_/pipelines').glob('*.py'))
FRAGMENTS = [path for path in FRAGMENTS if path.stem != 'limbs']  # which has no pipeline
SAMPLE = [{'type': 'UniformSample', 'clip_len': 10, 'num_clips': 3}, {'type': 'PoseDecode'}]
FRAMES = (1, 4, 13, 35)


def streams(feats, layout='coco', **more):
    return dict(type='GenSkeFeat', dataset=layout, feats=feats, **more)


@pytest.mark.parametrize('feats', [['j'], ['b'], ['jm'], ['bm'], ['j', 'bm']], ids='+'.join)
@pytest.mark.parametrize('threshold', [0.01, None])
@pytest.mark.parametrize('half', [False, True], ids=['float32', 'float16'])
def test_2d_graphs_equal_their_pipelines(feats, threshold, half):
    for mode, channels in (('fix', 3), ('auto', 3), ('fix', 2)):
        normalize = {'type': 'PreNormalize2D', 'threshold': threshold, 'mode': mode}
        pair = both([normalize, streams(feats), *SAMPLE, *ending()], channels=channels, half=half)
        assert max(pair.apart(frames, persons=1 + frames % 3, holes=True) for frames in FRAMES) == 0


NTU_3D = {
    'aligned': [{'type': 'PreNormalize3D'}, streams(['j'], 'nturgb+d'), *SAMPLE, *ending()],
    'bones': [{'type': 'PreNormalize3D'}, streams(['b'], 'nturgb+d'), *SAMPLE, *ending()],
    'centred only': [{'type': 'PreNormalize3D', 'align_spine': False}, *SAMPLE, *ending()],
    'rotated only': [{'type': 'PreNormalize3D', 'align_center': False}, *SAMPLE, *ending(3, 'loop')],
    'decoded': [
        {'type': 'PreNormalize3D'},
        {'type': 'UniformSampleDecode', 'clip_len': 10, 'num_clips': 2},
        *ending(1),
    ],
    'box': [{'type': 'FillBox'}, {'type': 'SampleSorted', 'clip_len': 52}, streams(['bm'], 'nturgb+d'), *ending(1)],
    'persons rotated': [{'type': 'AlignPersons'}, {'type': 'CropResize', 'clip_len': 16, 'p_interval': 0.5}, *ending()],
    'infogcn': [
        {'type': 'PreNormalize3D', 'align_spine': False},
        {'type': 'AlignPersons', 'mirror': True, 'erase_late': True},
        {'type': 'CropResize', 'clip_len': 16},
        streams(['jm'], 'nturgb+d'),
        *ending(2, 'loop'),
    ],
    'whole': [{'type': 'PadTo', 'length': 40, 'mode': 'zero'}, {'type': 'PoseDecode'}, *ending()],
    'looped': [{'type': 'PadTo', 'length': 40, 'mode': 'loop'}, {'type': 'PoseDecode'}, *ending()],
}  # fmt: skip


@pytest.mark.parametrize('name', NTU_3D)
def test_3d_graphs_equal_their_pipelines(name):
    pair = both(NTU_3D[name], 'nturgb+d')
    for frames in FRAMES:
        for persons in (1, 2, 3):
            assert pair.apart(frames, persons, holes=True, seed=frames) < 1e-6


def test_a_clip_without_persons_equals_its_pipeline():
    for steps in (NTU_3D['aligned'], NTU_3D['box'], NTU_3D['infogcn']):
        pair = both(steps, 'nturgb+d')
        assert pair.apart(5, keypoint=np.zeros((2, 5, 25, 3), np.float32)) == 0


def test_the_kinetics_graph_equals_its_pipeline():
    steps = [{'type': 'PictureShare'}, {'type': 'PadTo', 'length': 30, 'mode': 'zero'}, streams(['j'], 'openpose')]
    assert both([*steps, {'type': 'PoseDecode'}, *ending()], 'openpose').apart(20, 3, holes=True) == 0


def test_the_middle_of_the_image_is_zero():
    pair = both([{'type': 'PreNormalize2D'}, *SAMPLE, *ending(1)])
    joints = np.zeros((1, 10, 17, 3), np.float32)
    joints[..., :2], joints[..., 2] = (SIZE[1] / 2, SIZE[0] / 2), 1
    normalized = pair.graph(keypoint=joints, img_shape=np.array(SIZE))
    assert normalized.shape == (1, 3, 1, 10, 17, 3)
    assert (normalized == [0, 0, 1]).all()


def test_motion_of_hands_has_the_difference_of_scores():
    steps = [{'type': 'PreNormalize2D', 'mode': 'auto'}, streams(['jm'], 'handmp', motion_score='difference')]
    assert both([*steps, *SAMPLE, *ending(1)], 'handmp').apart(13) == 0


def steps_of(fragment):
    cfg = load_config(fragment)
    return [dict(step) for step in cfg.test_pipeline]


@pytest.mark.parametrize('fragment', FRAGMENTS, ids=lambda path: path.stem)
def test_every_shipped_pipeline_is_exported(fragment):
    layouts = {'joints_3d': 'nturgb+d', 'nturgbd': 'nturgb+d', 'nwucla': 'nw-ucla', 'openpose': 'openpose'}
    layout = next((layouts[start] for start in layouts if fragment.stem.startswith(start)), 'coco')
    steps = steps_of(fragment)
    for step in steps:
        if step['type'] == 'GenSkeFeat':
            step.setdefault('dataset', layout)
        if 'Sample' in step['type'] or step['type'] == 'CropResize':
            step.setdefault('clip_len', 20)
    assert both(steps, layout).apart(33, 2) < (1e-5 if fragment.stem.startswith('heatmaps') else 1e-6)


def refusal(steps, layout='coco'):
    clip = Clip('keypoint', 'img_shape', get_skeleton(layout).num_joints, 3, True)
    with pytest.raises(ValueError) as error:
        write_pipeline(Graph(), clip, Compose(steps).transforms)
    assert 'export --network-only' in str(error.value)
    return str(error.value)


def test_random_transforms_raise():
    assert 'RandomRot' in refusal([{'type': 'RandomRot'}, *SAMPLE, *ending()])
    random = {'type': 'UniformSample', 'clip_len': 8, 'p_interval': (0.5, 1)}
    assert 'UniformSampleFrames, whose p_interval=(0.5, 1) takes a random part' in refusal([random, *ending()])
    random = {'type': 'CropResize', 'clip_len': 8, 'p_interval': (0.5, 1)}
    assert 'CropResize, whose p_interval=(0.5, 1)' in refusal([random, *ending()])


def test_custom_transforms_raise():
    class Shake(BaseTransform):
        def transform(self, results):
            return results

    class Better(TRANSFORMS.get('PreNormalize2D')):
        """A subclass may compute anything."""

    assert 'holds Shake, which the graph cannot hold' in refusal([Shake(), *SAMPLE, *ending()])
    assert 'holds Better,' in refusal([Better(), *SAMPLE, *ending()])


def test_streams_along_another_axis_raise():
    assert 'GenSkeFeat, whose axis=1' in refusal([streams(['j', 'b'], axis=1), *SAMPLE, *ending()])


def test_a_pipeline_without_format_gcn_input_or_format_shape_raises():
    assert 'has neither FormatGCNInput nor FormatShape' in refusal(SAMPLE)
