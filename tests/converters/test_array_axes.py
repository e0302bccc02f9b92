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
def test_every_order_ends_in_the_same(text, stored):
    sizes = {**SIZES, 'N': 2}
    np.testing.assert_array_equal(to_clips(stored, parse_axes(text), sizes), NUMBERS)


def test_a_clip_of_one_person_has_both_axes_in_the_end():
    row = np.array([[10, 11, 20, 21]])  # one frame: x and y of joint 0, then of joint 1
    clip = to_clips(row, parse_axes('T(VC)'), {'V': 2, 'C': 2})
    assert clip.shape == (1, 1, 1, 2, 2)
    assert clip[0, 0, 0, 1].tolist() == [20, 21]


@pytest.mark.parametrize('text', ['', 'TV', 'TVCC', 'TVCX', 'tvc', 'T(VC', 'T()VC', 'T((V)C)', 'T V C'])
def test_what_is_no_order_is_refused(text):
    with pytest.raises(ValueError, match='must hold T, V, C, and N or M'):
        parse_axes(text)


@pytest.mark.parametrize(
    ('shape', 'text', 'message'),
    [
        ((4, 5), 'TVC', r"shape \(4, 5\) has 2 axes, --axes TVC has 3; .* in parentheses .*'T\(VC\)'"),
        ((4, 2, 5), 'TVC', r'the axis V of --axes TVC is 2, the skeleton makes it V 5'),
        ((4, 11), 'T(VC)', r'the axis VC of --axes T\(VC\) is 11, the skeleton makes it V 5 x C 2 = 10'),
        ((4, 15), 'T(MVC)', r'is 15, the skeleton makes it M \? x V 5 x C 2'),
        ((4, 0), 'T(MVC)', 'is 0'),
        ((40, 2), '(MTV)C', 'the sizes of M and T in one pair of parentheses are unknown'),
    ],
)
def test_a_shape_that_does_not_fit_is_told_with_both_sides(shape, text, message):
    with pytest.raises(ValueError, match=message):
        to_clips(np.zeros(shape), parse_axes(text), SIZES)


def test_trimming_takes_absent_persons_and_the_padding_and_keeps_gaps():
    clip = np.zeros((3, 6, 2, 2))
    clip[0, [0, 3]] = 1  # seen in frames 0 and 3
    clip[2, 1, 1, 0] = 5
    assert trimmed(clip).shape == (2, 4, 2, 2)
    assert trimmed(clip)[1, 1, 1, 0] == 5
    with pytest.raises(ValueError, match='all its coordinates are 0'):
        trimmed(np.zeros((1, 3, 2, 2)))
