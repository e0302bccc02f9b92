import numpy as np
import pytest

from pyskl.converters.array_axes import parse_axes, to_clips, trimmed

NUMBERS = np.arange(2 * 3 * 4 * 5 * 2.0).reshape(2, 3, 4, 5, 2)  # N M T V C
SIZES = {'V': 5, 'C': 2}


@pytest.mark.parametrize(
    ('text', 'stored'),
    [
        ('NMTVC', NUMBERS),
        ('NCTVM', NUMBERS.transpose(0, 4, 2, 3, 1)),
        ('NMT(VC)', NUMBERS.reshape(2, 3, 4, 10)),
        ('NT(MVC)', NUMBERS.transpose(0, 2, 1, 3, 4).reshape(2, 4, 30)),
        ('(NM)T(CV)', NUMBERS.transpose(0, 1, 2, 4, 3).reshape(6, 4, 10)),
    ],
)
def test_every_order_of_axes_gives_the_same_clip(text, stored):
    sizes = {**SIZES, 'N': 2}
    np.testing.assert_array_equal(to_clips(stored, parse_axes(text), sizes), NUMBERS)


def test_clips_and_persons_axes_are_added():
    row = np.array([[10, 11, 20, 21]])  # one frame: x and y of joint 0, then of joint 1
    clip = to_clips(row, parse_axes('T(VC)'), {'V': 2, 'C': 2})
    assert clip.shape == (1, 1, 1, 2, 2)
    assert clip[0, 0, 0, 1].tolist() == [20, 21]


@pytest.mark.parametrize('text', ['', 'TV', 'TVCC', 'TVCX', 'tvc', 'T(VC', 'T()VC', 'T((V)C)', 'T V C'])
def test_invalid_orders_raise(text):
    with pytest.raises(ValueError, match='must contain T, V and C, and optionally N and M'):
        parse_axes(text)


@pytest.mark.parametrize(
    ('shape', 'text', 'message'),
    [
        ((4, 5), 'TVC', r"shape \(4, 5\) has 2 axes, but --axes TVC has 3; .* in parentheses.*'T\(VC\)'"),
        ((4, 2, 5), 'TVC', r'axis V of --axes TVC has length 2, but the skeleton requires V 5'),
        ((4, 11), 'T(VC)', r'axis VC of --axes T\(VC\) has length 11, but the skeleton requires V 5 x C 2 = 10'),
        ((4, 15), 'T(MVC)', r'has length 15, but the skeleton requires M \? x V 5 x C 2'),
        ((4, 0), 'T(MVC)', 'has length 0'),
        ((40, 2), '(MTV)C', 'the sizes of M and T in one pair of parentheses are unknown'),
    ],
)
def test_a_shape_that_does_not_fit_raises_with_both_sides(shape, text, message):
    with pytest.raises(ValueError, match=message):
        to_clips(np.zeros(shape), parse_axes(text), SIZES)


def test_trimming_removes_absent_persons_and_padding_but_not_gaps():
    clip = np.zeros((3, 6, 2, 2))
    clip[0, [0, 3]] = 1  # seen in frames 0 and 3
    clip[2, 1, 1, 0] = 5
    assert trimmed(clip).shape == (2, 4, 2, 2)
    assert trimmed(clip)[1, 1, 1, 0] == 5
    with pytest.raises(ValueError, match='all its coordinates are 0'):
        trimmed(np.zeros((1, 3, 2, 2)))
