"""torchrun for one of our tools: processes on GPUs or on the CPU, one line for an error instead of a report a process.

    pyskl launch --processes 4 train CONFIG --launcher pytorch
    python tools/launch.py --processes 4 tools/train.py CONFIG --launcher pytorch

``NNODES``, ``NODE_RANK``, ``MASTER_ADDR`` and ``PORT`` in the environment span several machines.
"""

import argparse
import logging
import os
import socket
import sys
import tempfile

from pyskl.cli.commands import available
from pyskl.cli.entry import run


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def torchrun_arguments(processes: int, tool: list[str], environment: dict) -> list[str]:
    """The command line of torchrun. ``tool`` starts with a command of ``pyskl``, a file or a module.

    Raises:
        ValueError: If ``NNODES`` asks for several machines and ``MASTER_ADDR`` or ``PORT`` is not set.
    """
    nodes = int(environment.get('NNODES', 1))
    if nodes > 1 and not (environment.get('MASTER_ADDR') and environment.get('PORT')):
        raise ValueError(f'NNODES={nodes} needs MASTER_ADDR and PORT, the same on every machine, and NODE_RANK')
    if tool and tool[0] in available():
        tool = [available()[tool[0]].path, *tool[1:]]
    return [
        f'--nnodes={nodes}',
        f'--node_rank={environment.get("NODE_RANK", 0)}',
        f'--nproc_per_node={processes}',
        f'--master_addr={environment.get("MASTER_ADDR", "127.0.0.1")}',
        f'--master_port={environment.get("PORT") or free_port()}',
        *(['--module'] if tool and not tool[0].endswith('.py') else []),
        *tool,
    ]


def main() -> None:
    """Start the processes and wait for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--processes', required=True, help='processes on this machine: GPUs, or any number without')
    parser.add_argument('tool', nargs=argparse.REMAINDER, help='a command of pyskl, a file or a module')
    args = parser.parse_args()
    if not args.processes.isdigit() or int(args.processes) < 1:
        raise ValueError(f'the number of processes (GPUs) must be a positive integer, got {args.processes!r}')
    processes = int(args.processes)
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    from pyskl.engine.distributed import check_processes

    check_processes(processes)
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
        os.environ.setdefault(name, str(max(1, len(os.sched_getaffinity(0)) // processes)))
    # torchrun's own report repeats what the processes have printed.
    logging.getLogger('torch.distributed').setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PYSKL_ERROR_ONCE'] = os.path.join(folder, 'error')
        try:
            torchrun.main(torchrun_arguments(processes, args.tool, os.environ))
        except ChildFailedError as error:
            code = max((failure.exitcode for failure in error.failures.values()), default=1)
            if not os.path.exists(os.environ['PYSKL_ERROR_ONCE']):  # nobody said why: killed, or a crash
                print(f'error: a process ended with status {error.get_first_failure()[1].exitcode}', file=sys.stderr)
            raise SystemExit(code if code > 0 else 1) from None


if __name__ == '__main__':
    run(main)
