import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyskl.cli.launch import listen, node_count, program, rank_environment, torchrun_arguments

ROOT = Path(__file__).resolve().parents[2]


def test_a_single_machine_uses_loopback_and_a_free_port():
    with listen(0) as listener:
        address, port = listener.getsockname()
        assert address == '127.0.0.1' and port > 1024
        with pytest.raises(OSError, match=f'PORT={port} cannot be used: .*; unset PORT'):
            listen(port)
    environment = rank_environment(1, 4, 29500, {'X': 'y', 'RANK': '9'})
    assert environment['X'] == 'y' and environment['RANK'] == environment['LOCAL_RANK'] == '1'
    assert environment['WORLD_SIZE'] == '4' and environment['MASTER_ADDR'] == '127.0.0.1'


def test_several_machines_are_described_by_the_environment():
    environment = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'head', 'PORT': '29500'}
    assert torchrun_arguments(8, ["t.py"], environment) == [
        '--nnodes=2', '--node_rank=1', '--nproc_per_node=8', '--master_addr=head', '--master_port=29500',
        't.py',
    ]  # fmt: skip


def test_several_machines_without_an_address_raise():
    with pytest.raises(ValueError, match='NNODES=2 needs MASTER_ADDR and PORT'):
        torchrun_arguments(8, [], {'NNODES': '2'})
    with pytest.raises(ValueError, match="NNODES must be a positive integer, got 'two'"):
        node_count({'NNODES': 'two'})


def launch(tmp_path, code, processes='3'):
    tool = tmp_path / 'tool.py'
    tool.write_text(f'import os, sys\nfrom pyskl.cli.entry import run\n{code}')
    command = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', processes, str(tool)]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_error_of_all_processes_prints_one_line(tmp_path):
    result = launch(tmp_path, "def main():\n    raise ValueError('the reason')\nrun(main)\n")
    assert result.returncode == 1
    assert [line for line in result.stderr.splitlines() if 'the reason' in line] == ['error: the reason']
    assert 'Traceback' not in result.stderr


def test_every_process_has_its_rank(tmp_path):
    result = launch(tmp_path, "open(f'{sys.argv[0]}.{os.environ[\"RANK\"]}', 'w').close()\n")
    assert result.returncode == 0, result.stderr
    assert sorted(p.name for p in tmp_path.glob('tool.py.*')) == ['tool.py.0', 'tool.py.1', 'tool.py.2']


def test_an_invalid_number_of_processes_raises(tmp_path):
    result = launch(tmp_path, '', processes='--validate')
    assert result.returncode != 0
    result = launch(tmp_path, '', processes='none')
    assert result.returncode == 1
    assert result.stderr == "error: the number of processes (GPUs) must be a positive integer, got 'none'\n"


def test_a_command_is_launched_as_its_module():
    assert program(['train', 'x.py']) == ['pyskl.cli.train', 'x.py']
    environment = {'NNODES': '2', 'MASTER_ADDR': 'head', 'PORT': '1'}
    assert torchrun_arguments(2, ['pyskl.cli.train', 'x.py'], environment)[-3:] == [
        '--module',
        'pyskl.cli.train',
        'x.py',
    ]


MEET = """
import torch, torch.distributed as dist
from pyskl.engine.distributed import init_distributed
def main():
    init_distributed('pytorch')
    total = torch.ones(1)
    dist.all_reduce(total)
    ports = {line.split()[1] for name in ('tcp', 'tcp6') for line in open(f'/proc/net/{name}') if ' 0A ' in line}
    port = '%04X' % int(os.environ['MASTER_PORT'])
    found = [address for address in ports if address.endswith(':' + port)]
    os.write(1, f'{int(total)} {found}\\n'.encode())
    dist.destroy_process_group()
run(main)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_the_processes_communicate_over_loopback_only(tmp_path):
    result = launch(tmp_path, MEET, '2')
    assert result.returncode == 0, result.stderr
    lines = result.stdout.split('\n')[:2]
    assert all(line.startswith("2 ['0100007F:") for line in lines), lines  # 127.0.0.1, and no other


SLEEP = """
import subprocess, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])  # a loader worker
print(os.getpid(), child.pid, flush=True)
"""


def is_running(pid):
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


def gone(pids, seconds=10):
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(is_running, pids))


def started(tmp_path, code):
    tool = tmp_path / 'tool.py'
    tool.write_text(f'import os, sys\nfrom pyskl.cli.entry import run\n{code}')
    command = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', '2', str(tool)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = [int(word) for _ in range(2) for word in process.stdout.readline().split()]
    return process, pids


@pytest.mark.parametrize(('number', 'status'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes_in_one_line(tmp_path, number, status):
    process, pids = started(tmp_path, f'{SLEEP}run(lambda: time.sleep(100))\n')
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status and stderr == 'error: interrupted\n'
    assert gone(pids)


def test_a_process_that_is_killed_ends_the_others_in_one_line(tmp_path):
    process, pids = started(tmp_path, f'{SLEEP}time.sleep(100)\n')
    os.kill(pids[2], signal.SIGKILL)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 137
    assert stderr.endswith('of 2 was killed by SIGKILL (out of memory?)\n') and stderr.count('\n') == 1
    assert gone(pids)


@pytest.mark.skipif(sys.platform != 'linux', reason='other systems do not tell a process of its parent')
def test_no_process_survives_a_killed_launcher(tmp_path):
    process, pids = started(tmp_path, 'import time\nprint(os.getpid(), flush=True)\ntime.sleep(100)\n')
    process.kill()
    process.wait()
    assert gone(pids)
