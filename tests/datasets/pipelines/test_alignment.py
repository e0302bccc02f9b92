"""Rotating persons into a body-centred frame: spine up, hips along x, lengths preserved."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.alignment import AlignPersons, body_frame
from pyskl.skeletons import get_skeleton

NTU = get_skeleton('nturgb+d')
BOTTOM, TOP = NTU.spine
LEFT, RIGHT = NTU.joints.index('left_hip'), NTU.joints.index('right_hip')


def bodies(persons=2, frames=6):
    return np.random.RandomState(0).randn(persons, frames, NTU.num_joints, 3).astype(np.float32)


def spine_and_hips(frame):
    return frame[TOP] - frame[BOTTOM], frame[LEFT] - frame[RIGHT]


def test_the_frame_of_an_axis_aligned_body_is_the_identity():
    spine, hips = np.array([0.0, 0, 2]), np.array([3.0, 0, 1])
    assert body_frame(spine, hips, mirror=False).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert body_frame(spine, hips, mirror=True).tolist() == [[1, 0, 0], [0, -1, 0], [0, 0, 1]]


@pytest.mark.parametrize('mirror', [False, True])
def test_each_spine_points_up_and_hips_lie_along_x_in_the_first_frame(mirror):
    for person in AlignPersons(mirror=mirror)({'keypoint': bodies()})['keypoint']:
        spine, hips = spine_and_hips(person[0])
        assert spine[:2] == pytest.approx(0, abs=1e-5) and spine[2] > 0
        assert hips[1] == pytest.approx(0, abs=1e-5) and hips[0] > 0


@pytest.mark.parametrize(('mirror', 'hand'), [(False, 1), (True, -1)])
def test_a_body_keeps_its_shape_and_is_mirrored_only_with_mirror(mirror, hand):
    before = bodies(persons=1)
    after = AlignPersons(mirror=mirror)({'keypoint': before})['keypoint']
    np.testing.assert_allclose(np.linalg.norm(after, axis=-1), np.linalg.norm(before, axis=-1), rtol=1e-5)
    turned = np.linalg.lstsq(before.reshape(-1, 3), after.reshape(-1, 3), rcond=None)[0]
    assert np.linalg.det(turned) == pytest.approx(hand, abs=1e-4)


def test_the_frame_equals_the_published_formula():
    keypoint = bodies(persons=1)
    spine, hips = spine_and_hips(keypoint[0, 0].astype(float))
    v1 = spine / np.linalg.norm(spine)
    w = hips - v1.dot(hips) * v1
    v2 = w / np.linalg.norm(w)
    v3 = np.cross(v2, v1)
    expected = np.einsum('ij,tvj->tvi', np.linalg.inv(np.stack([v2, v3, v1], axis=1)), keypoint[0])
    after = AlignPersons(mirror=True, erase_late=True)({'keypoint': keypoint})['keypoint']
    np.testing.assert_allclose(after[0], expected, atol=1e-5)


def test_a_person_who_appears_late_is_rotated_by_their_first_frame_or_erased():
    keypoint = bodies()
    keypoint[1, :2] = 0
    second = AlignPersons()({'keypoint': keypoint})['keypoint'][1]
    assert not second[:2].any()
    assert spine_and_hips(second[2])[0][:2] == pytest.approx(0, abs=1e-5)
    erased = AlignPersons(erase_late=True)({'keypoint': keypoint})['keypoint']
    assert erased[0].any() and not erased[1].any()


def test_a_degenerate_body_is_unchanged():
    for collapsed in ((TOP, BOTTOM), (LEFT, RIGHT)):
        keypoint = bodies()
        keypoint[0, 0, collapsed[0]] = keypoint[0, 0, collapsed[1]]
        after = AlignPersons()({'keypoint': keypoint})['keypoint']
        assert np.array_equal(after[0], keypoint[0]) and not np.array_equal(after[1], keypoint[1])
    for frames in (0, 3):
        assert not AlignPersons()({'keypoint': np.zeros((1, frames, 25, 3), np.float32)})['keypoint'].any()


def test_the_input_array_is_not_modified():
    keypoint = bodies()
    keypoint.flags.writeable = False
    AlignPersons()({'keypoint': keypoint})


def test_a_skeleton_without_hips_or_spine_is_refused():
    with pytest.raises(ValueError, match="AlignPersons dataset='coco' must have a spine and joints named left_hip"):
        AlignPersons('coco')
    with pytest.raises(
        ValueError, match=r"expects joints \(M, T, 25, 3\), but sample 'clip' has keypoint \(1, 2, 20, 3\)"
    ):
        AlignPersons()({'keypoint': np.ones((1, 2, 20, 3), np.float32), 'frame_dir': 'clip'})
