import json
import re

import pytest
from mmengine.registry import VISBACKENDS
from mmengine.visualization import BaseVisBackend

from pyskl.engine.config.load import load_config
from pyskl.engine.run_log import COLUMNS, scalars, train_lines, wrapped
from pyskl.engine.train import train


def test_an_interval_states_loss_speed_and_time_left():
    tag = {'lr': 0.1, 'loss': 1.25, 'loss_cls': 1.25, 'top1_acc': 0.5, 'time': 0.2, 'data_time': 0.05, 'epoch': 1}
    assert train_lines('epoch  1/16  20/100', scalars(tag), tag, 3661) == [
        'epoch  1/16  20/100  lr 1.00e-01  loss 1.2500  top1_acc 0.5000  0.200 s/it (data 0.050)',
        '        left 1:01:01',
    ]


def test_several_losses_are_wrapped_to_the_columns():
    values = {'lr': 0.1, 'loss': 3.0, 'loss_cls': 1.0, 'loss_mmd_marginal': 1.0, 'loss_mmd_conditional': 1.0}
    lines = train_lines('epoch 1/2  1/2', values, {'time': 1.0}, 5)
    assert len(lines) == 2 and all(len('2026-01-01 12:34:56 ') + len(line) <= COLUMNS for line in lines)
    assert all(key in ' '.join(lines) for key in values)
    assert wrapped('head', []) == ['head']


def test_values_that_are_not_numbers_are_not_logged():
    assert scalars({'a': 1, 'b': 'x', 'c': [1], 'd': float('nan'), 'e': True, 'epoch': 3}) == {'a': 1.0}


@VISBACKENDS.register_module()
class DrawnPoints(BaseVisBackend):
    """A backend in place of TensorBoard."""

    points = []

    def _init_env(self):
        pass

    @property
    def experiment(self):
        return self

    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        self.points.extend((tag, step) for tag in scalar_dict)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    from tests.conftest import TinyExperiment

    tiny = TinyExperiment(tmp_path_factory.mktemp('run'))
    cfg = load_config(tiny.config, {'total_epochs': 2, 'log_config.interval': 50})
    cfg.visualizer = {'type': 'Visualizer', 'vis_backends': [{'type': 'DrawnPoints'}]}
    cfg.work_dir = str(tiny.folder / 'run')
    return train(cfg, seed=0), tiny.folder / 'run'


def test_training_and_validation_lines_have_their_epoch(finished):
    _, folder = finished
    rows = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    assert [(row['mode'], row['epoch'], row['iter']) for row in rows] == [
        ('train', 1, 2), ('val', 1, 2), ('train', 2, 4), ('val', 2, 4),
    ]  # fmt: skip
    assert rows[0].keys() >= {'lr', 'loss', 'top1_acc', 'time'} and rows[1].keys() >= {'top1_acc'}
    [path] = folder.glob('*.log.json')
    assert [json.loads(line)['iter'] for line in path.read_text().splitlines()] == [2, 1, 2, 1]


def test_every_line_of_the_log_fits_the_columns(finished):
    _, folder = finished
    [path] = folder.glob('*.log')
    text = path.read_text()
    lines = [line for line in text[text.index('iterations per epoch') :].splitlines()[1:] if re.match(r'\d{4}-', line)]
    assert any('Epoch(val) [1][' in line for line in lines)
    assert all(len(line) <= COLUMNS for line in lines)


def test_record_and_result_have_the_last_and_the_best_validation(finished):
    result, folder = finished
    record = json.loads((folder / 'run.json').read_text())
    assert record['last'] == {'epoch': 2, **result.metrics} and record['epoch'] == 2 and record['seconds'] > 0
    assert record['network'] == 'Ske2Grid'
    assert record['best'] == result.best and (folder / result.best['file']).samefile(result.best_checkpoint)
    assert result.last_checkpoint == str(folder / 'epoch_2.pth')


def test_curves_are_separate_and_by_epoch(finished):
    steps = {}
    for tag, step in DrawnPoints.points:
        steps.setdefault(tag, []).append(step)
    assert steps['train/loss'] == steps['val/top1_acc'] == steps['train/lr'] == [1, 2]
    assert steps['iteration/loss'] == [2, 4]
