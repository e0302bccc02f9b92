"""SIGTERM stops a single process at once, and several after a common iteration."""

import os
import signal
import threading

import pytest
import torch.distributed as dist

from pyskl.engine.stop import Stopper


@pytest.fixture
def stopper():
    """A stopper that has received the signal."""
    stopper = Stopper()
    with stopper.listening():
        assert not stopper.due(3)
        os.kill(os.getpid(), signal.SIGTERM)
        yield stopper


def test_the_signal_stops_a_single_process_after_its_iteration(stopper):
    assert stopper.asked and stopper.due(4)


def test_the_previous_handler_is_restored():
    before = signal.getsignal(signal.SIGTERM)
    with Stopper().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_process_that_cannot_stop_exits_at_the_deadline(stopper):
    timer = stopper._timer
    assert timer.daemon and timer.interval < 30 and timer.args == (143,)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopper._timer is timer  # a second signal does not give more time


def test_the_timer_is_cancelled_after_the_block():
    stopper = Stopper()
    with stopper.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    stopper._timer.join(1)
    assert not stopper._timer.is_alive()


def test_the_handler_is_not_set_outside_the_main_thread():
    seen = []

    def work():
        with Stopper().listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


class Store:
    """A store whose first value is not replaced, as in torch."""

    value = ''

    def compare_set(self, key, expected, desired):
        if self.value == expected:
            self.value = desired
        return self.value


def test_all_processes_stop_after_the_iteration_selected_by_the_first(monkeypatch, stopper):
    store = Store()
    monkeypatch.setattr(dist, 'is_initialized', lambda: True)
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist.distributed_c10d, '_get_default_store', lambda: store)
    assert not stopper.due(10)  # the other process needs time to receive it
    last = int(store.value)
    assert last >= 12 and stopper._stop_at == last
    assert not stopper.due(last - 1) and stopper.due(last)

    late = Stopper()
    late._asked.set()
    assert not late.due(11) and late._stop_at == last
