import errno
import os
import signal

import numpy as np
import pytest
import torch

from pyskl.engine.loaders import EpochSampler, build_loader, collate, ending_workers, usable_workers


class Numbers:
    """Sample i is its index and a random number, as an augmentation would sample it."""

    class_prob = None
    times = 1

    def __init__(self, length, class_prob=None):
        self.labels = np.arange(length) % 2
        self.class_prob = class_prob

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return {'keypoint': np.array([index, np.random.random()]), 'label': int(self.labels[index])}


def epoch(dataset, epoch=0, **options):
    options = {'batch_size': 4, 'workers': 0, 'seed': 3, 'shuffle': True, **options}
    loader = build_loader(dataset, **options)
    loader.sampler.set_epoch(epoch)
    return np.concatenate([batch['keypoint'].numpy() for batch in loader])


def test_samples_do_not_depend_on_the_number_of_workers():
    assert np.array_equal(epoch(Numbers(12)), epoch(Numbers(12), workers=2))


def test_a_loader_starts_with_epoch_0():
    loader = build_loader(Numbers(12), batch_size=4, workers=0, seed=3, shuffle=True)
    assert np.array_equal(np.concatenate([batch['keypoint'].numpy() for batch in loader]), epoch(Numbers(12)))


def test_order_and_augmentations_differ_between_epochs():
    first, second = epoch(Numbers(12)), epoch(Numbers(12), epoch=1)
    assert not np.array_equal(first[:, 0], second[:, 0])
    augmented = [{int(i): r for i, r in run} for run in (first, second)]
    assert all(augmented[0][i] != augmented[1][i] for i in range(12))


def test_augmentations_of_persistent_workers_differ_between_epochs():
    loader = build_loader(Numbers(6), batch_size=2, workers=1, seed=0, shuffle=False)
    numbers = []
    for number in range(2):
        loader.sampler.set_epoch(number)
        numbers.append(np.concatenate([batch['keypoint'].numpy()[:, 1] for batch in loader]))
    assert not np.isclose(*numbers).any()


def test_several_processes_together_yield_the_samples_of_one():
    alone = epoch(Numbers(12))
    parts = [epoch(Numbers(12), rank=rank, world_size=3) for rank in range(3)]
    together = np.stack(parts, 1).reshape(-1, 2)
    assert np.array_equal(alone, together)


def test_an_epoch_is_padded_with_its_first_samples():
    samplers = [EpochSampler(Numbers(10), 0, False, rank, 4) for rank in range(4)]
    indices = np.stack([[index for index, _ in sampler] for sampler in samplers], 1).ravel()
    assert indices.tolist() == [*range(10), 0, 1]
    assert [len(sampler) for sampler in samplers] == [3] * 4


def test_class_prob_balances_classes_and_sets_the_length():
    sampler = EpochSampler(Numbers(10, class_prob=[1, 2]), 0, True)
    assert len(sampler) == 15
    labels = [index % 2 for index, _ in sampler]
    assert (labels.count(0), labels.count(1)) == (5, 10)


def test_an_invalid_batch_size_raises_with_its_key():
    with pytest.raises(ValueError, match='data.videos_per_gpu must be a positive integer, got 0'):
        build_loader(Numbers(3), batch_size=0, workers=0, seed=0, shuffle=False)


def test_clips_are_padded_to_equal_numbers_of_persons():
    clips = [{'keypoint': torch.full((2, persons, 3, 1, 4), float(persons)), 'label': persons} for persons in (1, 3)]
    batch = collate(clips, ('keypoint', 'label'))
    assert batch['keypoint'].shape == (2, 2, 3, 3, 1, 4)
    assert batch['keypoint'][0].sum((0, 2, 3, 4)).tolist() == [24, 0, 0] and (batch['keypoint'][1] == 3).all()
    assert batch['label'].tolist() == [1, 3]
    with pytest.raises(ValueError, match='different keys or shapes'):
        collate([{'keypoint': torch.ones(1, 1, 3, 1, 4)}, {'keypoint': torch.ones(1, 1, 2, 1, 4)}], ('keypoint',))


class Dies(Numbers):
    """Sends a signal to its worker at the fourth sample."""

    def __init__(self, count, number):
        super().__init__(count)
        self.number = number

    def __getitem__(self, index):
        if index == 3:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # as a worker in C code ends
            os.kill(os.getpid(), self.number)
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ('number', 'message'),
    [
        (signal.SIGKILL, 'was killed, probably out of memory; reduce data.workers_per_gpu'),
        (signal.SIGSEGV, 'crashed with SIGSEGV; data.workers_per_gpu=0 shows where'),
        (signal.SIGINT, 'was ended by SIGINT, which another program sent; run the same command again'),
        (signal.SIGTERM, 'was ended by SIGTERM, which another program sent; run the same command again'),
    ],
)
def test_a_worker_ended_by_a_signal_raises_one_line(number, message):
    loader = build_loader(Dies(12, number), batch_size=2, workers=1, seed=0, shuffle=False)
    with pytest.raises(OSError, match=r'a loader worker \(process \d+\) ' + message), ending_workers(loader):
        for _ in loader:
            pass


def test_workers_that_cannot_start_raise_one_line(monkeypatch):
    def refuse(self):
        raise BlockingIOError(errno.EAGAIN, 'Resource temporarily unavailable')

    monkeypatch.setattr('multiprocessing.process.BaseProcess.start', refuse)
    loader = build_loader(Numbers(4), batch_size=2, workers=1, seed=0, shuffle=False)
    message = 'cannot start the loader workers: Resource temporarily unavailable; reduce data.workers_per_gpu'
    with pytest.raises(OSError, match=message), ending_workers(loader):
        list(loader)


def test_lack_of_shared_memory_raises_with_a_fix(monkeypatch):
    def full(samples):
        raise RuntimeError('unable to write to file </torch_123_1>: No space left on device (28)')

    monkeypatch.setattr('pyskl.engine.loaders.default_collate', full)
    with pytest.raises(OSError, match=r'/dev/shm \(\d+ MB\), is full: .* \(docker run --shm-size=8g\)'):
        collate([{'label': 1}], ('label',))


def test_workers_are_limited_to_the_number_of_cores(monkeypatch):
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: range(4))
    assert usable_workers(2, 1) == (2, None)
    workers, note = usable_workers(8, 2)
    assert workers == 2 and note.startswith('data.workers_per_gpu=8 exceeds 4 core(s); using 2 loader worker')
    assert usable_workers(1, 99)[0] == 1


def test_first_skips_samples_of_an_epoch():
    sampler = EpochSampler(Numbers(10000), 0, True, 1, 2)
    whole = list(sampler)
    sampler.first = 4998
    assert list(sampler) == whole[4998:] and len(whole) == len(sampler) == 5000


def test_loading_does_not_change_the_global_generator():
    """Otherwise the network's dropout would depend on whether there are workers."""
    torch.manual_seed(0)
    before = torch.get_rng_state()
    loader = build_loader(Numbers(4), batch_size=2, workers=1, seed=0, shuffle=False)
    with ending_workers(loader):
        list(loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_ending_workers_ends_workers_after_success_and_errors():
    def loop(loader):
        with ending_workers(loader):
            for _ in loader:
                workers.extend(loader._iterator._workers)
                raise KeyError('in the middle')

    workers = []
    with pytest.raises(KeyError):
        loop(build_loader(Numbers(12), batch_size=2, workers=2, seed=0, shuffle=True))
    assert [worker.exitcode for worker in workers] == [0, 0]  # -15 of one that was killed
