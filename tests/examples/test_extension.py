"""The example package: every part in one separate process (imports take most of the time)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'examples' / 'extension'

PROGRAM = """
import runpy
import sys

import cv2
import numpy as np

out = sys.argv[1]


def command(module, *arguments):
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name='__main__')


command('my_package.converter', f'{out}/sticks.pkl')

from pyskl.apis import inference_recognizer, init_recognizer, load_config, test, train

cfg = load_config('config.py', {'work_dir': f'{out}/run', 'log_level': 'ERROR'})
print('METRICS', sorted(train(cfg, seed=0).metrics))
checkpoint = f'{out}/run/latest.pth'
test(load_config('config.py', {'work_dir': f'{out}/run'}), checkpoint, metrics=['mean_confidence'])

from my_package.dataset import stick
from pyskl.datasets.pose_dataset import PoseDataset

print('CLASS', inference_recognizer(init_recognizer(cfg, checkpoint), stick(1, 7))[0][0])
clips = PoseDataset(f'{out}/sticks.pkl', cfg.val_pipeline, 'val')
clips.check(num_joints=5, num_classes=2, dims=2, layout='stick')
print('CLIPS', len(clips))

for number in range(30):
    cv2.imwrite(f'{out}/film/{number:03d}.png', np.zeros((60, 80, 3), np.uint8))
command(
    'pyskl.cli.predict', f'{out}/film', '--model', 'config.py', checkpoint, '--pose', 'my_package.estimator:Stick',
    '--out', f'{out}/events', '--no-film', '--threshold', '0',
)
"""


@pytest.fixture
def environment(tmp_path):
    path = os.pathsep.join([str(ROOT), str(FOLDER)])
    return {**os.environ, 'PYTHONPATH': path, 'PYSKL_CACHE': str(tmp_path / 'cache'), 'PYTHONDONTWRITEBYTECODE': '1'}


def test_every_part_of_the_example_runs_without_changes_to_pyskl(tmp_path, environment):
    (tmp_path / 'film').mkdir()
    process = subprocess.run(
        [sys.executable, '-c', PROGRAM, str(tmp_path)],
        cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-2000:]
    lines = dict(line.split(' ', 1) for line in process.stdout.splitlines() if ' ' in line)
    assert lines['wrote'] == f'{tmp_path / "sticks.pkl"}: 24 clips'
    assert lines['METRICS'] == "['mean_confidence', 'top1_acc']"
    assert 0.5 < float(lines['mean_confidence:']) <= 1
    assert lines['CLASS'] == '1' and lines['CLIPS'] == '8'
    assert (tmp_path / 'run' / 'epochs.txt').read_text() == '1\n2\n3\n'
    written = json.loads((tmp_path / 'events' / 'events.json').read_text())
    assert written['layout'] == 'stick'  # the layout of the estimator and the network
    assert [event['person'] for event in written['events']] == [1]
    assert written['events'][0]['end'] == pytest.approx(29 / 30, abs=1e-3)
