import subprocess
import sys
from pathlib import Path

import pytest

from pyskl.cli.launch import torchrun_arguments

ROOT = Path(__file__).resolve().parents[2]


def test_one_machine_listens_on_itself_and_a_free_port():
    arguments = torchrun_arguments(4, ['tools/train.py', 'c.py'], {})
    assert arguments[:4] == ['--nnodes=1', '--node_rank=0', '--nproc_per_node=4', '--master_addr=127.0.0.1']
    assert 1024 < int(arguments[4].removeprefix('--master_port=')) < 65536
    assert arguments[5:] == ['tools/train.py', 'c.py']


def test_several_machines_are_told_by_the_environment():
    environment = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'head', 'PORT': '29500'}
    assert torchrun_arguments(8, [], environment) == [
        '--nnodes=2', '--node_rank=1', '--nproc_per_node=8', '--master_addr=head', '--master_port=29500',
    ]  # fmt: skip


def test_several_machines_without_an_address_are_refused():
    with pytest.raises(ValueError, match='NNODES=2 needs MASTER_ADDR and PORT'):
        torchrun_arguments(8, [], {'NNODES': '2'})


def launch(tmp_path, code, processes='3'):
    tool = tmp_path / 'tool.py'
    tool.write_text(f'import os, sys\nfrom pyskl.cli.entry import run\n{code}')
    command = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', processes, str(tool)]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_error_of_all_processes_is_one_line(tmp_path):
    result = launch(tmp_path, "def main():\n    raise ValueError('the reason')\nrun(main)\n")
    assert result.returncode == 1
    assert [line for line in result.stderr.splitlines() if 'the reason' in line] == ['error: the reason']
    assert 'Traceback' not in result.stderr


def test_every_process_knows_its_rank(tmp_path):
    result = launch(tmp_path, "open(f'{sys.argv[0]}.{os.environ[\"RANK\"]}', 'w').close()\n")
    assert result.returncode == 0, result.stderr
    assert sorted(p.name for p in tmp_path.glob('tool.py.*')) == ['tool.py.0', 'tool.py.1', 'tool.py.2']


def test_the_number_of_processes_must_be_one(tmp_path):
    result = launch(tmp_path, '', processes='--validate')
    assert result.returncode != 0
    result = launch(tmp_path, '', processes='none')
    assert result.returncode == 1
    assert result.stderr == "error: the number of processes (GPUs) must be a positive integer, got 'none'\n"


def test_a_command_of_pyskl_is_launched_as_its_module():
    assert torchrun_arguments(2, ['train', 'x.py'], {})[-3:] == ['--module', 'pyskl.cli.train', 'x.py']
