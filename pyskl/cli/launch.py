"""Run a command in several processes, on GPUs or on the CPU.

    pyskl launch --processes 4 train CONFIG --launcher pytorch

If a process fails, the others are ended and the error is printed once. On one machine the processes
communicate over the loopback address only. For several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT
in the environment; the processes are then started by torchrun.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from pyskl.cli.commands import available
from pyskl.cli.entry import run

LOOPBACK = '127.0.0.1'
# Seconds until the processes are killed after a signal; after SIGTERM they write a checkpoint.
PATIENCE = {signal.SIGINT: 10.0, signal.SIGTERM: 28.0, signal.SIGHUP: 10.0}


def torchrun_arguments(processes: int, tool: list[str], environment: dict) -> list[str]:
    """Return the command line of torchrun, for several machines.

    Raises:
        ValueError: If ``MASTER_ADDR`` or ``PORT`` is not set.
    """
    nodes = node_count(environment)
    if not (environment.get('MASTER_ADDR') and environment.get('PORT')):
        raise ValueError(f'NNODES={nodes} needs MASTER_ADDR and PORT (equal on every machine), and NODE_RANK')
    return [
        f'--nnodes={nodes}',
        f'--node_rank={environment.get("NODE_RANK", 0)}',
        f'--nproc_per_node={processes}',
        f'--master_addr={environment["MASTER_ADDR"]}',
        f'--master_port={environment["PORT"]}',
        *(['--module'] if not tool[0].endswith('.py') else []),
        *tool,
    ]


def program(tool: list[str]) -> list[str]:
    """Replace a command of ``pyskl`` by its module."""
    return [available()[tool[0]].path, *tool[1:]] if tool[0] in available() else tool


def node_count(environment: dict) -> int:
    """Return the number of machines, ``NNODES``.

    Raises:
        ValueError: If it is not a positive integer.
    """
    nodes = environment.get('NNODES') or '1'
    if not nodes.isdigit() or int(nodes) < 1:
        raise ValueError(f'NNODES must be a positive integer, got {nodes!r}')
    return int(nodes)


def rank_environment(rank: int, processes: int, port: int, environment: dict) -> dict[str, str]:
    """Return the environment of one process on a single machine."""
    loopback = {'GLOO_SOCKET_IFNAME': 'lo', 'NCCL_SOCKET_IFNAME': 'lo'} if sys.platform == 'linux' else {}
    return {
        **loopback,
        **environment,
        'RANK': str(rank),
        'LOCAL_RANK': str(rank),
        'WORLD_SIZE': str(processes),
        'LOCAL_WORLD_SIZE': str(processes),
        'MASTER_ADDR': LOOPBACK,
        'MASTER_PORT': str(port),
    }


def listen(port: int) -> socket.socket:
    """Open a socket on the loopback address for the rendezvous of the processes; port 0: any free port.

    Raises:
        OSError: If the port is in use.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(f'PORT={port} cannot be used: {error.strerror}; unset PORT to use a free port') from None
    return listener


class Group:
    """The processes of a run on this machine.

    Args:
        processes: Number of processes.
        tool: A .py file or a module, and its arguments.
        environment: Environment of each process.
    """

    def __init__(self, processes: int, tool: list[str], environment: dict) -> None:
        command = [sys.executable, '-u', *([] if tool[0].endswith('.py') else ['-m']), *tool]
        port = environment.get('PORT') or '0'
        if not port.isdigit() or int(port) > 65535:
            raise ValueError(f'PORT must be a number up to 65535, got {port!r}')
        launcher = os.getpid()
        self.members: list[subprocess.Popen] = []
        with listen(int(port)) as listener:
            descriptor, port = listener.fileno(), listener.getsockname()[1]
            for rank in range(processes):
                own = rank_environment(rank, processes, port, environment)
                if rank == 0:
                    own['PYSKL_STORE_FD'] = str(descriptor)
                self.members.append(
                    subprocess.Popen(
                        command,
                        env=own,
                        pass_fds=[descriptor] if rank == 0 else [],
                        preexec_fn=lambda: _end_with(launcher),
                    )
                )

    def signal_all(self, number: int) -> None:
        """Send a signal to every process, but not to its loader workers."""
        for member in self.members:
            if member.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    member.send_signal(number)

    def kill(self) -> None:
        """Kill every process and its loader workers."""
        for member in self.members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(member.pid, signal.SIGKILL)
        for member in self.members:
            member.wait()

    def failed(self) -> tuple[int, int] | None:
        """Return rank and status of a process that ended with an error, or None."""
        ended = [(rank, member.poll()) for rank, member in enumerate(self.members)]
        return next(((rank, status) for rank, status in ended if status), None)

    def running(self) -> bool:
        """Whether a process is still running."""
        return any(member.poll() is None for member in self.members)


def _end_with(launcher: int) -> None:
    """Set up a new process: its own process group, so that Ctrl-C reaches it only through the launcher, and on Linux
    SIGTERM if the launcher dies.
    """
    os.setpgid(0, 0)
    if sys.platform == 'linux':
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != launcher:  # the launcher has died already
            os._exit(1)


def wait_for(group: Group) -> int:
    """Wait until all processes have ended, and forward signals to them.

    Returns:
        The exit status: 0, that of the first process that failed, or 128 + the number of the signal.
    """
    received: list[int] = []
    for number in PATIENCE:
        signal.signal(number, lambda number, frame: received.append(number))
    deadline = None
    while group.running():
        if received and deadline is None:
            deadline = time.monotonic() + PATIENCE[signal.Signals(received[0])]
            group.signal_all(received[0])
        if deadline is not None and time.monotonic() > deadline:
            break
        if deadline is None and group.failed():
            break
        time.sleep(0.05)
    failure = group.failed()  # before the others are killed
    group.kill()
    if received:
        if not _reported():
            print('error: interrupted', file=sys.stderr)
        return 128 + received[0]
    if failure is None:
        return 0
    rank, status = failure
    if status > 0:
        if not _reported():
            print(f'error: process {rank} of {len(group.members)} exited with status {status}', file=sys.stderr)
        return status
    if not _reported():
        name = signal.Signals(-status).name
        why = ' (out of memory?)' if name == 'SIGKILL' else ''
        print(f'error: process {rank} of {len(group.members)} was killed by {name}{why}', file=sys.stderr)
    return 128 - status


def _reported() -> bool:
    """Whether a process has printed an error; from now on none does."""
    try:
        os.close(os.open(os.environ['PYSKL_ERROR_ONCE'], os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except OSError:
        return True
    return False


def main() -> int:
    """Start the processes and wait for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--processes', required=True, metavar='N', help='processes on this machine: at most one per GPU, if it has any'
    )
    parser.add_argument(
        'tool', nargs=argparse.REMAINDER, help='a command of pyskl, a .py file or a module, and its arguments'
    )
    args = parser.parse_args()
    if not args.processes.isdigit() or int(args.processes) < 1:
        raise ValueError(f'the number of processes (GPUs) must be a positive integer, got {args.processes!r}')
    if not args.tool:
        raise ValueError('the command to run is missing, e.g. train CONFIG --launcher pytorch')
    processes, tool = int(args.processes), program(args.tool)
    several = node_count(os.environ) > 1
    if several:
        arguments = torchrun_arguments(processes, tool, os.environ)

    from pyskl.engine.distributed import check_processes

    check_processes(processes)
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        os.environ.setdefault(name, str(max(1, len(os.sched_getaffinity(0)) // processes)))
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PYSKL_ERROR_ONCE'] = os.path.join(folder, 'error')
        if several:
            return _torchrun(arguments)
        return wait_for(Group(processes, tool, dict(os.environ)))


def _torchrun(arguments: list[str]) -> int:
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # torchrun's own report would repeat the errors of the processes.
    logging.getLogger('torch.distributed').setLevel(logging.CRITICAL)
    try:
        torchrun.main(arguments)
    except ChildFailedError as error:
        code = max((failure.exitcode for failure in error.failures.values()), default=1)
        if not _reported():  # killed or crashed
            print(f'error: a process exited with status {error.get_first_failure()[1].exitcode}', file=sys.stderr)
        return code if code > 0 else 1
    except SignalException as error:
        return 128 + error.sigval
    return 0


if __name__ == '__main__':
    run(main)
