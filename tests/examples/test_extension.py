"""The example package: every part from outside, in one run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'examples' / 'extension'

PROGRAM = """
import sys
import numpy as np
from pyskl.apis import inference_recognizer, init_recognizer, load_config, test, train
from pyskl.pose.choice import choose_estimator

cfg = load_config('config.py', {'work_dir': sys.argv[1], 'log_level': 'ERROR'})
result = train(cfg, seed=0)
print('METRICS', sorted(result.metrics))
scores = test(load_config('config.py', {'work_dir': sys.argv[1]}), sys.argv[1] + '/latest.pth',
              metrics=['mean_confidence'])
print('TEST', scores)
model = init_recognizer(cfg, sys.argv[1] + '/latest.pth')
from my_package.dataset import stick
print('CLASS', inference_recognizer(model, stick(1, 7))[0][0])
from my_package.estimator import Stick
print('PEOPLE', Stick().people(np.zeros((10, 20, 3), np.uint8))[0].shape)
from pyskl.datasets.pose_dataset import PoseDataset
clips = PoseDataset(sys.argv[2], cfg.val_pipeline, 'val')
clips.check(num_joints=5, num_classes=2, dims=2, layout='stick')
print('CLIPS', len(clips))
""".replace('from pyskl.pose.choice import choose_estimator\n', '')


@pytest.fixture
def environment(tmp_path):
    path = os.pathsep.join([str(ROOT), str(FOLDER)])
    return {**os.environ, 'PYTHONPATH': path, 'PYSKL_CACHE': str(tmp_path / 'cache'), 'PYTHONDONTWRITEBYTECODE': '1'}


def test_every_part_of_the_example_runs_from_outside(tmp_path, environment):
    def call(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    assert 'wrote' in call('-m', 'my_package.converter', str(tmp_path / 'sticks.pkl'))
    said = call('-c', PROGRAM, str(tmp_path / 'run'), str(tmp_path / 'sticks.pkl'))
    lines = dict(line.split(' ', 1) for line in said.splitlines() if line.split(' ')[0].isupper())
    assert 'mean_confidence' in lines['METRICS'] and 'top1_acc' in lines['METRICS']
    assert 'mean_confidence' in lines['TEST']
    assert lines['PEOPLE'] == '(1, 5, 2)'
    assert lines['CLIPS'] == '8'
    assert (tmp_path / 'run' / 'epochs.txt').read_text() == '1\n2\n3\n'
