"""Launchers: what each sets in the environment, and what is refused."""

import os

import pytest
import torch
import torch.distributed as dist

from pyskl.engine import distributed
from pyskl.engine.distributed import check_processes, init_distributed, on_rank_zero, processes_here, world

MEETING = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture
def started(monkeypatch):
    """The backends with which a process group was asked for; none is started."""
    monkeypatch.setattr(os, 'environ', {k: v for k, v in os.environ.items() if k not in MEETING})
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    found = []
    monkeypatch.setattr(dist, 'init_process_group', lambda backend, **_: found.append(backend))
    return found


def test_no_launcher_starts_nothing(started):
    init_distributed('none')
    assert started == [] and world() == (0, 1) and processes_here() == 1


def test_an_unknown_launcher_is_refused(started):
    with pytest.raises(ValueError, match="unknown --launcher 'srun'"):
        init_distributed('srun')


def test_a_launcher_that_did_not_start_this_process_is_named_with_what_is_missing(started):
    os.environ['RANK'] = '0'
    with pytest.raises(ValueError, match='--launcher pytorch: WORLD_SIZE, LOCAL_RANK, MASTER_ADDR not set'):
        init_distributed('pytorch')
    with pytest.raises(ValueError, match='SLURM_PROCID is not set; start with srun'):
        init_distributed('slurm')
    with pytest.raises(ValueError, match='OMPI_COMM_WORLD_RANK is not set; start with mpirun'):
        init_distributed('mpi')


@pytest.mark.parametrize(('asked', 'given'), [(None, 'gloo'), ('nccl', 'gloo'), ('gloo', 'gloo'), ('mpi', 'mpi')])
def test_nccl_becomes_gloo_where_there_is_no_gpu(started, asked, given):
    os.environ.update(OMPI_COMM_WORLD_RANK='1', OMPI_COMM_WORLD_SIZE='3', OMPI_COMM_WORLD_LOCAL_RANK='1')
    os.environ['MASTER_ADDR'] = 'node7'
    init_distributed('mpi', asked, port=4000)
    assert started == [given]
    assert (os.environ['RANK'], os.environ['WORLD_SIZE'], os.environ['MASTER_PORT']) == ('1', '3', '4000')


def test_processes_of_slurm_meet_on_the_first_node_at_a_port_of_the_job(started, monkeypatch):
    hosts = type('Done', (), {'stdout': 'node3\nnode4\n'})
    monkeypatch.setattr(distributed.subprocess, 'run', lambda *_, **__: hosts)
    os.environ.update(
        SLURM_PROCID='5', SLURM_NTASKS='8', SLURM_LOCALID='1', SLURM_NODELIST='node[3-4]', SLURM_JOB_ID='41234'
    )
    init_distributed('slurm')
    assert [os.environ[name] for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')] == ['5', '8', '1']
    assert (os.environ['MASTER_ADDR'], os.environ['MASTER_PORT']) == ('node3', '21234')  # 20000 + 41234 % 20000


def test_more_processes_than_gpus_are_refused_and_none_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    check_processes(9)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    check_processes(2)
    with pytest.raises(ValueError, match=r'3 processes asked for, but this machine has 2 GPU\(s\)'):
        check_processes(3)


@pytest.fixture
def pair(monkeypatch):
    """Rank 0 and rank 1 in turn: what one broadcasts the next receives."""
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


def test_the_result_of_rank_zero_reaches_every_process(pair):
    assert pair(0, max, 2, 7) == 7
    assert pair(1, None) == 7


def test_a_local_result_stays_on_rank_zero(pair):
    assert pair(0, max, 2, 7, local=True) == 7
    assert pair(1, None, local=True) is None


def test_the_error_of_rank_zero_is_raised_on_every_process(pair):
    for rank in (0, 1):
        with pytest.raises(ValueError, match='invalid literal'):
            pair(rank, int, 'seven')


def test_a_lost_peer_is_one_line(monkeypatch):
    monkeypatch.setattr(distributed, 'LOST_SECONDS', 0)
    monkeypatch.setattr(distributed, 'world', lambda: (1, 2))
    with pytest.raises(ConnectionError, match='lost the connection'), distributed.reporting_lost_peers():
        raise RuntimeError('gloo: Connection closed by peer [127.0.0.1]:123')
    with pytest.raises(RuntimeError, match='shapes'), distributed.reporting_lost_peers():
        raise RuntimeError('shapes differ')
