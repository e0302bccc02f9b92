import pickle

import numpy as np
import pytest

from pyskl.converters.label_pickle import read_label_pickle


def written(tmp_path, content):
    path = tmp_path / 'label.pkl'
    path.write_bytes(pickle.dumps(content))
    return path


@pytest.mark.parametrize('labels', [[3, 0], (3, 0), np.array([3, 0]), np.array([3, 0], np.uint8)])
def test_names_lose_their_ending_and_labels_become_numbers(tmp_path, labels):
    names, numbers = read_label_pickle(written(tmp_path, (['S001A004.skeleton', 'S001A001'], labels)))
    assert (names, numbers) == (['S001A004', 'S001A001'], [3, 0])
    assert all(type(number) is int for number in numbers)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'a': 1}, 'got dict'),
        ((['a'], [0], [1]), 'got tuple'),
        (('ab', [0, 1]), 'got str and list'),
        ((['a', 'b'], [0]), 'got 2 and 1'),
        ((['a'], [0.5]), 'labels must be class indices, got float64'),
        ((['a'], np.array([[1, 0]])), 'labels must be class indices'),
        ((['a'], ['walk']), 'labels must be class indices'),
    ],
)
def test_anything_but_a_pair_of_lists_raises_one_line(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as error:
        read_label_pickle(written(tmp_path, content))
    assert str(error.value).startswith(f'--labels {tmp_path / "label.pkl"}') and '\n' not in str(error.value)
