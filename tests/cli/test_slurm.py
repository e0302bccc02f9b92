import os
import subprocess
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def slurm(tmp_path, script, *arguments, **environment):
    """Return the arguments of srun: those before the tool, and the tool with its arguments."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    env = {'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PYTHON': 'python3', **environment}
    done = subprocess.run(['bash', str(TOOLS / script), *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    start = words.index('python3')
    return words[:start], words[start:]


def test_training_uses_eight_gpus_of_one_machine_by_default(tmp_path):
    srun, tool = slurm(tmp_path, 'slurm_train.sh', 'job', 'c.py', '--cfg-options', 'a=b c')
    assert srun == [
        '--job-name=job', '--gres=gpu:8', '--ntasks=8', '--ntasks-per-node=8', '--cpus-per-task=5',
        '--kill-on-bad-exit=1',
    ]  # fmt: skip
    assert tool[:3] == ['python3', '-u', str(TOOLS / 'train.py')]
    assert sorted(tool[3:]) == sorted(['c.py', '--launcher', 'slurm', '--cfg-options', 'a=b c'])


def test_the_environment_sets_partition_and_gpus(tmp_path):
    environment = {'PARTITION': 'gpu', 'GPUS': '2', 'CPUS_PER_TASK': '3', 'SRUN_ARGS': '--time=1 --mem=4G'}
    srun, tool = slurm(tmp_path, 'slurm_test.sh', 'job', 'c.py', 'x.pth', '--out', 's.pkl', **environment)
    assert srun == [
        '-p', 'gpu', '--job-name=job', '--gres=gpu:2', '--ntasks=2', '--ntasks-per-node=2', '--cpus-per-task=3',
        '--kill-on-bad-exit=1', '--time=1', '--mem=4G',
    ]  # fmt: skip
    assert [word for word in tool if word not in ('--launcher', 'slurm')] == [
        'python3', '-u', str(TOOLS / 'test.py'), 'c.py', 'x.pth', '--out', 's.pkl',
    ]  # fmt: skip


def test_sixteen_gpus_are_two_machines(tmp_path):
    srun, _ = slurm(tmp_path, 'slurm_train.sh', 'job', 'c.py', GPUS='16')
    assert {'--ntasks=16', '--ntasks-per-node=8', '--gres=gpu:8'} <= set(srun)


@pytest.mark.parametrize(('script', 'arguments'), [('slurm_train.sh', ['job']), ('slurm_test.sh', ['job', 'c.py'])])
def test_too_few_arguments_print_the_usage(script, arguments):
    done = subprocess.run(['bash', str(TOOLS / script), *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith('usage: ') and script in done.stderr and done.stderr.count('\n') == 1
