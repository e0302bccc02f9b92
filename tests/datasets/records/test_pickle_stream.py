"""Pickles read record by record: same content and errors as read at once, in constant memory."""

import gc
import io
import pickle
import re
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records.pickle_memo import SharedObjectsError
from pyskl.datasets.records.pickle_stream import PickleWriter, stream_annotations
from pyskl.datasets.records.safe_pickle import load_numbers
from tests.datasets.records.test_safe_pickle import CONTENT, Command
from tests.datasets.records.test_store import same

SPLIT = {'train': ['a', 'b'], 'val': ['c']}


def taken(path):
    records = []
    rest = stream_annotations(path, records.append)
    return records, rest


def write(path, content, protocol=4, pickler=pickle.Pickler):
    with path.open('wb') as file:
        pickler(file, protocol).dump(content)
    return path


@pytest.fixture
def records(make_record):
    size = (1080, 1920)
    return [make_record(name, img_shape=size, label=np.int64(i), frames=3 + i) for i, name in enumerate('abc')]


@pytest.mark.parametrize('pickler', [pickle.Pickler, pickle._Pickler])
@pytest.mark.parametrize('protocol', range(6))
def test_every_format_is_streamed(tmp_path, records, protocol, pickler):
    forms = [
        ({'split': SPLIT, 'annotations': records}, {'split': SPLIT, 'annotations': []}),
        ({'annotations': records, 'split': SPLIT, 'more': 3}, {'annotations': [], 'split': SPLIT, 'more': 3}),
        ({'annotations': records}, {'annotations': []}),
        (records, []),
        ({'annotations': records[:1]}, {'annotations': []}),
        (records[:1], []),
    ]
    for number, (content, rest) in enumerate(forms):
        path = write(tmp_path / f'{number}.pkl', content, protocol, pickler)
        found, left = taken(path)
        expected = content['annotations'] if isinstance(content, dict) else content
        assert same(
            expected, [{k: np.asarray(v) if isinstance(v, np.ndarray) else v for k, v in r.items()} for r in found]
        )
        assert left == rest


@pytest.mark.parametrize('protocol', range(6))
def test_all_types_of_values_are_read_back(tmp_path, protocol):
    content = {**CONTENT, 'annotations': [1, [2], {'annotations': [3]}]}
    (found,), _ = taken(write(tmp_path / 'x.pkl', [content], protocol))
    whole = load_numbers(tmp_path / 'x.pkl')[0]
    assert list(found) == list(whole)
    for key, value in whole.items():
        assert np.array_equal(found[key], value) if isinstance(value, np.ndarray) else found[key] == value


def test_records_are_not_retained(tmp_path, make_record):
    path = write(tmp_path / 'x.pkl', {'annotations': [make_record(str(i)) for i in range(20)], 'split': {}})
    alive, most = [], 0

    def take(record):
        nonlocal most
        alive.append(weakref.ref(record['keypoint']))
        gc.collect()
        most = max(most, sum(ref() is not None for ref in alive))

    stream_annotations(path, take)
    assert len(alive) == 20 and most <= 2


def test_texts_and_small_values_may_be_shared(tmp_path, make_record):
    size, note, centre = (1080, 1920), 'a long note ' * 20, np.zeros(3)
    records = [make_record('x', img_shape=size, note=note, centre=centre, id=np.int64(7)) for _ in range(5)]
    records = [{**record, 'note': note, 'centre': centre} for record in records]
    found, _ = taken(write(tmp_path / 'x.pkl', records))
    assert all(record['note'] == note and record['centre'].tolist() == [0, 0, 0] for record in found)


def test_a_shared_array_is_distinguished_from_damage(tmp_path, make_record):
    shared = np.zeros(100)
    path = write(tmp_path / 'x.pkl', [make_record('a', more=shared), make_record('b', more=shared)])
    with pytest.raises(SharedObjectsError):
        taken(path)


def test_exceptions_of_the_callback_propagate(tmp_path, records):
    def refuse(record):
        raise ValueError('mine')

    with pytest.raises(ValueError, match='^mine$'):
        stream_annotations(write(tmp_path / 'x.pkl', records), refuse)


@pytest.mark.parametrize('protocol', range(6))
def test_a_command_is_named_and_not_run(tmp_path, protocol):
    Command.target = tmp_path / 'harm'
    path = write(tmp_path / 'x.pkl', {'annotations': [Command()]}, protocol)
    with pytest.raises(ValueError, match=r"x\.pkl' contains (posix|nt)\.system, which could run code"):
        taken(path)
    assert not Command.target.exists()


@pytest.mark.parametrize(
    'data, words',
    [
        (b'cbuiltins\neval\n(V1+1\ntR.', 'builtins.eval'),
        (b'cnumpy.core.multiarray\n_reconstruct.__globals__\n.', '_reconstruct.__globals__'),
        (pickle.dumps([np.array([{}, None], dtype=object)]), 'an array of dtype object'),
        (b'Pwhere\n.', "the persistent id 'where'"),
        (b'\x80\x02\x82\x01.', 'the extension code 1'),
        (b'\x80\x02cnumpy\nndarray\nN}X\x01\x00\x00\x00aK\x01s\x86b.', 'a state for a Name'),
        (b'\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.', 'is not a valid pickle'),
        (b'\x80\x04Nr\xff\xff\xff\x7f.', 'memo number 2147483647 after 0'),
        (b'', 'is not a valid pickle'),
        (b'PK\x03\x04 a zip file', 'is not a valid pickle'),
    ],
)
def test_other_content_raises_one_line(tmp_path, data, words):
    (tmp_path / 'x.pkl').write_bytes(data)
    with pytest.raises(ValueError, match='annotation file') as error:
        taken(tmp_path / 'x.pkl')
    assert words in str(error.value) and '\n' not in str(error.value)


def test_every_cut_of_a_file_is_noticed(tmp_path, records):
    data = pickle.dumps({'split': SPLIT, 'annotations': records})
    for end in range(0, len(data), 7):
        (tmp_path / 'x.pkl').write_bytes(data[:end])
        with pytest.raises(ValueError, match='is not a valid pickle'):
            taken(tmp_path / 'x.pkl')


DATA = pickle.dumps({'split': SPLIT, 'annotations': [{'frame_dir': n, 'keypoint': np.arange(4.0)} for n in 'abc']})


@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(DATA) - 1), garbage=st.binary(min_size=1, max_size=8))
def test_both_readers_agree_on_garbage(tmp_path_factory, position, garbage):
    path = tmp_path_factory.getbasetemp() / 'garbage.pkl'
    path.write_bytes(DATA[:position] + garbage + DATA[position + len(garbage) :])
    try:
        found, rest = taken(path)
    except (ValueError, SharedObjectsError) as error:
        assert '\n' not in str(error)
        return
    try:
        whole = load_numbers(path)
    except ValueError:  # the length of a frame, which is not used here
        whole = pickle.loads(DATA)
    if isinstance(rest, dict) and found:
        assert _comparable(whole['annotations']) == _comparable(found)


def _comparable(value):
    """Text of a value, without addresses and names of the reader, which differ between equal objects."""
    return re.sub(r' at 0x[0-9a-f]+', '', repr(value).replace('SafeArray', 'array'))


def test_a_pickle_written_record_by_record_is_valid(tmp_path, records):
    file = io.BytesIO()
    writer = PickleWriter(file)
    for record in records:
        writer.add(record)
    writer.finish(SPLIT)
    content = pickle.loads(file.getvalue())
    assert content['split'] == SPLIT and same(content['annotations'], records)
    (tmp_path / 'x.pkl').write_bytes(file.getvalue())
    found, rest = taken(tmp_path / 'x.pkl')
    assert [record['frame_dir'] for record in found] == ['a', 'b', 'c'] and rest['split'] == SPLIT


def test_a_list_may_be_written_record_by_record(records):
    file = io.BytesIO()
    writer = PickleWriter(file, bare=True)
    for record in records:
        writer.add(record)
    writer.finish(None)
    assert same(pickle.loads(file.getvalue()), records)
