"""Records with odd values in any field: every reader raises one line that names the file."""

import pickle
import warnings

import numpy as np
import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import read_annotations
from pyskl.datasets.records.boxes import boxes_shape
from pyskl.datasets.records.store_writer import pack_annotations

ODD = [
    None, 0, -1, 3, 2**31, 2**63, -(2**70), 1.5, float('nan'), float('inf'), 'x', b'x', (), (1, 2), (2**70, 1), [],
    [[1], [2, 3]], {'a': 1}, {1, 2}, np.zeros(0), np.zeros(3), np.zeros((2, 2)), np.zeros((1, 4, 17, 9)),
    np.zeros((0, 4, 17, 2)), np.zeros((1, 0, 17, 2)), np.zeros((3, 17, 3)), np.array(3), np.array('x'),
    np.array(['a', 'b']), np.zeros((1, 4, 17), complex), 1j, np.float32('nan'), np.array([0, 1, 2**62]), ((),),
    'y' * 9999,
]  # fmt: skip
PLAIN = {
    'frame_dir': 'a', 'label': 1, 'total_frames': 4, 'keypoint': np.ones((1, 4, 17, 2), 'f4'),
    'keypoint_score': np.ones((1, 4, 17), 'f4'), 'img_shape': (10, 10), 'filename': 'a',
}  # fmt: skip
BOXES = {
    'frame_dir': 'a', 'label': 1, 'total_frames': 4, 'keypoint': np.ones((3, 17, 3), 'f4'), 'raw_file': 'x.pkl',
    'frame_inds': np.array([0, 1, 3]), 'box_score': np.ones(3, 'f4'), 'valid': {0.5: 3}, 'img_shape': (10, 10),
}  # fmt: skip


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', ['plain', 'boxes', 'elsewhere'])
def test_any_value_in_any_field_is_accepted_or_raises_one_line(tmp_path, kind):
    base = PLAIN if kind == 'plain' else BOXES
    base = {key: value for key, value in base.items() if kind != 'elsewhere' or key != 'keypoint'}
    path = tmp_path / 'odd.pkl'
    for key in base:
        for value in ODD:
            records = [{**base, key: value}, {**base, 'frame_dir': 'b', 'filename': 'b'}]
            path.write_bytes(pickle.dumps({'annotations': records, 'split': {'train': ['b']}}))
            for read in (pack, read_annotations, dataset):
                try:
                    read(path)
                except (ValueError, OSError) as error:
                    assert 'odd.pkl' in str(error) and '\n' not in str(error), (key, value)


def pack(path):
    with path.with_suffix('.skl').open('wb') as file:
        pack_annotations(path, file)


def dataset(path):
    packed = path.with_name('odd.pkl.skl')
    path.with_suffix('.skl').replace(packed)
    PoseDataset(packed, [], split='train').check(17, 60, 2)
    PoseDataset(packed, [{'type': 'DecompressPose'}], valid_ratio=0.1, box_thr=0.5)


@pytest.mark.parametrize('split', ODD, ids=lambda value: str(value)[:20])
def test_any_value_of_splits_is_accepted_or_raises_one_line(tmp_path, split):
    path = tmp_path / 'odd.pkl'
    for splits in (split, {'train': split}):
        path.write_bytes(pickle.dumps({'annotations': [PLAIN], 'split': splits}))
        for read in (pack, read_annotations):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore')
                    read(path)
            except ValueError as error:
                assert 'odd.pkl' in str(error) and '\n' not in str(error)


def test_the_number_of_a_frame_costs_no_memory():
    frames = np.array([0, 0, 5, 9_999_999])
    record = {**BOXES, 'keypoint': np.ones((4, 17, 3)), 'frame_inds': frames, 'total_frames': 10**7}
    assert boxes_shape(record) == (2, 10**7, 17, 2)
