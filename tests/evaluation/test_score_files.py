import json
import os
import pickle

import numpy as np
import pytest
import torch
import yaml

from pyskl.evaluation.score_files import read_predictions

SCORES = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]], np.float32)
OURS = [
    {'frame_dir': name, 'label': label, 'score': row} for name, label, row in zip('ab', (0, 2), SCORES, strict=True)
]
PLAIN = [{**row, 'score': row['score'].tolist()} for row in OURS]


def dump(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


def check(predictions, names=('a', 'b')):
    assert predictions.names == names
    assert predictions.labels.tolist() == [0, 2]
    assert predictions.scores.tolist() == SCORES.tolist()


def test_dumps_are_read_from_pkl_json_and_yaml(tmp_path):
    check(read_predictions(dump(tmp_path / 'a.pkl', OURS)))
    (tmp_path / 'a.json').write_text(json.dumps(PLAIN))
    check(read_predictions(tmp_path / 'a.json'))
    (tmp_path / 'a.yaml').write_text(yaml.safe_dump(PLAIN))
    check(read_predictions(tmp_path / 'a.yaml'))


@pytest.mark.filterwarnings('error')
def test_dumps_of_mmaction2_are_read(tmp_path):
    block = torch.tensor(SCORES)  # the rows share one storage, like rows of a batch
    rows = [{'pred_score': block[i], 'gt_label': torch.tensor([label])} for i, label in enumerate((0, 2))]
    check(read_predictions(dump(tmp_path / 'a.pkl', rows)), None)
    old = [{'pred_scores': {'item': row['pred_score']}, 'gt_labels': {'item': row['gt_label']}} for row in rows]
    check(read_predictions(dump(tmp_path / 'b.pkl', old)), None)
    half = [{**row, 'pred_score': row['pred_score'].bfloat16()} for row in rows]
    check(read_predictions(dump(tmp_path / 'c.pkl', half)), None)


def test_bare_lists_are_in_the_order_of_the_annotations(tmp_path):
    records = [
        {'frame_dir': name, 'label': label, 'total_frames': 1, 'keypoint': np.zeros((1, 1, 3, 3))}
        for name, label in zip('axb', (0, 1, 2), strict=True)
    ]
    ann = dump(tmp_path / 'ann.pkl', {'split': {'val': ['b', 'a']}, 'annotations': records})
    scores = dump(tmp_path / 'out.pkl', list(SCORES))
    check(read_predictions(scores, str(ann), 'val'))
    with pytest.raises(ValueError, match='has 2 scores, but split None has 3 clips'):
        read_predictions(scores, str(ann))
    with pytest.raises(ValueError, match="no split 'vla'"):
        read_predictions(scores, str(ann), 'vla')
    with pytest.raises(
        ValueError, match='is a list without labels; specify the tested clips with --ann FILE --split NAME'
    ):
        read_predictions(scores)


class Trap:
    def __reduce__(self):
        return os.mkdir, ('trapped',)


class Storage:
    """A tensor storage whose bytes are a pickle that runs code."""

    def __reduce__(self):
        return torch.storage._load_from_bytes, (pickle.dumps(Trap()),)


class Beyond:
    """A tensor that extends beyond its storage."""

    def __reduce__(self):
        storage = torch.zeros(2).storage()
        return torch._utils._rebuild_tensor_v2, (storage, 0, (10**6,), (1,), False, {})


@pytest.mark.filterwarnings('ignore:TypedStorage', 'ignore:Detected pickle protocol')
@pytest.mark.parametrize(
    ('trap', 'message'),
    [
        (Trap(), 'mkdir, which could run code'),
        (Storage(), 'mkdir, which could run code'),
        (Beyond(), 'extends to element'),
    ],
)
def test_reading_a_malicious_file_raises_without_running_code(tmp_path, monkeypatch, trap, message):
    monkeypatch.chdir(tmp_path)
    path = dump(tmp_path / 'a.pkl', [{'pred_score': trap, 'gt_label': 0}])
    with pytest.raises(ValueError, match=message):
        read_predictions(path)
    assert [path.name for path in tmp_path.iterdir()] == ['a.pkl']


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ({'a': 1}, 'must be a list with one entry per clip, got dict'),
        ([], 'must be a list with one entry per clip, got list'),
        ([OURS[0], 3], 'entry number 1 is not a dict'),
        (
            [{'frame_dir': 'a', 'label': None, 'score': SCORES[0]}],
            'clip number 0 must have one class, got label None',
        ),
        ([{'frame_dir': 'a', 'label': -1, 'score': SCORES[0]}], 'got label -1'),
        ([{'frame_dir': 'a', 'label': [0, 1], 'score': SCORES[0]}], r'got label \[0, 1\]'),
        ([{'frame_dir': 'a', 'label': 3, 'score': SCORES[0]}], 'clip number 0 has class 3, but only 3 scores'),
        ([OURS[0], {**OURS[1], 'score': SCORES[1, :2]}], r'the score of clip number 1 has shape \(2,\)'),
        ([{**OURS[0], 'score': SCORES}], '--average-clips'),
        ([{'frame_dir': 'a', 'label': 0}], 'the score of clip number 0'),
        ([OURS[0], {**OURS[1], 'score': SCORES[1] * np.nan}], 'clip number 1 has a NaN score'),
    ],
)
def test_an_invalid_entry_raises_with_its_number(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_predictions(dump(tmp_path / 'a.pkl', rows))


def test_missing_truncated_and_other_files_raise(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'score file .*a.pkl. does not exist'):
        read_predictions(tmp_path / 'a.pkl')
    (tmp_path / 'a.json').write_text('[{')
    with pytest.raises(ValueError, match='is truncated or of another format'):
        read_predictions(tmp_path / 'a.json')
    with pytest.raises(ValueError, match='must end with .pkl'):
        read_predictions(tmp_path / 'a.npz')
