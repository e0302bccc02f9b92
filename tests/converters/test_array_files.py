import io
import json
import pickle

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.converters.array_files import SUFFIXES, read_array

GRID = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def files(tmp_path):
    np.save(tmp_path / 'a.npy', GRID)
    np.savez_compressed(tmp_path / 'one.npz', x=GRID)
    np.savez(tmp_path / 'two.npz', x=GRID, y=GRID + 1)
    scipy.io.savemat(tmp_path / 'one.mat', {'d_skel': GRID})
    scipy.io.savemat(tmp_path / 'nested.mat', {'S': {'joints': GRID, 'meta': {'deep': GRID + 2}}, 'other': 1.0})
    (tmp_path / 'a.json').write_text(json.dumps({'people': [{'joints': GRID.tolist()}], 'note': 'hello'}))
    (tmp_path / 'plain.json').write_text('[[0, 1, 2], [3, null, 5]]')
    (tmp_path / 'a.csv').write_text('time,x,y\n0.1,1,2\n0.2,3,\n')
    (tmp_path / 'a.txt').write_text('# comment\n1 2 3\n4 5 6\n')
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'key', 'expected'),
    [
        ('a.npy', None, GRID),
        ('one.npz', None, GRID),
        ('two.npz', 'y', GRID + 1),
        ('one.mat', None, GRID),
        ('one.mat', 'd_skel', GRID),
        ('nested.mat', 'S.joints', GRID),
        ('nested.mat', 'S.meta.deep', GRID + 2),
        ('a.json', 'people.0.joints', GRID),
        ('plain.json', None, [[0, 1, 2], [3, np.nan, 5]]),
        ('a.csv', '1:', [[1, 2], [3, np.nan]]),
        ('a.csv', None, [[0.1, 1, 2], [0.2, 3, np.nan]]),
        ('a.txt', ':2', [[1, 2], [4, 5]]),
    ],
)
def test_a_key_selects_its_numbers(files, name, key, expected):
    np.testing.assert_array_equal(read_array(files / name, key), expected)


@pytest.mark.parametrize(
    ('name', 'key', 'message'),
    [
        ('two.npz', None, '--key must select one of its arrays: x, y'),
        ('two.npz', 'z', "no key 'z'; it has x, y"),
        ('nested.mat', None, '--key must select one of its arrays: S, other'),
        ('nested.mat', 'T', "no key 'T'; it has S, other"),
        ('nested.mat', 'S.arms', "no key 'S.arms': 'S' has no field 'arms'"),
        ('nested.mat', 'S', 'not an array of numbers'),
        ('a.json', None, '--key must select one of its arrays: people, note'),
        ('a.json', 'people.1', "no key 'people.1': '1' not found in a list"),
        ('a.json', 'note', "key 'note' is <U5, not an array of numbers"),
        ('a.npy', 'x', 'a .npy file has no key'),
        ('a.csv', 'x', "--key of a table must be columns such as '1:'"),
        ('a.csv', '7:', '--key 7: selects none of its 3 columns'),
    ],
)
def test_a_missing_key_raises_with_the_available_ones(files, name, key, message):
    with pytest.raises(ValueError, match=message):
        read_array(files / name, key)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('x.pkl', b'', 'the file name must end with one of .mat'),
        ('x.json', b'[[1, 2], [3]]', 'its lists differ in length'),
        ('x.json', b'[' * 100000, 'not JSON'),
        ('x.csv', b'1,2\n3\n', r'its rows have \[1, 2\] columns'),
        ('x.csv', b'a,b\n', 'it has only a header'),
        ('x.csv', b'1,2\n3,x\n', 'a cell is not a number'),
        ('x.txt', b'\n', 'has no line of numbers'),
        ('x.txt', b'\xff\xfe', 'not text'),
        ('x.npz', pickle.dumps([1]), 'could run code'),
        ('x.mat', b'MATLAB 7.3 MAT-file' + bytes(105) + b'\x00\x02IM' + bytes(400), '-v7'),
    ],
)
def test_a_file_that_does_not_match_its_extension_raises(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_array(tmp_path / name)


class Bomb:
    def __reduce__(self):
        return print, ('the file ran code',)


def test_objects_in_numpy_files_are_not_loaded(tmp_path, capsys):
    np.save(tmp_path / 'x.npy', np.array([Bomb()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / 'x.npz', x=np.array([Bomb()], dtype=object))
    for name in ('x.npy', 'x.npz'):
        with pytest.raises(ValueError, match='it contains Python objects, which could run code'):
            read_array(tmp_path / name)
    assert capsys.readouterr().out == ''


def _bytes_of(suffix: str) -> bytes:
    file = io.BytesIO()
    if suffix == '.mat':
        scipy.io.savemat(file, {'x': GRID, 's': {'y': GRID}}, do_compression=True)
    elif suffix == '.npz':
        np.savez_compressed(file, x=GRID)
    elif suffix == '.npy':
        np.save(file, GRID)
    else:
        file.write(json.dumps(GRID.tolist()).encode() if suffix == '.json' else b'1,2,3\n4,5,6\n')
    return file.getvalue()


@settings(max_examples=150, deadline=None)
@given(suffix=st.sampled_from(SUFFIXES), at=st.integers(0, 2000), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_files_raise_value_errors_or_give_numbers(tmp_path_factory, suffix, at, byte, cut):
    content = bytearray(_bytes_of(suffix))
    at %= len(content)
    content[at] = byte
    path = tmp_path_factory.mktemp('fuzz') / f'x{suffix}'
    path.write_bytes(content[:at] if cut else content)
    try:
        array = read_array(path, 'x' if suffix in ('.mat', '.npz') else None)
    except ValueError:
        return
    assert array.dtype.kind in 'fiu'
