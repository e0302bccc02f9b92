import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.converters.kinetics_skeleton import LIMIT, Entry, check_labels, parse_clip, parse_table


def person(x, y, score):
    """All 18 joints at one position, with one score."""
    return {'pose': [x, y] * 18, 'score': [score] * 18}


def content(*frames, label='abseiling', index=0, **more):
    """Frames are (frame_index, person, ...)."""
    data = [{'frame_index': number, 'skeleton': list(persons)} for number, *persons in frames]
    return json.dumps({'data': data, 'label': label, 'label_index': index, **more}).encode()


def test_frames_are_placed_by_their_numbers():
    clip = parse_clip(content((4, person(0.5, 0.25, 1)), (1, person(0.125, 0.75, 0.5)), (6,)))
    assert clip.keypoint.shape == (1, 7, 18, 2) and clip.score.shape == (1, 7, 18)
    assert clip.keypoint.dtype == clip.score.dtype == np.float32
    assert clip.keypoint[0, 4, 17].tolist() == [0.5, 0.25] and clip.keypoint[0, 1, 3].tolist() == [0.125, 0.75]
    assert clip.score[0, :, 0].tolist() == [0, 0.5, 0, 0, 1, 0, 0]
    assert (clip.label, clip.label_index) == ('abseiling', 0)


def test_x_and_y_alternate_joint_by_joint():
    one = {'pose': [i / 64 for i in range(36)], 'score': [1] * 18}
    clip = parse_clip(content((0, one)))
    assert clip.keypoint[0, 0, 5].tolist() == [10 / 64, 11 / 64]


def test_the_two_persons_with_the_highest_scores_of_five_are_selected():
    frame = [person(x / 8, 0.5, score) for x, score in ((1, 0.5), (2, 0.75), (3, 0.25), (4, 0.5), (5, 0.625), (6, 1))]
    clip = parse_clip(content((0, *frame), (1, *frame[2:4])))
    assert clip.keypoint[:, 0, 0, 0].tolist() == [2 / 8, 5 / 8]  # the sixth, with the highest score, is ignored
    assert clip.keypoint[:, 1, 0, 0].tolist() == [4 / 8, 3 / 8]
    clip = parse_clip(content((0, *frame)), persons_in=6, persons_out=4)
    # 1 and 4 have equal scores: in the order of the file
    assert clip.keypoint[:, 0, 0, 0].tolist() == [6 / 8, 2 / 8, 5 / 8, 1 / 8]


def test_joints_with_score_zero_are_at_the_origin():
    one = {'pose': [0.5] * 36, 'score': [0, *[1] * 17]}
    assert parse_clip(content((0, one))).keypoint[0, 0, :2].tolist() == [[0, 0], [0.5, 0.5]]


def test_a_clip_without_persons_has_m_0():
    assert parse_clip(content((0,), (3,))).keypoint.shape == (0, 4, 18, 2)
    assert parse_clip(content()).score.shape == (0, 0, 18)


ONE = person(0.5, 0.5, 1)


@pytest.mark.parametrize(
    ('raw', 'why'),
    [
        (b'', 'not JSON'),
        (b'{"data": [', 'not JSON'),
        (b'\xff\xfe', 'not JSON'),
        (b'[' * 100_000, 'not JSON'),
        (b'1' * 5000, 'not JSON|not a JSON object'),
        (b'[]', "not a JSON object with a list 'data'"),
        (content(data={}), "with a list 'data'"),
        (content(data=[3]), 'a frame is not a JSON object'),
        (content(data=[{'frame_index': 0, 'skeleton': None}]), "a list 'skeleton'"),
        (content((300,)), 'frame_index must be 0 to 299, got 300'),
        (content((-1,)), 'frame_index must be 0 to 299, got -1'),
        (content((True,)), 'frame_index must be 0 to 299, got True'),
        (content((1.0,)), 'frame_index must be 0 to 299, got 1.0'),
        (content((2, ONE), (2, ONE)), 'frame 2 is listed twice'),
        (content((0, 7)), "a person of frame 0 has no lists 'pose' and 'score'"),
        (content((0, {'pose': [0.5] * 36})), "no lists 'pose' and 'score'"),
        (content((0, {'pose': [0.5] * 35, 'score': [1] * 18})), 'has 35 coordinates and 18 scores, not 36 and 18'),
        (content((0, {'pose': ['0.5'] * 36, 'score': [1] * 18})), 'that is not a number'),
        (content((0, {'pose': [[0.5]] * 36, 'score': [1] * 18})), 'that is not a number'),
        (content((0, {'pose': [True] * 36, 'score': [1] * 18})), 'that is not a number'),
        (content((0, {'pose': [None] * 36, 'score': [1] * 18})), 'that is not a number'),
        (content((0, person(float('nan'), 0, 1))), 'NaN, infinite numbers, or numbers beyond 100'),
        (content((0, person(0, float('inf'), 1))), 'NaN, infinite'),
        (content((0, person(10**400, 0, 1))), 'NaN, infinite'),
        (content((0, person(340, 128, 1))), 'beyond 100'),  # pixels
        (content((0, person(0, 0, -0.5))), 'a negative score'),
        (content((0, ONE), label=3), 'label must be text and label_index a number from 0, got 3, 0'),
        (content((0, ONE), index=True), "got 'abseiling', True"),
        (content((0, ONE), index=-1), "got 'abseiling', -1"),
        (content((0, ONE), index=10**9), "got 'abseiling', 1000000000"),
    ],
)
def test_garbled_clips_raise_with_a_reason(raw, why):
    with pytest.raises(ValueError, match=why):
        parse_clip(raw)


def table(**entries):
    return json.dumps(
        {
            name: {'has_skeleton': has, 'label': label, 'label_index': index}
            for name, (has, label, index) in entries.items()
        }
    ).encode()


def test_the_table_is_read():
    assert parse_table(table(a=(True, 'x', 2), b=(False, 'y', 0))) == {
        'a': Entry(True, 'x', 2),
        'b': Entry(False, 'y', 0),
    }
    assert check_labels(parse_table(table(a=(True, 'x', 2), b=(False, 'y', 0))).values()) == ['y', '', 'x']


@pytest.mark.parametrize(
    ('raw', 'why'),
    [
        (b'{', 'not JSON'),
        (b'[]', 'not a JSON object of video ids'),
        (b'{}', 'not a JSON object of video ids'),
        (table(**{'../../etc/passwd': (True, 'x', 0)}), "'../../etc/passwd' is not a valid video id"),
        (table(**{'..': (True, 'x', 0)}), 'points outside of the folder'),
        (table(**{'a\\b': (True, 'x', 0)}), 'points outside of the folder'),
        (table(**{'': (True, 'x', 0)}), 'points outside of the folder'),
        (b'{"a": 3}', "'a': an entry must have has_skeleton"),
        (table(a=(1, 'x', 0)), "'a': an entry must have has_skeleton, true or false"),
        (table(a=(True, 'x', '0')), "'a': label must be text and label_index a number"),
        (table(a=(True, 'x', 0), b=(True, 'x', 1)), "label 'x' has label_index 0 and 1"),
        (table(a=(True, 'x', 0), b=(True, 'y', 0)), "label_index 0 is 'x' and 'y'"),
    ],
)
def test_invalid_tables_raise(raw, why):
    with pytest.raises(ValueError, match=why):
        parse_table(raw)


def check_clip(clip):
    """Check properties of every valid clip."""
    assert clip.keypoint.shape == (*clip.score.shape, 2) and clip.score.shape[2] == 18
    assert clip.score.shape[0] <= 2 and clip.score.shape[1] <= 300
    assert (np.abs(clip.keypoint) <= LIMIT).all() and (clip.score >= 0).all()
    sums = clip.score.sum(-1)
    assert (sums[:1] >= sums[1:]).all() if len(sums) == 2 else True


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mangled_clips_raise_or_are_read_consistently(data):
    raw = bytearray(content((0, person(0.25, 0.5, 0.75), ONE), (1, person(0.5, 0.75, 0.25))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        to = min(len(raw), at + data.draw(st.sampled_from([0, 1, 2, 40, 400])))
        raw[at:to] = data.draw(
            st.sampled_from([b'', b'1', b'-', b'.', b'e9', b'[', b']', b'{', b'}', b',', b'"', b'NaN'])
        )
    try:
        clip = parse_clip(bytes(raw))
    except ValueError:
        return
    check_clip(clip)
    output = {np.float32(value) for frame in json.loads(bytes(raw))['data'] for one in frame['skeleton'][:5]
            for value in one['pose']}  # fmt: skip
    assert set(clip.keypoint.ravel()) <= output | {np.float32(0)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ['data', 'frame_index', 'skeleton', 'pose', 'score', 'label', 'label_index', 'has_skeleton']
            ),
            children,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_any_json_is_valid_or_raises(value):
    raw = json.dumps(value).encode()
    for parse, check in ((parse_clip, check_clip), (parse_table, lambda entries: check_labels(entries.values()))):
        try:
            check(parse(raw))
        except ValueError:
            continue


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_random_bytes_raise(raw):
    for parse in (parse_clip, parse_table):
        with pytest.raises(ValueError):
            parse(raw)
