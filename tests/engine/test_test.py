"""Outputs and metrics of a test."""

import pickle

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import save_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.test import test as run_test
from pyskl.models import build_model
from pyskl.registry import METRICS


def test_features_are_written_per_clip_without_metrics(tiny, capsys):
    options = {'model.test_cfg': {'feat_ext': True, 'pool_opt': 'ntv'}}
    cfg = load_config(str(tiny.config), options)
    cfg.work_dir = str(tiny.work_dir)
    torch.manual_seed(0)
    path = tiny.folder / 'net.pth'
    save_checkpoint({'state_dict': build_model(cfg.model.to_dict()).state_dict(), 'meta': {}}, path)
    out = tiny.folder / 'features.pkl'
    assert run_test(cfg, str(path), out=str(out)) == {}
    assert 'no metrics: the clips have no labels, or test_cfg requests features' in capsys.readouterr().out
    rows = pickle.loads(out.read_bytes())
    assert len(rows) == 4  # clips of validation
    assert {row.shape for row in rows} == {(1, 2, 8, 1, 1, 1)}  # clips, persons, channels, frames, the grid's two axes
    assert np.stack(rows).std() > 0


@pytest.fixture
def network(tiny):
    """A config, and a checkpoint with its initial weights."""
    cfg = load_config(str(tiny.config), {})
    cfg.work_dir = str(tiny.work_dir)
    torch.manual_seed(0)
    path = tiny.folder / 'net.pth'
    save_checkpoint({'state_dict': build_model(cfg.model.to_dict()).state_dict(), 'meta': {}}, path)
    return cfg, str(path)


def test_metrics_per_class_are_printed_and_returned(network, capsys):
    found = run_test(*network, metrics=['per_class_accuracy', 'confusion_matrix', 'top_k_accuracy'])
    assert list(found) == ['per_class_accuracy', 'confusion_matrix', 'top1_acc']
    assert np.sum(found['confusion_matrix'], axis=1).tolist() == [1, 1, 1, 1]
    assert np.mean(found['per_class_accuracy']) == found['top1_acc']
    text = capsys.readouterr().out
    assert 'confusion_matrix: rows are the labels, columns the predictions' in text
    assert 'top-5 accuracy is not computed: with 4 classes it is always 1' in text


@pytest.mark.parametrize('metric', ['top_k_acc', 'fails'])
def test_scores_are_written_even_if_a_metric_raises(network, tiny, metric):
    out = tiny.folder / 'scores.pkl'
    METRICS.register_module(name='fails', module=lambda scores, labels: 1 / 0)
    try:
        with pytest.raises(ValueError if metric == 'top_k_acc' else ZeroDivisionError):
            run_test(*network, metrics=[metric], out=str(out))
    finally:
        METRICS.module_dict.pop('fails')
    assert out.exists() == (metric == 'fails')


def test_several_labels_per_clip_use_mean_average_precision(network, tiny):
    cfg, path = network
    with open(tiny.clips, 'rb') as file:
        content = pickle.load(file)
    for record in content['annotations']:
        record['label'] = [record['label'], (record['label'] + 1) % 4]
    tiny.clips.write_bytes(pickle.dumps(content))
    cfg.data.test.update(multi_class=True, num_classes=4)
    out = tiny.folder / 'scores.pkl'
    assert list(run_test(cfg, path, out=str(out))) == ['mean_average_precision']
    assert len(pickle.loads(out.read_bytes())) == 4
    with pytest.raises(ValueError, match='--eval: top_k_accuracy needs one label per clip'):
        run_test(cfg, path, metrics=['top_k_accuracy'])


def test_outputs_never_overwrite_inputs_and_other_files_only_with_overwrite(network, tiny):
    cfg, path = network
    mine = tiny.folder / 'mine.pkl'
    mine.write_text('mine')
    with pytest.raises(FileExistsError, match=r'--out .*mine.pkl exists already; pass --overwrite'):
        run_test(cfg, path, out=str(mine))
    for option in ('out', 'dump'):
        with pytest.raises(ValueError, match=rf'--{option} .*clips.pkl would overwrite .*clips.pkl, which is an input'):
            run_test(cfg, path, overwrite=True, **{option: str(tiny.clips)})
    with pytest.raises(ValueError, match='--out and --dump are the same file'):
        run_test(cfg, path, out='a.pkl', dump='a.pkl')
    assert mine.read_text() == 'mine'
    run_test(cfg, path, out=str(mine), overwrite=True)
    assert len(pickle.loads(mine.read_bytes())) == 4


def test_a_test_writes_no_other_files(network, tiny):
    before = {path.name for path in tiny.folder.rglob('*')}
    run_test(*network)
    assert {path.name for path in tiny.folder.rglob('*')} == before
