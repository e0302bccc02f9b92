import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyskl.cli.progressive import cfg_options, table, train_command
from tests.engine.test_train import CONFIG, made_clips

ROOT = Path(__file__).resolve().parents[2]


def test_load_from_is_added_to_the_options_of_the_user():
    command = train_command('d6.py', 'w', 'best.pth', 1, ['--amp', '--cfg-options', 'total_epochs=2'])
    assert command[command.index('--cfg-options') :] == ['--cfg-options', 'load_from=best.pth', 'total_epochs=2']
    assert 'load_from' not in ' '.join(train_command('d5.py', 'w', None, 1, []))


def test_cfg_options_are_extracted_from_the_options():
    assert cfg_options(['--seed', '0', '--cfg-options', 'a=1', 'b.c=2', '--amp', 'bf16']) == ['a=1', 'b.c=2']
    assert cfg_options(['--amp']) == []


def test_several_processes_use_the_launcher():
    command = train_command('d5.py', 'w', None, 4, [])
    assert command[1:3] == ['-m', 'pyskl.cli.launch']
    assert command[3:5] == ['--processes', '4']
    assert command[command.index('--launcher') + 1] == 'pytorch'


def test_the_table_is_aligned():
    row = {'grid': '5x5', 'top1': 0.862, 'parameters': 4369000, 'macs': 8.02e9, 'seconds': 90, 'checkpoint': 'a.pth'}
    header, line = table([row]).splitlines()
    assert line.split() == ['5x5', '86.20', '4.369', 'M', '8.02', '1.5', 'a.pth']
    assert header.index('top-1') == line.index('86.20')


@pytest.mark.slow
def test_progressive_equals_single_commands_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    made_clips(tmp_path / 'clips.pkl')
    (tmp_path / 'd5.py').write_text(CONFIG.replace('{ann!r}', repr(str(tmp_path / 'clips.pkl'))))
    (tmp_path / 'd6.py').write_text(
        "_base_ = './d5.py'\nmodel = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[17, 25]))\n"
    )
    configs = [str(tmp_path / 'd5.py'), str(tmp_path / 'd6.py')]
    options = ['--seed', '0', '--cfg-options', 'total_epochs=1']
    command = [sys.executable, str(ROOT / 'tools/progressive.py'), *configs, '--work-dir', str(tmp_path / 'chain')]
    first = subprocess.run([*command, '--', *options], capture_output=True, text=True, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert [line.split()[0] for line in first.stdout.splitlines()[-2:]] == ['5x5', '6x6']

    best = str(tmp_path / 'chain/d5/best_*.pth')
    by_hand = train_command(configs[1], str(tmp_path / 'hand'), best, 1, options)
    subprocess.run(by_hand, check=True, capture_output=True, cwd=tmp_path)
    a, b = (
        torch.load(tmp_path / name / 'epoch_1.pth', weights_only=False)['state_dict'] for name in ('chain/d6', 'hand')
    )
    assert all(torch.equal(a[key], b[key]) for key in a)

    record = (tmp_path / 'chain/d5/run.json').read_text()
    assert json.loads(record)['seconds'] > 0
    again = subprocess.run([*command, '--', *options], capture_output=True, text=True, cwd=tmp_path)
    assert again.stdout.count('finished already') == 2
    assert (tmp_path / 'chain/d5/run.json').read_text() == record
