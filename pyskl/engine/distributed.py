"""Start the process group: torchrun, Slurm or MPI, on GPUs (nccl) or without (gloo)."""

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import torch
import torch.distributed as dist

_LOST = re.compile(r'Connection closed by peer|Connection reset|Broken pipe|recvValue|NCCL|timed? ?out', re.IGNORECASE)
LOST_SECONDS = 5.0
LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def init_distributed(launcher: str, backend: str | None = None, port: int | None = None) -> None:
    """Join the process group that ``launcher`` has started; do nothing for ``'none'``.

    Args:
        launcher: One of :data:`LAUNCHERS`.
        backend: ``dist_params.backend`` of the config; nccl falls back to gloo without a GPU.
        port: ``dist_params.port``: the master port for Slurm and MPI, unless ``MASTER_PORT`` is set.

    Raises:
        ValueError: If the launcher is unknown, did not start this process, or started more processes than GPUs.
    """
    if launcher not in LAUNCHERS:
        raise ValueError(f'unknown --launcher {launcher!r}; choose from {LAUNCHERS}')
    if launcher == 'none' or dist.is_initialized():
        return
    if port is not None and launcher in ('slurm', 'mpi'):
        os.environ.setdefault('MASTER_PORT', str(port))
    if launcher == 'slurm':
        _environment_of_slurm()
    elif launcher == 'mpi':
        _environment_of_mpi()
    missing = [name for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR') if name not in os.environ]
    if missing:
        raise ValueError(
            f'--launcher {launcher}: {", ".join(missing)} not set; start with tools/dist_train.sh or torchrun, or '
            'pass --launcher none'
        )
    local_rank = int(os.environ['LOCAL_RANK'])
    check_processes(int(os.environ.get('LOCAL_WORLD_SIZE', local_rank + 1)))
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
        backend = backend or 'nccl'
    else:
        backend = 'gloo' if backend in (None, 'nccl') else backend
    store = _loopback_store()
    if store is None:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=store, rank=store.rank, world_size=store.world_size)


class _Store(dist.TCPStore):
    """torch's store with the rank and the number of processes."""

    rank: int
    world_size: int


def _loopback_store() -> _Store | None:
    """Return a rendezvous store that listens on the loopback address only; torch's default listens on all interfaces.

    None for runs on several machines and for torchrun, which creates its own store.
    """
    address, size = os.environ['MASTER_ADDR'], int(os.environ['WORLD_SIZE'])
    alone = os.environ.get('LOCAL_WORLD_SIZE') == str(size)
    if address not in ('127.0.0.1', 'localhost') or not alone or 'TORCHELASTIC_RUN_ID' in os.environ:
        return None
    rank, port = int(os.environ['RANK']), int(os.environ.get('MASTER_PORT', 29500))
    descriptor = None
    if rank == 0:
        descriptor = int(os.environ.pop('PYSKL_STORE_FD', -1))  # opened by tools/launch.py
        if descriptor < 0:
            listener = socket.create_server(('127.0.0.1', port))
            descriptor = listener.detach()
    store = _Store('127.0.0.1', port, size, rank == 0, master_listen_fd=descriptor)
    store.rank, store.world_size = rank, size
    return store


@contextlib.contextmanager
def reporting_lost_peers() -> Iterator[None]:
    """Convert the error of a collective operation to one line if another process has died.

    The error is delayed, so that the launcher, which knows the cause, can end this process first.

    Raises:
        ConnectionError: If another process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if world()[1] == 1 or not _LOST.search(str(error)):
            raise
        time.sleep(LOST_SECONDS)
        raise ConnectionError('lost the connection to another process of this run; see its message') from error


def check_processes(processes: int) -> None:
    """Check that there is a GPU for each process; without GPUs any number of processes is allowed.

    Raises:
        ValueError: If there are more processes than GPUs.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpus and processes > gpus:
        raise ValueError(
            f'{processes} processes requested, but this machine has {gpus} GPU(s); use at most {gpus}, or hide the '
            'GPUs with CUDA_VISIBLE_DEVICES= to run on the CPU'
        )


def _environment_of_slurm() -> None:
    if 'SLURM_PROCID' not in os.environ:
        raise ValueError('--launcher slurm: SLURM_PROCID is not set; start with srun (tools/slurm_train.sh)')
    if 'MASTER_ADDR' not in os.environ:
        nodes = subprocess.run(
            ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']], capture_output=True, text=True, check=True
        )
        os.environ['MASTER_ADDR'] = nodes.stdout.split()[0]
    # One port per job, the same on all its nodes.
    os.environ.setdefault('MASTER_PORT', str(20000 + int(os.environ.get('SLURM_JOB_ID', 0)) % 20000))
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
    os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']


def _environment_of_mpi() -> None:
    if 'OMPI_COMM_WORLD_RANK' not in os.environ:
        raise ValueError('--launcher mpi: OMPI_COMM_WORLD_RANK is not set; start with mpirun')
    os.environ.setdefault('MASTER_ADDR', socket.gethostbyname('localhost'))
    os.environ.setdefault('MASTER_PORT', '29500')
    os.environ['RANK'] = os.environ['OMPI_COMM_WORLD_RANK']
    os.environ['WORLD_SIZE'] = os.environ['OMPI_COMM_WORLD_SIZE']
    os.environ['LOCAL_RANK'] = os.environ['OMPI_COMM_WORLD_LOCAL_RANK']


def world() -> tuple[int, int]:
    """Return the rank of this process and the number of processes."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def processes_here() -> int:
    """Return the number of processes of the run on this machine."""
    return int(os.environ.get('LOCAL_WORLD_SIZE', 0)) or world()[1]


def on_rank_zero(function: Callable, *arguments, local: bool = False):
    """Call ``function`` on rank 0, and return its result or raise its exception on every process.

    Args:
        function: The function.
        arguments: Its arguments.
        local: Return the result on rank 0 only, and None elsewhere; exceptions are raised everywhere.
    """
    rank, world_size = world()
    if world_size == 1:
        return function(*arguments)
    shared = [None, None]
    result = None
    if rank == 0:
        try:
            result = function(*arguments)
            shared[0] = None if local else result
        except (ValueError, OSError) as error:
            shared[1] = error
    dist.broadcast_object_list(shared)
    if shared[1] is not None:
        raise shared[1]
    return result if local else shared[0]


def this_device() -> torch.device:
    """Return the GPU of this process, or the CPU."""
    return torch.device('cuda', torch.cuda.current_device()) if torch.cuda.is_available() else torch.device('cpu')
