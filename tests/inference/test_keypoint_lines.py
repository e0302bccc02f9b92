import json

import numpy as np
import pytest

from pyskl.inference.keypoint_lines import read_lines
from pyskl.skeletons import get_skeleton

COCO = get_skeleton('coco')
PERSON = {'keypoints': [[v, 2 * v, 0.5] for v in range(17)]}


def test_joints_may_be_nested_or_flat_lists():
    flat = {'keypoints': [number for row in PERSON['keypoints'] for number in row]}
    lines = [
        json.dumps({'people': [PERSON], 'time': 1.5, 'size': [10, 20]}),
        '',
        json.dumps({'people': [flat]}),
        'null',
    ]
    first, second, dropped = read_lines(lines, COCO)
    assert first.time == 1.5 and first.size == (10, 20) and first.ids is None
    assert first.keypoint[0, 3].tolist() == [3, 6] and first.score[0, 3] == 0.5
    assert np.array_equal(first.keypoint, second.keypoint) and second.time is None
    assert dropped.keypoint is None


def test_a_line_without_people_is_a_frame():
    (frame,) = read_lines(['{"people": []}'], COCO)
    assert frame.keypoint.shape == (0, 17, 2)


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"people": ', 'line 1: not JSON'),
        ('[1]', 'an object with a list "people"'),
        (
            '{"people": [{"keypoints": [[1, 2, 3]]}]}',
            r'keypoints \(1, 3\), but the network needs 17 joints \(coco\)',
        ),
        ('{"people": [{}]}', 'person 0 must be an object with "keypoints"'),
        (json.dumps({'people': [{'keypoints': [[float('nan')] * 3] * 17}]}), 'not finite'),
        (json.dumps({'people': [{'keypoints': [[None] * 3] * 17}]}), 'not finite'),
        (json.dumps({'people': [], 'time': 'now'}), "time must be seconds, got 'now'"),
        (json.dumps({'people': [], 'size': [0, 9]}), r'size must be \[height, width\]'),
        (json.dumps({'people': [{**PERSON, 'id': 1}, {**PERSON, 'id': 1}]}), 'two people have the same id'),
        (json.dumps({'people': [{**PERSON, 'id': 1}, PERSON]}), 'some people have an id and others do not'),
        (json.dumps({'people': [{**PERSON, 'id': -1}]}), 'must be a non-negative integer'),
    ],
)
def test_an_invalid_line_raises_with_its_number(line, message):
    with pytest.raises(ValueError, match=message):
        list(read_lines([line], COCO))


def test_more_than_64_persons_are_cut_to_the_best_and_reported_once():
    people = [{'keypoints': [[p, p, (p + 1) / 70]] * 17} for p in range(70)]
    messages = []
    first, second = read_lines([json.dumps({'people': people})] * 2, COCO, messages.append)
    assert first.keypoint[:, 0, 0].tolist() == list(range(6, 70))
    assert messages == ['line 1 has 70 persons; the 64 with the best scores are used'] and len(second.keypoint) == 64
