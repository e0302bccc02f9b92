"""What the pickle reader admits, and what raises."""

import collections
import os
import pickle

import numpy as np
import pytest

from pyskl.datasets.records.safe_pickle import load_numbers

CONTENT = {
    'split': collections.OrderedDict(train=['a'], odd={'b'}),
    'half': np.arange(6, dtype=np.float16).reshape(1, 2, 3),
    'fortran': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    'swapped': np.arange(3, dtype='>i4'),
    'empty': np.zeros((0, 4)),
    'scalar': np.float32(2.5),
    'text': np.array(['x', 'yz']),
    'tuple': (1, 2.5, None, True, b'bytes', bytearray(b'more')),
}


def write(path, data, protocol=4):
    path.write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, protocol=protocol))
    return path


@pytest.mark.parametrize('protocol', range(6))
def test_arrays_and_containers_are_read_back_equal(tmp_path, protocol):
    found = load_numbers(write(tmp_path / 'a.pkl', CONTENT, protocol))
    assert list(found) == list(CONTENT)
    for key, expected in CONTENT.items():
        if isinstance(expected, np.ndarray | np.generic):
            assert found[key].dtype.newbyteorder('=') == expected.dtype.newbyteorder('=')
            assert np.array_equal(found[key], expected)
        else:
            assert found[key] == expected


def test_names_of_numpy_1_and_2_are_both_known(tmp_path):
    data = pickle.dumps(np.arange(3.0), protocol=0)
    assert b'numpy._core.multiarray' in data or b'numpy.core.multiarray' in data
    for core in (b'numpy.core.multiarray', b'numpy._core.multiarray'):
        old = data.replace(b'numpy._core.multiarray', core).replace(b'numpy.core.multiarray', core)
        assert load_numbers(write(tmp_path / 'a.pkl', old)).tolist() == [0, 1, 2]


class Command:
    def __reduce__(self):
        return os.system, (f'touch {self.target}',)


def test_a_command_is_named_and_not_run(tmp_path):
    Command.target = tmp_path / 'harm'
    path = write(tmp_path / 'a.pkl', {'annotations': [Command()]})
    with pytest.raises(ValueError, match=r"a\.pkl' contains (posix|nt)\.system, which could run code"):
        load_numbers(path)
    assert not Command.target.exists()


@pytest.mark.parametrize(
    'data, named',
    [
        (b'cbuiltins\neval\n(V1+1\ntR.', 'builtins.eval'),
        (b'cbuiltins\ngetattr\n.', 'builtins.getattr'),
        (b'cnumpy\nload\n.', 'numpy.load'),
        (b'cnumpy.core.multiarray\n_reconstruct.__globals__\n.', '_reconstruct.__globals__'),
        (pickle.dumps(np.array([{}, None], dtype=object)), 'an array of dtype object'),
        (b'Pwhere\n.', "the persistent id 'where'"),
    ],
)
def test_anything_else_is_forbidden_by_name(tmp_path, data, named):
    with pytest.raises(ValueError, match='only NumPy arrays of numbers and builtin containers are allowed') as error:
        load_numbers(write(tmp_path / 'a.pkl', data))
    assert named in str(error.value)


def test_a_shape_that_does_not_match_its_bytes_raises(tmp_path):
    data = pickle.dumps(np.zeros(4, np.uint8), protocol=2)
    assert data.count(b'K\x04\x85') == 1  # the shape: (4,)
    with pytest.raises(ValueError, match='an array whose size does not match its shape'):
        load_numbers(write(tmp_path / 'a.pkl', data.replace(b'K\x04\x85', b'K\xff\x85')))


@pytest.mark.parametrize('data', [b'', b'\x80', b'PK\x03\x04 a zip file', b'{"split": {}}', b'\x80\x04\x95\xff'])
def test_files_that_are_not_pickles_raise_one_line(tmp_path, data):
    with pytest.raises(ValueError, match=r"annotation file '.*a\.pkl' is not a valid pickle") as error:
        load_numbers(write(tmp_path / 'a.pkl', data))
    assert '\n' not in str(error.value)


def test_every_cut_of_a_file_is_noticed(tmp_path):
    data = pickle.dumps(CONTENT)
    for end in range(len(data)):
        with pytest.raises(ValueError, match='is not a valid pickle'):
            load_numbers(write(tmp_path / 'a.pkl', data[:end]))


def test_a_missing_file_and_a_folder_keep_their_exception_types(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pkl' does not exist; check ann_file"):
        load_numbers(tmp_path / 'nothing.pkl')
    with pytest.raises(IsADirectoryError, match='is a folder; name the pickle in it'):
        load_numbers(tmp_path)


def test_a_large_file_is_read_with_a_bar(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr('pyskl.datasets.records.safe_pickle.BAR_BYTES', 10)
    path = write(tmp_path / 'a.pkl', CONTENT)
    assert load_numbers(path)['half'].tolist() == CONTENT['half'].tolist()
    assert 'reading a.pkl: 100%' in capsys.readouterr().err


def test_a_defaultdict_and_a_counter_are_read_as_dicts(tmp_path):
    names = collections.defaultdict(list, train=['a'], val=['b'])
    content = {'split': names, 'labels': collections.Counter('aab'), 'plain': collections.defaultdict(int)}
    found = load_numbers(write(tmp_path / 'a.pkl', content))
    assert found == {'split': {'train': ['a'], 'val': ['b']}, 'labels': {'a': 2, 'b': 1}, 'plain': {}}
    assert all(type(value) is dict for value in found.values())
