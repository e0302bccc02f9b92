"""Input frames of output frames for transforms that do not store them; tests of browse.py use whole clips."""

import numpy as np
import pytest

from pyskl.cli.data.feed import _as_long, _origin


def clip(*values):
    """One person, a joint, and a value per frame."""
    return np.array(values, np.float32).reshape(1, -1, 1, 1)


@pytest.mark.parametrize(
    ('before', 'after', 'origin'),
    [
        ((5, 6, 7, 8), (7, 5, 5), [2, 0, 0]),  # by content
        ((5, 0, 7, 0), (50, 70), [0, 2]),  # changed values: frames without the person are dropped
        ((5, 6, 7, 8), (50, 60), [0, 2]),  # other changes: evenly
        ((5, 5, 6), (5, 6), [0, 2]),  # the first of equal frames
    ],
)
def test_frames_are_matched_by_content_else_by_visible_persons_else_evenly(before, after, origin):
    assert _origin(clip(*before), clip(*after)).tolist() == origin


@pytest.mark.parametrize(
    ('source', 'frames', 'expected'),
    [([3, 4, 5], 3, [3, 4, 5]), ([3, 4, 5, 3, 4, 5], 3, [3, 4, 5]), ([3, 4], 4, [3, 3, 4, 4])],
)
def test_the_frames_of_the_first_clip(source, frames, expected):
    assert _as_long(np.array(source), frames).tolist() == expected
