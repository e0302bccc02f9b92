"""Reading a pickle in several processes gives the same bytes and errors as in one."""

import io
import multiprocessing
import os
import pickle
import signal

import numpy as np
import pytest

from pyskl.datasets.records import parallel, pickle_stream, store_writer
from pyskl.datasets.records.parallel import ParallelRecords, PieceWork
from pyskl.datasets.records.pickle_memo import NotParallelError
from pyskl.datasets.records.pickle_stream import PickleWriter
from pyskl.datasets.records.store_writer import pack_annotations

CLIPS = 60


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(parallel, 'PIECE', 3000)
    monkeypatch.setattr(pickle_stream, 'FIRST', 2000)
    monkeypatch.setattr(store_writer, 'PARALLEL_BYTES', 0)


@pytest.fixture
def calls(monkeypatch):
    """Number of files read completely in processes."""
    done = []

    def counted(self, reader, bar, call=ParallelRecords.__call__):
        call(self, reader, bar)
        done.append(len(self._done))

    monkeypatch.setattr(ParallelRecords, '__call__', counted)
    return done


@pytest.fixture
def records(make_record):
    return [make_record(f'clip{i}', label=i % 7, frames=3 + i % 5, img_shape=(1080, 1920 + i)) for i in range(CLIPS)]


def packed(monkeypatch, path, processes):
    monkeypatch.setattr(store_writer, 'cores', lambda: processes)
    file = io.BytesIO()
    pack_annotations(path, file)
    assert not multiprocessing.active_children()
    return file.getvalue()


def same_from_both(monkeypatch, path, calls, parts=2):
    assert packed(monkeypatch, path, 2) == packed(monkeypatch, path, 1)
    assert len(calls) == 1 and calls[0] >= parts


def content(records):
    names = [record['frame_dir'] for record in records]  # the same objects as in the records: named by the memo
    return {'train': names[:40], 'val': names[40:]}


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize('form', ['split first', 'split last', 'bare'])
def test_the_store_is_that_of_one_process(tmp_path, monkeypatch, calls, records, form, protocol):
    split = content(records)
    whole = {'split first': {'split': split, 'annotations': records}, 'bare': records}
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps(whole.get(form, {'annotations': records, 'split': split}), protocol))
    same_from_both(monkeypatch, path, calls)


def test_records_written_one_by_one(tmp_path, monkeypatch, calls, records):
    with (tmp_path / 'x.pkl').open('wb') as file:
        writer = PickleWriter(file)
        for record in records:
            writer.add(record)
        writer.finish(content(records))
    same_from_both(monkeypatch, tmp_path / 'x.pkl', calls)


def test_more_records_than_a_batch_has(tmp_path, monkeypatch, calls):
    joints = np.ones((1, 2, 3, 2), 'f4')
    records = [{'frame_dir': str(i), 'label': 0, 'keypoint': joints + i} for i in range(2001)]  # batches of 1000
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'annotations': records, 'split': content(records)}))
    monkeypatch.setattr(parallel, 'PIECE', 50_000)
    same_from_both(monkeypatch, tmp_path / 'x.pkl', calls)


def test_values_that_appear_late_and_are_shared(tmp_path, monkeypatch, calls, records):
    size, half, source = (7, 9), np.dtype('f2'), 'a name of many records'
    for i, record in enumerate(records[20:]):
        record.update(img_shape=size, source=source, keypoint=np.array(record['keypoint'], half), taken=np.int64(i))
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'annotations': records, 'split': content(records)}))
    same_from_both(monkeypatch, tmp_path / 'x.pkl', calls)


def test_bad_records_and_left_out_keys(tmp_path, monkeypatch, calls, records):
    records[30]['keypoint'][0, 0, 0, 0] = np.nan
    del records[45]['frame_dir']
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(records))
    same_from_both(monkeypatch, tmp_path / 'x.pkl', calls)


def test_arrays_that_records_share_are_read_whole(tmp_path, monkeypatch, calls, records):
    for record in records:
        record.update(keypoint=records[0]['keypoint'], keypoint_score=None, total_frames=3)
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(records))
    assert packed(monkeypatch, tmp_path / 'x.pkl', 2) == packed(monkeypatch, tmp_path / 'x.pkl', 1)


@pytest.mark.parametrize('damage', ['cut off', 'code', 'not a record', 'bytes announced'])
def test_errors_are_those_of_one_process(tmp_path, monkeypatch, records, damage):
    data = pickle.dumps({'annotations': records, 'split': content(records)}, 2)
    if damage == 'cut off':
        data = data[: len(data) * 2 // 3]
    elif damage == 'code':
        data = data.replace(b'clip50', b'clip50').replace(b'X\x06\x00\x00\x00clip50', b'cos\nsystem\n', 1)
    elif damage == 'not a record':
        data = pickle.dumps({'annotations': [*records[:50], 7, *records[50:]]}, 2)
    else:
        data = data.replace(b'X\x06\x00\x00\x00clip50', b'X\xff\xff\xff\x7fclip50', 1)
    (tmp_path / 'x.pkl').write_bytes(data)
    output = []
    for processes in (1, 2):
        with pytest.raises(ValueError, match="annotation file '.*x.pkl'") as error:
            packed(monkeypatch, tmp_path / 'x.pkl', processes)
        output.append(str(error.value))
    assert output[0] == output[1] and '\n' not in output[0]


def test_a_killed_process_leaves_the_file_to_one(tmp_path, monkeypatch, calls, records):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(records))
    one = packed(monkeypatch, tmp_path / 'x.pkl', 1)
    monkeypatch.setattr(PieceWork, 'run', lambda self, task: os.kill(os.getpid(), signal.SIGKILL))
    assert packed(monkeypatch, tmp_path / 'x.pkl', 2) == one
    assert not calls


def test_an_error_of_the_disk_is_raised_and_not_tried_again(tmp_path, monkeypatch, records):
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() > 20_000:
                raise OSError(28, 'No space left on device')
            return super().write(data)

    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(records))
    monkeypatch.setattr(store_writer, 'cores', lambda: 2)
    with pytest.raises(OSError, match='No space left'):
        pack_annotations(tmp_path / 'x.pkl', Full())
    assert not multiprocessing.active_children()


def test_a_loader_worker_starts_no_processes(monkeypatch):
    monkeypatch.setattr(multiprocessing.current_process(), '_config', {'daemon': True})
    assert parallel.cores() == 1
    assert issubclass(store_writer.TooManyKindsError, NotParallelError)
