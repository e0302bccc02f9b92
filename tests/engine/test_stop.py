"""SIGTERM: one process stops at once, several agree on an iteration."""

import os
import signal
import threading

import pytest
import torch.distributed as dist

from pyskl.engine.stop import Stopper


@pytest.fixture
def stopper():
    """One that has heard the signal."""
    stopper = Stopper()
    with stopper.listening():
        assert not stopper.due(3)
        os.kill(os.getpid(), signal.SIGTERM)
        yield stopper


def test_the_signal_stops_a_single_process_after_its_iteration(stopper):
    assert stopper.asked and stopper.due(4)


def test_the_handler_of_before_is_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stopper().listening():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_process_that_cannot_stop_in_order_ends_before_slurm_kills_it(stopper):
    timer = stopper._timer
    assert timer.daemon and timer.interval < 30 and timer.args == (143,)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopper._timer is timer  # a second signal does not give more time


def test_the_timer_ends_with_the_block():
    stopper = Stopper()
    with stopper.listening():
        os.kill(os.getpid(), signal.SIGTERM)
    stopper._timer.join(1)
    assert not stopper._timer.is_alive()


def test_in_another_thread_the_signal_stays_with_the_main_one():
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
    """The first value stays, as in torch's."""

    value = ''

    def compare_set(self, key, expected, desired):
        if self.value == expected:
            self.value = desired
        return self.value


def test_processes_stop_after_the_iteration_that_the_first_one_names(monkeypatch, stopper):
    store = Store()
    monkeypatch.setattr(dist, 'is_initialized', lambda: True)
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist.distributed_c10d, '_get_default_store', lambda: store)
    assert not stopper.due(10)  # the other process needs time to hear of it
    last = int(store.value)
    assert last >= 12 and stopper._stop_at == last
    assert not stopper.due(last - 1) and stopper.due(last)

    late = Stopper()
    late._asked.set()
    assert not late.due(11) and late._stop_at == last
