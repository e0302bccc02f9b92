import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.converters.ntu_skeleton import parse_skeleton
from tests.ntu_text import FIRST_ID, clip_text, person, skeleton_text


def line_by_line(content):
    """The published reader: {id: (start, (F, 25, 3))}, and the frames with a body."""
    lines = iter(content.decode().split('\r\n'))
    bodies, position = {}, 0
    for _ in range(int(next(lines))):
        count = int(next(lines))
        for _ in range(count):
            number = int(next(lines).split()[0])
            rows = [next(lines).split()[:3] for _ in range(int(next(lines)))]
            bodies.setdefault(number, (position, []))[1].append(np.array(rows, np.float32))
        position += count > 0
    return {number: (start, np.stack(frames)) for number, (start, frames) in bodies.items()}, position


def test_numbers_are_those_of_the_file_and_ids_differ_beyond_float64():
    a, b = person(4, 1), person(4, 2)
    assert float(FIRST_ID) == float(FIRST_ID + 1)
    bodies, frames = parse_skeleton(
        skeleton_text([[(FIRST_ID + 1, b[t]), (FIRST_ID, a[t])] for t in range(4)])  # in order of appearance
    )
    assert frames == 4
    assert [body.id for body in bodies] == [FIRST_ID + 1, FIRST_ID]
    np.testing.assert_array_equal(bodies[0].joints, b)
    np.testing.assert_array_equal(bodies[1].joints, a)
    assert bodies[0].joints.dtype == np.float32


def test_frames_without_a_body_and_gaps_are_removed():
    a, b = person(5, 1), person(5, 2)
    content = skeleton_text([[], [(7, a[0])], [(8, b[1]), (7, a[1])], [], [(8, b[2])], [(7, a[4])]])
    bodies, frames = parse_skeleton(content)
    assert frames == 4
    assert [(body.id, body.start) for body in bodies] == [(7, 0), (8, 1)]
    np.testing.assert_array_equal(bodies[0].joints, a[[0, 1, 4]])
    np.testing.assert_array_equal(bodies[1].joints, b[[1, 2]])


def test_no_body_at_all():
    assert parse_skeleton(b'0\r\n') == ([], 0)
    assert parse_skeleton(b'2\r\n0\r\n0\r\n') == ([], 0)


@given(st.lists(st.sets(st.integers(1, 3)), max_size=6))
@settings(max_examples=40, deadline=None)
def test_parsing_equals_reading_line_by_line(presence):
    joints = {number: person(6, number) for number in (1, 2, 3)}
    content = skeleton_text([[(n, joints[n][t]) for n in sorted(ids)] for t, ids in enumerate(presence)])
    bodies, frames = parse_skeleton(content)
    expected, expected_frames = line_by_line(content)
    assert frames == expected_frames
    assert [body.id for body in bodies] == list(expected)
    for body in bodies:
        assert body.start == expected[body.id][0]
        np.testing.assert_array_equal(body.joints, expected[body.id][1])


def test_unix_line_ends_and_blank_lines_read_the_same():
    content = clip_text(3, 2)
    for other in (
        content.replace(b'\r\n', b'\n'),
        content + b'\r\n \r\n',
        content.rstrip(),
        content.replace(b' ', b'  '),
    ):
        np.testing.assert_array_equal(parse_skeleton(other)[0][1].joints, parse_skeleton(content)[0][1].joints)


WHOLE = clip_text(3)


@pytest.mark.parametrize(
    ('content', 'why'),
    [
        (b'', 'does not begin with the number of frames'),
        (b'\0' * 5000, 'does not begin'),
        (b'hello\n', 'not an integer'),
        (b'1.5\n', 'not an integer'),
        (b'-1\n', 'announces -1 frames but has 0'),
        (WHOLE[: len(WHOLE) // 2], 'fields, not 1, 10 or 12'),
        (WHOLE[: WHOLE.rindex(b'\r\n1\r\n')], 'announces 3 frames but has 2'),
        (WHOLE[: WHOLE.rindex(b'\r\n', 0, -2)], 'is truncated or out of order'),
        (b'4' + WHOLE[1:], 'announces 4 frames but has 3'),
        (WHOLE.replace(b'\r\n25\r\n', b'\r\n24\r\n', 1), 'number of joints is not 25'),
        (WHOLE.replace(b'\r\n25\r\n', b'\r\n', 1), 'without its number of joints'),
        (WHOLE.replace(b'\r\n1\r\n', b'\r\n2\r\n', 1), 'differs from the announced numbers'),
        (skeleton_text([[(7, np.full((25, 3), np.nan))]]), 'NaN or infinite'),
        (skeleton_text([[(7, np.full((25, 3), np.inf))]]), 'NaN or infinite'),
        (skeleton_text([[(7, person(1)[0]), (7, person(1)[0])]]), 'body 7 twice in one frame'),
        (skeleton_text([[(10**30, person(1)[0])]]), 'more than 64 bits|not an integer'),
        (skeleton_text([[(7, np.ones((25, 3)))]]).replace(b'1 1 1 277', b'1 1-1 1 277', 1), 'is not a number'),
        (skeleton_text([[(7, np.ones((25, 3)))]]).replace(b'1 1 1 277', b'1-1 1 x 277', 1), 'is not a number'),
        (skeleton_text([[(7, np.ones((25, 3)))]]).replace(b'1 1 1 277', b'1,1 1 1 277', 1), 'is not a number'),
    ],
)
def test_garbled_text_raises_with_a_reason(content, why):
    with pytest.raises(ValueError, match=why):
        parse_skeleton(content)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mangled_text_raises_or_is_read_consistently(data):
    content = bytearray(clip_text(2, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        to = min(len(content), at + data.draw(st.sampled_from([0, 1, 2, 40, 4000])))
        content[at:to] = data.draw(
            st.sampled_from([b'', b'1', b' ', b'\n', b'-', b'.', b'e9', b'\0', b'nan', b'\xff', b'25\r\n'])
        )
    try:
        bodies, frames = parse_skeleton(bytes(content))
    except ValueError:
        return
    assert frames <= 2
    assert sum(len(body.joints) for body in bodies) <= 4
    read = np.concatenate([body.joints for body in bodies] or [np.zeros((0, 25, 3), np.float32)]).reshape(-1, 3)
    rows = [line.split()[:3] for line in bytes(content).decode('latin-1').split('\n')]
    output = {tuple(np.float32(x) for x in row) for row in rows if len(row) == 3}
    assert {tuple(row) for row in read} <= output


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_random_bytes_raise_or_have_no_body(content):
    try:
        bodies, _ = parse_skeleton(content)
    except ValueError:
        return
    assert bodies == []  # one body takes more than 200 bytes
