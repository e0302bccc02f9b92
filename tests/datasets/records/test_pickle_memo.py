import pickle

import numpy as np
import pytest

from pyskl.datasets.records.pickle_memo import SHORT, Memo, SharedObjectsError, SmallMemo, UnknownSlotError


def test_a_memo_returns_the_value_of_a_number():
    memo = Memo()
    memo[0], memo[1] = 'a', ['b']
    memo[0] = 'c'
    assert (memo[0], memo[1], len(memo)) == ('c', ['b'], 2)
    for number in (-1, 2):
        with pytest.raises(KeyError):
            memo[number]


def test_numbers_may_be_left_out_but_not_by_the_thousand():
    memo = Memo()
    memo[1000] = 'a'
    assert len(memo) == 1001 and memo[1000] == 'a'
    with pytest.raises(KeyError):
        memo[999]
    with pytest.raises(pickle.UnpicklingError, match='memo number 2002 after 1001'):
        memo[2002] = 'b'
    with pytest.raises(pickle.UnpicklingError):
        memo[-1] = 'b'


SMALL = ['text', 7, None, 2.5, np.float32(1), b'x' * SHORT, np.zeros(SHORT // 8), [1] * (SHORT // 8), (1, 'a')]
LARGE = [b'x' * (SHORT + 1), np.zeros(SHORT // 8 + 1), [1] * (SHORT // 8 + 1), {'a': 1}, [[1]], ([1],)]


@pytest.mark.parametrize('value', SMALL, ids=lambda value: type(value).__name__)
def test_a_small_value_stays_after_its_record(value):
    memo = SmallMemo()
    memo[0] = value
    memo.sweep()
    assert memo[0] is value


@pytest.mark.parametrize('value', LARGE, ids=lambda value: type(value).__name__)
def test_a_large_value_is_dropped_after_its_record(value):
    memo = SmallMemo()
    memo[0] = value
    assert memo[0] is value
    memo.sweep()
    with pytest.raises(SharedObjectsError):
        memo[0]


def test_equal_tuples_are_one_and_true_is_not_1():
    memo = SmallMemo()
    pairs = [(1080, int('1920')), (1080, int('1920')), (True, 1), (1, 1)]
    for number, pair in enumerate(pairs):
        memo[number] = pair
    memo.sweep()
    assert memo[0] is memo[1]
    assert memo[2] is pairs[2] and memo[3] is pairs[3]


def test_an_entry_that_is_replaced_is_swept_again():
    memo = SmallMemo()
    memo[0] = memo[1] = 'a'
    memo.sweep()
    memo[0] = {'a': 1}
    memo.sweep()
    with pytest.raises(SharedObjectsError):
        memo[0]


def test_only_texts_are_known_of_entries_of_another_process():
    memo = SmallMemo()
    memo[0] = 'a'
    memo.learn(3, {2: 'keypoint'})
    assert (len(memo), memo[0], memo[2]) == (3, 'a', 'keypoint')
    with pytest.raises(UnknownSlotError):
        memo[1]
    memo.forget()
    with pytest.raises(UnknownSlotError):
        memo[0]
