"""Writing stores: omitted values, interruptions and memory use."""

import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.store import RecordStore
from pyskl.datasets.records.store_format import MAX_KINDS
from pyskl.datasets.records.store_writer import pack_annotations, write_store


def test_an_unfinished_store_has_no_header():
    class Killed(io.BytesIO):
        def seek(self, *args):
            raise KeyboardInterrupt

    file = Killed()
    with pytest.raises(KeyboardInterrupt):
        write_store(file, [{'frame_dir': 'a', 'keypoint': np.zeros((1, 1, 1, 2))}], None, 'x')
    assert file.getvalue()[:64] == bytes(64)


def test_a_value_that_cannot_be_stored_is_omitted_with_a_warning(tmp_path, make_record):
    with (
        (tmp_path / 'x').open('wb') as file,
        pytest.warns(UserWarning, match="'odd' of type object cannot be stored and is omitted"),
    ):
        write_store(file, [make_record(odd=object()), make_record(odd=object())], None, 'x')
    assert 'odd' not in RecordStore(tmp_path / 'x').record(1)


def test_records_that_differ_in_their_keys_keep_the_directory_small(tmp_path):
    records = [{'frame_dir': 'a', f'key {i}': i, 'keypoint': np.full(2, i)} for i in range(MAX_KINDS + 50)]
    with (tmp_path / 'x').open('wb') as file:
        write_store(file, records, None, 'x')
    found = RecordStore(tmp_path / 'x', verify=True)
    for i in (0, MAX_KINDS - 1, MAX_KINDS, MAX_KINDS + 49):
        back = found.record(i)
        assert list(back) == list(records[i]) and back[f'key {i}'] == i and back['keypoint'].tolist() == [i, i]


@pytest.mark.parametrize(
    'label, kept',
    [
        (3, 3),
        (-7, -1),
        (np.array(5), 5),
        ([4], 4),
        (2.0, 2),
        (np.uint8(9), 9),
        (2**80, -1),
        ([1, 2], -1),
        (float('nan'), -1),
        ('3', -1),
        (None, -1),
    ],
)
def test_labels_of_the_table(tmp_path, make_record, label, kept):
    with (tmp_path / 'x').open('wb') as file:
        write_store(file, [{**make_record(), 'label': label}], None, 'x')
    assert RecordStore(tmp_path / 'x').labels.tolist() == [kept]


def test_a_pickle_with_shared_arrays_is_read_at_once(tmp_path, make_record):
    shared = np.arange(100.0)
    records = [make_record(str(i), boxes=shared) for i in range(1500)]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({'annotations': records, 'split': {'val': ['7']}}))
    with (tmp_path / 'x').open('wb') as file:
        pack_annotations(tmp_path / 'x.pkl', file)
    found = RecordStore(tmp_path / 'x', verify=True)
    assert len(found) == 1500 and all(np.array_equal(record['boxes'], shared) for record in found)
    assert found.splits['val'].tolist() == [7]


BUILD = """
import resource, sys
from pyskl.datasets.records.store_writer import pack_annotations
used = int(next(line for line in open('/proc/self/status') if line.startswith('VmData')).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (used + (48 << 20), -1))
with open(sys.argv[2], 'wb') as file:
    pack_annotations(sys.argv[1], file)
"""

if sys.platform == 'linux':  # where the memory of a process can be limited and measured

    def test_a_pickle_four_times_larger_than_memory_is_packed(tmp_path):
        keypoint = np.zeros((1, 5, 25, 3), np.float16)
        records = [
            {'frame_dir': str(i), 'label': 0, 'total_frames': 500, 'keypoint': np.repeat(keypoint + i, 100, axis=1)}
            for i in range(2700)
        ]
        write_annotations(tmp_path / 'x.pkl', records, {'val': ['5', '2000']})
        assert (tmp_path / 'x.pkl').stat().st_size > 4 * (48 << 20)
        command = [sys.executable, '-c', BUILD, tmp_path / 'x.pkl', tmp_path / 'x.skl']
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        found = RecordStore(tmp_path / 'x.skl', verify=True)
        assert found.splits['val'].tolist() == [5, 2000]
        assert all(np.array_equal(found.record(i)['keypoint'], records[i]['keypoint']) for i in range(0, 2700, 300))
