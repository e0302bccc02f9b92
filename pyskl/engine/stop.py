"""SIGTERM, which Slurm sends before it ends a job: all processes stop after the same iteration, and a checkpoint is
written.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import torch.distributed as dist

GRACE = 1.0  # seconds within which the signal reaches every process
DEADLINE = 25.0  # seconds after which a process that could not stop in order ends all the same: Slurm kills after 30


class Stopper:
    """Tells the training loop when to stop.

    Processes learn of the signal at different moments, but a step needs all of them. The first one to notice names an
    iteration that is far enough ahead for the others to notice as well.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._timer: threading.Timer | None = None
        self._stop_at: int | None = None
        self._last = time.monotonic()
        self._step_seconds = 0.0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM within the block. In another thread than the main one, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)
            if self._timer is not None:
                self._timer.cancel()

    def _ask(self, number: int, frame: object) -> None:
        if not self._asked.is_set():
            self._asked.set()
            self._timer = threading.Timer(DEADLINE, os._exit, (128 + signal.SIGTERM,))
            self._timer.daemon = True
            self._timer.start()

    @property
    def asked(self) -> bool:
        """Whether the signal has come."""
        return self._asked.is_set()

    def due(self, iteration: int) -> bool:
        """Whether to stop now, after ``iteration`` iterations. The same answer in all processes."""
        now = time.monotonic()
        self._step_seconds, self._last = now - self._last, now
        if not self.asked:
            return False
        if not dist.is_initialized() or dist.get_world_size() == 1:
            return True
        if self._stop_at is None:
            ahead = 2 + int(GRACE / max(self._step_seconds, 1e-3))
            store = dist.distributed_c10d._get_default_store()
            self._stop_at = int(store.compare_set('pyskl/stop_at', '', str(iteration + ahead)))
        return iteration >= self._stop_at
