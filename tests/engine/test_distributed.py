"""Launchers, and functions for several processes."""

import os

import pytest
import torch
import torch.distributed as dist

from pyskl.engine import distributed
from pyskl.engine.distributed import check_processes, init_distributed, on_rank_zero, processes_here, world

MEETING = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture
def started(monkeypatch):
    """Record the backends of requested process groups; none is started."""
    monkeypatch.setattr(os, 'environ', {k: v for k, v in os.environ.items() if k not in MEETING})
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    found = []
    monkeypatch.setattr(dist, 'init_process_group', lambda backend, **_: found.append(backend))
    return found


def test_launcher_none_starts_no_process_group(started):
    init_distributed('none')
    assert started == [] and world() == (0, 1) and processes_here() == 1


def test_an_unknown_launcher_raises(started):
    with pytest.raises(ValueError, match="unknown --launcher 'srun'"):
        init_distributed('srun')


def test_missing_variables_of_a_launcher_raise_with_their_names(started):
    os.environ['RANK'] = '0'
    with pytest.raises(ValueError, match='--launcher pytorch: WORLD_SIZE, LOCAL_RANK, MASTER_ADDR not set'):
        init_distributed('pytorch')
    with pytest.raises(ValueError, match='SLURM_PROCID is not set; start with srun'):
        init_distributed('slurm')
    with pytest.raises(ValueError, match='OMPI_COMM_WORLD_RANK is not set; start with mpirun'):
        init_distributed('mpi')


@pytest.mark.parametrize(('asked', 'given'), [(None, 'gloo'), ('nccl', 'gloo'), ('gloo', 'gloo'), ('mpi', 'mpi')])
def test_nccl_becomes_gloo_without_a_gpu(started, asked, given):
    os.environ.update(OMPI_COMM_WORLD_RANK='1', OMPI_COMM_WORLD_SIZE='3', OMPI_COMM_WORLD_LOCAL_RANK='1')
    os.environ['MASTER_ADDR'] = 'node7'
    init_distributed('mpi', asked, port=4000)
    assert started == [given]
    assert (os.environ['RANK'], os.environ['WORLD_SIZE'], os.environ['MASTER_PORT']) == ('1', '3', '4000')


def test_slurm_uses_the_first_node_and_a_port_per_job(started, monkeypatch):
    hosts = type('Done', (), {'stdout': 'node3\nnode4\n'})
    monkeypatch.setattr(distributed.subprocess, 'run', lambda *_, **__: hosts)
    os.environ.update(
        SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_LOCALID='1', SLURM_NODELIST='node[3-4]', SLURM_JOB_ID='41234'
    )
    init_distributed('slurm')
    assert [os.environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')] == ['5', '8', '1']
    assert (os.environ['MASTER_ADDR'], os.environ['MASTER_PORT']) == ('node3', '21234')  # 20000 + 41234 % 20000


def test_more_processes_than_gpus_raise(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    check_processes(9)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    check_processes(2)
    with pytest.raises(ValueError, match=r'3 processes requested, but this machine has 2 GPU\(s\)'):
        check_processes(3)


@pytest.fixture
def pair(monkeypatch):
    """Simulate rank 0, then rank 1, which receives the broadcast."""
    sent = []

    def broadcast(answer):
        if world()[0] == 0:
            sent[:] = answer
        else:
            answer[:] = sent

    monkeypatch.setattr(dist, 'broadcast_object_list', broadcast)

    def on(rank, *arguments, **options):
        monkeypatch.setattr(distributed, 'world', lambda: (rank, 2))
        monkeypatch.setitem(globals(), 'world', lambda: (rank, 2))
        return on_rank_zero(*arguments, **options)

    return on


def test_on_rank_zero_returns_the_result_on_every_process(pair):
    assert pair(0, max, 2, 7) == 7
    assert pair(1, None) == 7


def test_on_rank_zero_returns_a_local_result_on_rank_zero_only(pair):
    assert pair(0, max, 2, 7, local=True) == 7
    assert pair(1, None, local=True) is None


def test_on_rank_zero_raises_on_every_process(pair):
    for rank in (0, 1):
        with pytest.raises(ValueError, match='invalid literal'):
            pair(rank, int, 'seven')


def test_a_lost_peer_raises_one_line(monkeypatch):
    monkeypatch.setattr(distributed, 'LOST_SECONDS', 0)
    monkeypatch.setattr(distributed, 'world', lambda: (1, 2))
    with pytest.raises(ConnectionError, match='lost the connection'), distributed.reporting_lost_peers():
        raise RuntimeError('gloo: Connection closed by peer [127.0.0.1]:123')
    with pytest.raises(RuntimeError, match='shapes'), distributed.reporting_lost_peers():
        raise RuntimeError('shapes differ')
