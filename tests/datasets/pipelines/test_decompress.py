"""Boxes arranged by person and frame: by hand, and against a loop over single boxes."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.decompress import DecompressPose


def boxes(frames, total=None, scores=None):
    """A sample whose box i has all its two joints at (10 i, 10 i + 1)."""
    frames = np.array(frames)
    keypoint = np.zeros((len(frames), 2, 3), np.float32)
    keypoint[..., 0] = 10 * np.arange(len(frames))[:, None]
    keypoint[..., 1] = keypoint[..., 0] + 1
    keypoint[..., 2] = 0.5 if scores is None else np.array(scores)[:, None]
    keypoint.flags.writeable = frames.flags.writeable = False
    total = frames.max() + 1 if total is None else total
    return {'frame_dir': 'clip', 'total_frames': int(total), 'frame_inds': frames, 'keypoint': keypoint}


def test_the_boxes_of_a_frame_become_persons_in_stored_order():
    found = DecompressPose(squeeze=False)(boxes([1, 1, 3], total=5))
    x, score = found['keypoint'][..., 0, 0], found['keypoint_score'][..., 1]
    assert x.tolist() == [[0, 0, 0, 20, 0], [0, 10, 0, 0, 0]]
    assert found['keypoint'][0, 3, 1].tolist() == [20, 21]
    assert score.tolist() == [[0, 0.5, 0, 0.5, 0], [0, 0.5, 0, 0, 0]]
    assert found['keypoint'].dtype == found['keypoint_score'].dtype == np.float16
    assert found['total_frames'] == 5 and 'frame_inds' not in found and 'num_person' not in found


def test_squeeze_drops_frames_without_a_box():
    found = DecompressPose()(boxes([1, 1, 3], total=5))
    assert found['keypoint'][..., 0, 0].tolist() == [[0, 20], [10, 0]]
    assert found['total_frames'] == 2


def test_frames_counted_from_1_and_from_0_give_equal_samples():
    # Published records count from 1; PYSKL squeezes frames, so the first number does not matter.
    for squeeze in (True, False):
        ones, zeros = boxes([1, 1, 3, 5], total=5), boxes([0, 0, 2, 4], total=5)
        found, expected = DecompressPose(squeeze)(ones), DecompressPose(squeeze)(zeros)
        assert np.array_equal(found['keypoint'], expected['keypoint'])
        assert found['total_frames'] == expected['total_frames']
    shape = DecompressPose()({**boxes(range(1, 5), total=4), 'anno_inds': np.array([True, True, True, False])})
    assert shape['keypoint'].shape == (1, 3, 2, 2)


def test_only_chosen_boxes_count():
    found = DecompressPose()({**boxes([1, 1, 3]), 'anno_inds': np.array([False, True, True])})
    assert found['keypoint'][..., 0, 0].tolist() == [[10, 20]]
    assert 'anno_inds' not in found
    with pytest.raises(ValueError, match="no box of sample 'clip' has a score of at least box_thr"):
        DecompressPose()({**boxes([1, 1, 3]), 'anno_inds': np.zeros(3, bool)})


def test_the_persons_with_the_highest_scores_are_selected_and_ties_keep_order():
    found = DecompressPose(max_person=2)(boxes([0, 0, 0, 1], scores=[0.25, 0.5, 0.5, 0.125]))
    assert found['keypoint'][..., 0, 0].tolist() == [[10, 30], [20, 0]]
    assert found['keypoint_score'][..., 0].tolist() == [[0.5, 0.125], [0.5, 0]]
    assert found['num_person'] == 2


def one_box_at_a_time(sample, squeeze, max_person):
    frames, total = sample['frame_inds'].tolist(), sample['total_frames']
    if squeeze:
        frames = [sorted(set(frames)).index(frame) for frame in frames]
        total = frames[-1] + 1
    people = [[] for _ in range(total)]
    for frame, box in zip(frames, sample['keypoint'].astype(np.float16), strict=True):
        people[frame].append(box)
    most = max(map(len, people))
    if most > max_person:
        people = [sorted(frame, key=lambda box: -box[:, 2].sum())[:max_person] for frame in people]
    out = np.zeros((min(most, max_person), total, *sample['keypoint'].shape[1:]), np.float16)
    for t, frame in enumerate(people):
        for m, box in enumerate(frame):
            out[m, t] = box
    return out


@pytest.mark.parametrize('squeeze', [True, False])
@pytest.mark.parametrize('max_person', [1, 3, 10])
def test_arranging_all_boxes_equals_arranging_one_at_a_time(squeeze, max_person):
    random = np.random.RandomState(0)
    for _ in range(30):
        count = random.randint(1, 60)
        frames = np.sort(random.randint(0, random.randint(1, 30), count))
        keypoint = random.rand(count, 17, 3) * [340, 256, 1]
        sample = {'frame_inds': frames, 'total_frames': 30, 'keypoint': keypoint.astype(random.choice(['f2', 'f4']))}
        expected = one_box_at_a_time(sample, squeeze, max_person)
        found = DecompressPose(squeeze=squeeze, max_person=max_person)(dict(sample))
        assert np.array_equal(found['keypoint'], expected[..., :2])
        assert np.array_equal(found['keypoint_score'], expected[..., 2])


def test_an_arranged_sample_is_unchanged():
    sample = {'keypoint': np.ones((1, 3, 17, 2)), 'total_frames': 3}
    assert DecompressPose()(sample) is sample


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'frame_inds': np.zeros(0, int), 'keypoint': np.zeros((0, 2, 3))}, "'clip' has no boxes"),
        ({'frame_inds': np.array([3, 1, 1])}, "'clip' has frame_inds from 1 to 3; they must be non-decreasing"),
        ({'keypoint': np.zeros((2, 2, 3))}, "'clip' has 3 frame_inds but keypoint"),
        ({'keypoint': np.zeros((1, 2, 2, 2))}, r"'clip' has keypoint \(1, 2, 2, 2\) and the keys"),
        ({'keypoint': None}, "'clip' has keypoint None and the keys"),
    ],
)
def test_invalid_boxes_raise(change, words):
    with pytest.raises(ValueError, match=words):
        DecompressPose()({**boxes([1, 1, 3]), **change})
    with pytest.raises(ValueError, match='max_person must be an integer of at least 1, got 0'):
        DecompressPose(max_person=0)


def test_a_published_pipeline_begins_with_it():
    pipeline = Compose(
        [
            {'type': 'DecompressPose', 'squeeze': True},
            {'type': 'UniformSampleFrames', 'clip_len': 4},
            {'type': 'PoseDecode'},
        ]
    )
    found = pipeline({**boxes(range(0, 20, 2), total=30), 'test_mode': True})
    assert found['keypoint'].shape == (1, 4, 2, 2)
    assert np.all(np.diff(found['keypoint'][0, :, 0, 0]) > 0)
