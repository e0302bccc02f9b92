"""Handle SIGTERM, which Slurm sends before it ends a job: stop all processes after the same iteration and write a
checkpoint.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import torch.distributed as dist

GRACE = 1.0  # seconds within which the signal reaches every process
DEADLINE = 25.0  # seconds after which a process exits even without a checkpoint; Slurm kills it after 30


class Stopper:
    """Decide when the training loop stops.

    Processes receive the signal at different times, but must all stop after the same iteration. The first process that
    receives it selects an iteration far enough ahead for all others to receive it too.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._timer: threading.Timer | None = None
        self._stop_at: int | None = None
        self._last = time.monotonic()
        self._step_seconds = 0.0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM within the block; do nothing outside the main thread."""
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
        """Whether the signal was received."""
        return self._asked.is_set()

    def due(self, iteration: int) -> bool:
        """Whether to stop after ``iteration`` iterations; the result is the same in all processes."""
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
