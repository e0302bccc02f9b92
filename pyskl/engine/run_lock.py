"""Allow one run per work_dir, by a lock file with the owner's process and host.

On file systems with locks the kernel releases the lock when the process ends. Otherwise the lock is stale if its
process is not running on this machine, or, for another machine, if the file's time is no longer updated.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

NAME = '.run.lock'
BEAT = 20.0  # seconds between two updates of the file's time
STALE = 6 * BEAT  # seconds without an update after which a lock of another machine is stale


@contextlib.contextmanager
def locked(work_dir: str | Path) -> Iterator[None]:
    """Lock ``work_dir`` during the block.

    Raises:
        OSError: If another run has locked it; names its process and host.
    """
    path = Path(work_dir) / NAME
    descriptor = _acquire(path)
    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(descriptor, over), daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False)):
                os.unlink(path)  # before closing the descriptor releases the kernel's lock
        os.close(descriptor)


def _acquire(path: Path) -> int:
    while True:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_NOFOLLOW', 0) | getattr(os, 'O_CLOEXEC', 0)
        descriptor = os.open(path, flags, 0o644)
        try:
            free = _kernel_lock(descriptor)
            owner = _read(descriptor)
            if free is False or (owner and _alive(owner, descriptor, by_kernel=free is True)):
                raise BlockingIOError(_in_use(path, owner))
            if not _is_still(path, descriptor):  # the previous owner has removed the file meanwhile
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({**_identity(), 'since': time.strftime('%Y-%m-%d %H:%M:%S')}).encode(), 0)
            return descriptor
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _kernel_lock(descriptor: int) -> bool | None:
    """Lock the file: True if successful, False if another process holds it, None if locks are not supported."""
    try:
        import fcntl

        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not shared with forked workers
        return True
    except (BlockingIOError, PermissionError):
        return False
    except (ImportError, OSError):
        return None


def _identity() -> dict:
    """Identify this process; its number is unique only within one boot and one PID namespace."""
    host = boot = socket.gethostname()
    namespace = None
    with contextlib.suppress(OSError):
        boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()
        namespace = os.readlink('/proc/self/ns/pid')
    pid = os.getpid()
    return {'pid': pid, 'start': _start_time(pid), 'host': host, 'boot': boot, 'namespace': namespace}


def _start_time(pid: int) -> str | None:
    """Return the start time of a process in clock ticks, which distinguishes it from a later one with equal number."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]
    except (OSError, IndexError):
        return None


def _read(descriptor: int) -> dict:
    try:
        owner = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) and isinstance(owner.get('pid'), int) else {}


def _alive(owner: dict, descriptor: int, by_kernel: bool) -> bool:
    here = _identity()
    if owner.get('boot') == here['boot']:
        if by_kernel:
            return False  # this kernel granted the lock, so the owner has ended
        if owner.get('namespace') == here['namespace']:
            return owner.get('start') is not None and _start_time(owner['pid']) == owner['start']
    # Locks may not be visible on other machines: use the time of the last update.
    return abs(time.time() - os.fstat(descriptor).st_mtime) < STALE


def _in_use(path: Path, owner: dict) -> str:
    holder = (
        f'process {owner["pid"]} on {owner.get("host")}, since {owner.get("since")}' if owner else 'another process'
    )
    return f'{path.parent} is in use by {holder}; wait until it ends, or pass another --work-dir'


def _beat(descriptor: int, over: threading.Event) -> None:
    while not over.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(descriptor)
