"""Precomputed steps: which transforms qualify, equal results, and different steps raise."""

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from pyskl.datasets.pipelines.base import BaseTransform
from pyskl.datasets.pipelines.precomputed import leading_steps, runner, step_of, without_steps, written
from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.store_writer import pack_annotations
from pyskl.engine.config.load import load_config
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.dataset import LAYOUTS, make_annotation

FOLDER = Path(__file__).resolve().parents[3] / 'configs' / '_base_' / 'pipelines'
PHASES = ('train_pipeline', 'val_pipeline', 'test_pipeline')
FRAGMENTS = {path.stem: (path, {}) for path in sorted(FOLDER.glob('*.py')) if path.stem != 'limbs'}  # no pipeline
for stem, (_, options) in FRAGMENTS.items():
    if stem.startswith('joints'):  # a leaf names a skeleton
        options['layout'] = 'nturgb+d' if '3d' in stem else 'openpose'
FRAGMENTS['joints_2d, unmasked'] = (
    FOLDER / 'joints_2d.py',
    {'layout': 'coco', 'transform_defaults.PreNormalize2D.threshold': None},
)
FRAGMENTS['joints_3d, unaligned'] = (
    FOLDER / 'joints_3d.py',
    {'layout': 'nw-ucla', 'transform_defaults.PreNormalize3D.align_spine': False},
)
BODY, FLAT = {'type': 'PreNormalize3D'}, {'type': 'PreNormalize2D'}


def pipelines_of(name):
    path, options = FRAGMENTS[name]
    cfg = load_config(path, options)
    return [cfg[phase] for phase in PHASES]


def pack(path, steps):
    target = path.with_suffix('.skl')
    with target.open('wb') as file:
        pack_annotations(path, file, runner(steps) if steps else None, steps)
    return target


def layout_of(pipelines):
    names = [item['dataset'] for pipeline in pipelines for item in pipeline if 'dataset' in item]
    return names[0] if names else 'coco'


STEPPED = [name for name in FRAGMENTS if leading_steps(pipelines_of(name))]


def test_most_fragments_begin_with_such_steps():
    assert set(STEPPED) >= {'joints_2d', 'joints_2d, unmasked', 'joints_3d', 'joints_3d_strong_aug', 'nwucla'}


def some_clip(layout, index):
    """Clip ``index`` of the synthetic data, or noise for skeletons that it does not support."""
    if layout in LAYOUTS:
        return make_annotation(0, index, layout)
    skeleton, numbers = get_skeleton(layout), np.random.RandomState(index)
    shape = (1, 20 + index, skeleton.num_joints)
    clip = {'label': index, 'total_frames': shape[1], 'keypoint': numbers.rand(*shape, skeleton.dims)}
    if skeleton.dims == 2:
        clip.update(img_shape=(256, 340), keypoint_score=numbers.rand(*shape), keypoint=clip['keypoint'] * 256)
    return clip


def sample(dataset, index):
    np.random.seed(index)
    random.seed(index)
    return dataset[index]


@pytest.mark.parametrize('dtype', [np.float16, np.float32])
@pytest.mark.parametrize('name', STEPPED)
def test_samples_equal_those_of_the_pickle_bit_for_bit(tmp_path, name, dtype):
    pipelines = pipelines_of(name)
    layout = layout_of(pipelines)
    clips = [some_clip(layout, index) for index in range(4)]
    for number, clip in enumerate(clips):
        for key in ('keypoint', 'keypoint_score'):
            if key in clip:
                clip[key] = clip[key].astype(dtype)
        if number == 1:  # a frame without persons, and one more person
            clip['keypoint'][:, 2] = 0
            clip['keypoint'] = np.concatenate([clip['keypoint'][:1] * 0, clip['keypoint']])
            if 'keypoint_score' in clip:
                clip['keypoint_score'] = np.concatenate([clip['keypoint_score'][:1] * 0, clip['keypoint_score']])
        clip.update(frame_dir=str(number))
    write_annotations(tmp_path / 'x.pkl', clips)
    packed = pack(tmp_path / 'x.pkl', leading_steps(pipelines))
    for pipeline, test_mode in zip(pipelines, (False, True, True), strict=True):
        plain = PoseDataset(tmp_path / 'x.pkl', pipeline, test_mode=test_mode)
        stored = PoseDataset(packed, pipeline, test_mode=test_mode, verify=True)
        assert len(stored.pipeline.transforms) < len(plain.pipeline.transforms)
        for index in range(len(clips)):
            expected, found = sample(plain, index), sample(stored, index)
            assert list(expected) == list(found)
            for key, value in expected.items():
                equal = torch.equal(value, found[key]) if isinstance(value, torch.Tensor) else value == found[key]
                assert equal, (index, key)


def test_checks_before_training_give_the_same_result_as_for_the_pickle(tmp_path, make_record):
    write_annotations(tmp_path / 'x.pkl', [make_record('a', dims=2, persons=2), make_record('b')], {'t': ['b']})
    plain, stored = (
        PoseDataset(tmp_path / 'x.pkl', [FLAT]),
        PoseDataset(pack(tmp_path / 'x.pkl', [step_of(FLAT)]), [FLAT]),
    )
    assert stored.record(0)['keypoint'].shape == (2, 4, 17, 3)
    for arguments in ({'dims': 3}, {'num_joints': 25}):
        output = []
        for dataset in (plain, stored):
            with pytest.raises(ValueError) as error:
                dataset.check(**arguments)
            output.append(str(error.value).replace('.skl', '.pkl'))
        assert output[0] == output[1]
    stored.check(num_joints=17, dims=2)


def test_an_invalid_record_is_stored_unchanged(tmp_path, make_record):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps([make_record('a', dims=3), make_record('b', persons=0, dims=3)]))
    packed = pack(tmp_path / 'x.pkl', [step_of({**BODY, 'align_spine': False})])
    with pytest.raises(ValueError, match="record 'b' has no person"):
        PoseDataset(packed, [{**BODY, 'align_spine': False}])


@pytest.mark.parametrize(
    'pipeline, words',
    [
        (
            [{**BODY, 'align_spine': False}],
            r'after PreNormalize3D\(\), but .* PreNormalize3D\(align_spine=False\); use',
        ),
        (
            [{'type': 'GenSkeFeat'}, BODY],
            r'after PreNormalize3D\(\), but the pipeline begins with GenSkeFeat; use the an',
        ),
        ([FLAT], r'PreNormalize3D\(\), but the pipeline begins with PreNormalize2D\(\)'),
        (None, 'but the pipeline begins with nothing; use the annotation pickle, or pack it with this config'),
        ([len], 'begins with builtin_function_or_method'),
    ],
)
def test_different_steps_raise_with_both_lists(tmp_path, make_record, pipeline, words):
    write_annotations(tmp_path / 'x.pkl', [make_record(dims=3, joints=25)])
    packed = pack(tmp_path / 'x.pkl', [step_of(BODY)])
    with pytest.raises(ValueError, match=words) as error:
        PoseDataset(packed, pipeline)
    assert "x.skl' were stored after" in str(error.value) and '\n' not in str(error.value)


def test_equal_arguments_identify_a_step_however_they_are_written():
    assert step_of(BODY) == step_of({**BODY, 'align_spine': True, 'zaxis': None})
    assert step_of({**BODY, 'zaxis': (0, 1)}) == step_of({**BODY, 'zaxis': [0, 1]}) != step_of(BODY)
    assert step_of({'type': 'RandomRot'}) is None and step_of(len) is None
    with pytest.raises(ValueError, match="PreNormalize3D: .*unexpected keyword argument 'spine'"):
        step_of({**BODY, 'spine': 1})


def test_randomness_or_a_difference_ends_the_common_steps():
    rest = {'type': 'RandomRot'}
    assert leading_steps([[BODY, rest], [BODY, FLAT], [BODY]]) == [step_of(BODY)]
    assert leading_steps([[rest, BODY], [rest, BODY]]) == []
    assert leading_steps([[BODY], [{**BODY, 'align_center': False}]]) == []
    assert leading_steps([]) == leading_steps([[], [BODY]]) == []


def test_once_a_clip_is_not_inherited(monkeypatch):
    assert not BaseTransform.once_a_clip

    class Twice(BaseTransform):
        once_a_clip = True

        def __init__(self, factor: int = 2) -> None:
            self.factor = factor

    class Random(Twice):
        pass

    assert step_of({'type': Twice}) == {'type': 'Twice', 'factor': 2}
    assert step_of({'type': Random}) is None


def test_a_pipeline_without_its_first_steps():
    rest = [{'type': 'PoseDecode'}]
    assert without_steps([BODY, *rest], [step_of(BODY)], 'x.skl') == rest
    assert without_steps([BODY, *rest], [], 'x.skl') == [BODY, *rest]
    assert written([step_of({**BODY, 'dataset': 'nw-ucla'})]) == "PreNormalize3D(dataset='nw-ucla')"
