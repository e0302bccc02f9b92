"""kpfiles: found below their roots, read safely, shared, with the published pipeline unchanged."""

import pickle
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.kpfiles import KeypointFiles, locate, read_keypoint_file

PIPELINE = [
    {'type': 'DecompressPose', 'squeeze': True},
    {'type': 'UniformSampleFrames', 'clip_len': 4},
    {'type': 'PoseDecode'},
    {'type': 'Collect', 'keys': ['keypoint', 'keypoint_score', 'label'], 'meta_keys': []},
]


def boxes_of(number):
    """(N, V, 3) of clip ``number``: two boxes in frame 0, one in frame 2."""
    keypoint = np.full((3, 17, 3), 0.5, np.float16)
    keypoint[..., 0] = number * 10 + np.arange(3)[:, None]
    return keypoint


@pytest.fixture
def k400(tmp_path):
    """``k400.pkl`` of four clips whose joints are in two files in ``kpfiles``; paths are those of another machine."""
    annotations, files = [], {'a': {}, 'b': {}}
    for number, name in enumerate(['v0', 'v1', 'v2', 'v3']):
        file = 'ab'[number % 2]
        files[file][name] = {'keypoint': boxes_of(number)}
        annotations.append(
            {
                'frame_dir': name, 'label': number, 'img_shape': (240, 320), 'original_shape': (240, 320),
                'total_frames': 5, 'frame_inds': np.array([0, 0, 2], np.int16), 'raw_file': f'/x/kpfiles/{file}.pkl',
                'box_score': np.array([0.9, 0.4, 0.8]), 'valid': {0.5: 2, 0.6: 2, 0.7: 2, 0.8: 2, 0.9: 1},
            }
        )  # fmt: skip
    split = {'train': ['v0', 'v1', 'v2'], 'val': ['v3']}
    (tmp_path / 'k400.pkl').write_bytes(pickle.dumps({'split': split, 'annotations': annotations}))
    (tmp_path / 'kpfiles').mkdir()
    for name, content in files.items():
        (tmp_path / 'kpfiles' / f'{name}.pkl').write_bytes(pickle.dumps(content))
    return tmp_path / 'k400.pkl'


def test_an_unconverted_file_works_with_the_published_pipeline(k400):
    with pytest.warns(UserWarning, match='the joints of 3 clips are read from 2 kpfiles; pyskl data k400 merges'):
        dataset = PoseDataset(k400, PIPELINE, split='train', box_thr=0.5, valid_ratio=0.0, test_mode=True)
    sample = dataset[1]
    assert sample['keypoint'].shape == (2, 4, 17, 2) and sample['label'] == 1
    assert sample['keypoint'][..., 0, 0].tolist() == [[10, 12, 10, 12], [11, 0, 11, 0]]  # two frames, in a loop
    batches = DataLoader(dataset, batch_size=1, num_workers=2, multiprocessing_context='spawn')
    assert [int(batch['keypoint'][0, 0, 0, 0, 0]) for batch in batches] == [0, 10, 20]


def test_boxes_with_low_scores_are_ignored_with_valid_ratio(k400):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        sure = PoseDataset(k400, PIPELINE, valid_ratio=0.4, box_thr=0.5)
        none = pytest.raises(ValueError, PoseDataset, k400, PIPELINE, valid_ratio=0.4, box_thr=0.9)
    assert len(sure) == 4 and sure[0]['keypoint'].shape == (1, 4, 17, 2)
    assert 'no record of' in str(none.value)


@pytest.mark.filterwarnings('ignore:.*kpfiles')
def test_a_builtin_pipeline_without_decompress_pose_raises(k400):
    with pytest.raises(ValueError, match=r"record 'v0' has one row per detection, .* begin with 'DecompressPose'"):
        PoseDataset(k400, PIPELINE[1:])
    assert PoseDataset(k400, [lambda results: results])[0]['keypoint'].shape == (3, 17, 3)
    assert PoseDataset(k400)[1]['keypoint'].shape == (3, 17, 3)


def test_a_kpfile_is_converted_once_and_cached(k400, cache_folder):
    files = KeypointFiles([k400.parent])
    assert np.array_equal(files.keypoint('kpfiles/a.pkl', 'v2'), boxes_of(2))
    kept = sorted(cache_folder.glob('*.records'))
    assert len(kept) == 1
    other = pickle.loads(pickle.dumps(files))
    assert np.array_equal(other.keypoint('kpfiles/a.pkl', 'v0'), boxes_of(0))
    assert sorted(cache_folder.glob('*.records')) == kept
    with pytest.raises(ValueError, match=r"kpfile 'kpfiles/a\.pkl' has no keypoint \(boxes, V, 3\) of 'v1'"):
        files.keypoint('kpfiles/a.pkl', 'v1')


def test_a_path_cannot_point_outside_of_its_root(tmp_path):
    root = tmp_path / 'root'
    (root / 'kpfiles').mkdir(parents=True)
    outside = tmp_path / 'secret.pkl'
    outside.write_bytes(pickle.dumps({}))
    (root / 'kpfiles' / 'a.pkl').write_bytes(b'')
    for path in ('../secret.pkl', 'kpfiles/../../secret.pkl', '..\\secret.pkl'):
        with pytest.raises(ValueError, match='points outside of'):
            locate(path, [root])
    for path in (str(outside), '/etc/passwd', 'b.pkl'):
        with pytest.raises(FileNotFoundError, match='was not found in .*, neither by its path nor by the end of it'):
            locate(path, [root])
    for path in (None, '', 'a\0.pkl', 3):
        with pytest.raises(ValueError, match='is not a file path'):
            locate(path, [root])
    for path in ('kpfiles/a.pkl', '/far/away/kpfiles/a.pkl', 'C:\\data\\kpfiles\\a.pkl'):
        assert locate(path, [root]) == root / 'kpfiles' / 'a.pkl'
    assert locate('x/a.pkl', [tmp_path, root / 'kpfiles']) == root / 'kpfiles' / 'a.pkl'


def test_a_missing_file_raises_when_the_dataset_is_built(k400):
    (k400.parent / 'kpfiles/b.pkl').unlink()
    words = r"record 'v1' has no keypoint, and its raw_file '/x/kpfiles/b.pkl' was not found in .*\(and 1 more\)"
    with pytest.raises(FileNotFoundError, match=words):
        PoseDataset(k400)


class Evil:
    def __reduce__(self):
        return Path.touch, (Path('touched'),)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ([1], 'holds a list; it must be a dict with frame_dir as keys'),
        ({'a': 1}, r'holds no keypoint \(boxes, V, 3\)'),
        ({'a': {'keypoint': np.zeros((3, 17))}}, r'holds no keypoint \(boxes, V, 3\)'),
        ({'a': np.full((2, 17, 3), np.nan)}, "has NaN or infinite joints of 'a'; pyskl data k400 omits such"),
        ({'a': np.zeros((2, 17, 3), 'U3')}, r'holds no keypoint \(boxes, V, 3\)'),
        ({'a': Evil()}, 'could run code, and was not read'),
        (None, 'is not a valid pickle'),
    ],
)
def test_other_files_raise_and_run_no_code(tmp_path, monkeypatch, content, words):
    monkeypatch.chdir(tmp_path)
    Path('x.pkl').write_bytes(b'nonsense' if content is None else pickle.dumps(content))
    with pytest.raises(ValueError, match=words):
        KeypointFiles([tmp_path]).keypoint('x.pkl', 'a')
    assert not Path('touched').exists()


def test_a_kpfile_of_bare_arrays_is_read_too(tmp_path):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps({7: boxes_of(1)}))
    found = read_keypoint_file(tmp_path / 'x.pkl')
    assert list(found) == ['7'] and type(found['7']) is np.ndarray


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_kpfile_raises_or_gives_complete_arrays(data):
    whole = bytearray(pickle.dumps({f'v{i}': {'keypoint': boxes_of(i)} for i in range(3)}, protocol=4))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = whole[: data.draw(st.integers(len(whole) // 2, len(whole)))]
    with TemporaryDirectory() as folder:
        path = Path(folder) / 'x.pkl'
        path.write_bytes(cut)
        try:
            found = read_keypoint_file(path)
        except ValueError as error:
            assert str(error).startswith('kpfile ')
        else:
            assert all(isinstance(name, str) for name in found)
