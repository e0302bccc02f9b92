"""Checks of clips against a config: each kind of fault, and the valid case next to it."""

import numpy as np
import pytest

from pyskl.datasets.fit import checks_for, judge
from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.records.clip_table import table_of

GRAPH = [{'type': 'PreNormalize2D'}, {'type': 'GenSkeFeat', 'dataset': 'coco'}]
AUTO = [{'type': 'PreNormalize2D', 'mode': 'auto'}, GRAPH[1]]
HEATMAPS = [{'type': 'UniformSampleFrames', 'clip_len': 4}, {'type': 'PoseDecode'}, {'type': 'PoseCompact'}]
PADDED = [*GRAPH, {'type': 'PadTo', 'length': 5}]
SIZE = (1080, 1920)


def clip(frames=4, **fields):
    random = np.random.RandomState(frames)
    clip = {
        'frame_dir': 'x', 'label': 0, 'total_frames': frames, 'img_shape': SIZE,
        'keypoint': random.uniform(0.3, 0.7, (1, frames, 17, 2)) * SIZE[::-1],
        'keypoint_score': random.uniform(0.5, 1, (1, frames, 17)), **fields,
    }  # fmt: skip
    return {key: value for key, value in clip.items() if value is not None}


def found(clips, pipeline=GRAPH, **needs):
    misfits = judge([(0, table_of(clips))], checks_for(Compose(pipeline).transforms, **needs))
    return [(misfit.severity, misfit.check.what) for misfit in misfits]


XY, SCORE = clip()['keypoint'], clip()['keypoint_score']
FAULTS = {
    'shares': (clip(keypoint=XY / SIZE[::-1]), 'has joints as fractions of the image size'),
    'normalised': (clip(keypoint=XY / SIZE[::-1] * 2 - 1), 'has joints as fractions of the image size'),
    'outside': (clip(keypoint=XY * 4), 'has joints far outside the image'),
    'left of it': (clip(keypoint=XY - 5000), 'has joints far outside the image'),
    'of a smaller image': (clip(img_shape=(240, 320)), 'has joints far outside the image'),
    'size of width and channels': (clip(img_shape=(1920, 3)), 'has joints far outside the image'),
    'swapped': (clip(keypoint=XY + [400, 0], img_shape=SIZE[::-1]), 'has img_shape with height and width swapped'),
    'percentages': (clip(keypoint_score=SCORE * 100), 'has keypoint_score outside 0 to 1'),
    'negative scores': (clip(keypoint_score=SCORE - 0.8), 'has keypoint_score outside 0 to 1'),
    'percentages as third channel': (
        clip(keypoint=np.concatenate([XY, SCORE[..., None] * 100], -1), keypoint_score=None),
        'has a third channel up to 100',
    ),
    'depth': (
        clip(keypoint=np.concatenate([XY, SCORE[..., None] - 1], -1), keypoint_score=None),
        'has a third channel that is not a score',
    ),
    'nobody': (clip(keypoint=XY * 0), 'shows no person'),
    'nobody by score': (clip(keypoint_score=SCORE * 0), 'shows no person'),
}


@pytest.mark.parametrize('pipeline', [GRAPH, HEATMAPS], ids=['graph', 'heatmaps'])
@pytest.mark.parametrize(('bad', 'what'), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_in_all_clips_fails(bad, what, pipeline):
    output = found([bad] * 3, pipeline)
    assert output[0][0] == 'fails' and output[0][1].startswith(what)


@pytest.mark.parametrize('pipeline', [GRAPH, AUTO, HEATMAPS], ids=['graph', 'auto', 'heatmaps'])
@pytest.mark.parametrize(
    'good',
    [
        clip(),
        clip(keypoint=XY.astype(np.float16), keypoint_score=SCORE.astype(np.float16)),
        clip(keypoint=np.concatenate([XY, SCORE[..., None]], -1), keypoint_score=None),
        clip(keypoint=XY + [0, 400]),  # some joints a little below the image
        clip(keypoint_score=SCORE * 1.5),  # as scores of some estimators
        clip(label=np.array(0)), clip(label=[0]),
    ],
)  # fmt: skip
def test_valid_clips_pass(good, pipeline):
    assert found([good, clip()], pipeline, num_joints=17, dims=2, num_classes=1, need_labels=True) == []


def test_fractions_are_accepted_by_mode_auto():
    assert found([FAULTS['shares'][0]], AUTO) == []
    assert found([clip(keypoint=XY / SIZE[::-1], img_shape=(1, 1))]) == []


def test_a_fault_in_one_clip_of_many_misleads_or_is_a_note():
    many = [clip() for _ in range(20)]
    for name in ('shares', 'percentages'):
        assert [severity for severity, _ in found([*many, FAULTS[name][0]])] == ['misleads']
    for name in ('outside', 'nobody'):
        assert [severity for severity, _ in found([*many, FAULTS[name][0]])] == ['note']
    assert found([*many, FAULTS['swapped'][0]]) == []


def test_a_fault_that_stops_training_fails_in_a_single_clip():
    many = [clip() for _ in range(20)]
    assert found([*many, clip(6)], PADDED) == [
        (
            'fails',
            'has more frames than PadTo length=5; increase it, or use UniformSample instead',
        )
    ]
    assert found([*many, clip(5)], PADDED) == []
    assert found([clip(9)], [{'type': 'UniformSample', 'clip_len': 4}, {'type': 'PoseDecode'}, PADDED[-1]]) == []
    assert found([*many, clip(img_shape=None)], HEATMAPS)[0][1].startswith('has no img_shape')
    assert found([*many, clip(img_shape=None)]) == []  # PreNormalize2D has a default
    for label in (3, None, -1):
        assert found([*many, clip(label=label)], num_classes=3, need_labels=True)[0][0] == 'fails'
    assert found([*many, clip(label=None)], num_classes=3) == []
    assert (
        found([*many, clip(keypoint=np.ones((1, 4, 18, 2)), keypoint_score=None)], [], num_joints=17)[0][0] == 'fails'
    )


def test_nothing_is_checked_after_a_custom_transform():
    assert found([FAULTS['shares'][0]], [lambda results: results, *GRAPH]) == []


def test_a_misfit_names_the_clips():
    clips = [clip(), *(clip(label=i) for i in range(2, 9))]
    (misfit,) = judge([(0, table_of(clips))], checks_for([], num_classes=2))
    line = misfit.line(lambda row: f'clip{row}')
    assert line.startswith(r"record 'clip1' has a label outside 0 to 1 (num_classes=2); ")
    assert line.endswith("(label 2) (and 6 more: 'clip2', 'clip3', 'clip4', 'clip5', ...)")
