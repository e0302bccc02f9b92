"""Loaders whose samples depend on (seed, epoch, index) only.

The sampler yields each index together with the seed of its augmentation, so that samples do not depend on the number
of workers and processes, or on interruptions.
"""

import contextlib
import errno
import os
import random
import re
import shutil
import signal
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from pyskl.datasets.samplers import epoch_indices, epoch_length, seeds_of


class SeededDataset(Dataset):
    """Index ``dataset`` by (index, seed): seed the augmentation, and add ``sample_index`` to the sample.

    Args:
        dataset: A data set of ``pyskl.datasets``.
    """

    metainfo: dict = {}  # read by mmengine

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        index, seed = key
        np.random.seed(seed)  # in the worker, or in the main process without workers
        random.seed(seed)
        torch.default_generator.manual_seed(seed)
        return {**self.dataset[index], 'sample_index': index}


CHUNK = 2**14  # samples that are converted to Python numbers at a time


class EpochSampler(Sampler):
    """This process's share of an epoch, as (index, seed) pairs.

    All processes get equally many samples: the epoch is padded with its first samples.

    Args:
        dataset: A data set with ``labels``, ``times`` and ``class_prob``, which balances the classes unless None.
        seed: Seed of order and augmentation.
        shuffle: Whether to use a new order each epoch, or the order of the data set.
        rank: Rank of this process.
        world_size: Number of processes.
    """

    def __init__(self, dataset, seed: int, shuffle: bool, rank: int = 0, world_size: int = 1) -> None:
        self.dataset = dataset
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first = 0  # samples of this process to skip, if a run is resumed within an epoch
        total = epoch_length(dataset) if shuffle else len(dataset)
        self.num_samples = -(-total // world_size)

    def set_epoch(self, epoch: int) -> None:
        """Select the order and the augmentations of ``epoch``."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices = epoch_indices(self.dataset, self.seed, self.epoch) if self.shuffle else np.arange(len(self.dataset))
        total = self.num_samples * self.world_size
        # Seeds depend on the position: a clip that occurs twice in an epoch is augmented differently.
        seeds = seeds_of([self.seed, self.epoch], total, self.rank, self.world_size)
        if total > len(indices) and len(indices):  # pad with the first samples
            indices = np.concatenate([indices, np.resize(indices, total - len(indices))])
        indices = indices[self.rank : total : self.world_size].copy()  # frees the array of the whole epoch
        for start in range(self.first, self.num_samples, CHUNK):  # Python numbers need much memory
            part = slice(start, min(start + CHUNK, self.num_samples))
            yield from zip(indices[part].tolist(), seeds[part].tolist(), strict=True)


def one_thread(worker: int) -> None:
    """Limit a worker to one thread, since there is one worker per core."""
    torch.set_num_threads(1)


def usable_workers(workers: int, processes: int) -> tuple[int, str | None]:
    """Limit the number of loader workers to one per core.

    Args:
        workers: Value of ``data.workers_per_gpu``.
        processes: Number of processes of the run on this machine.

    Returns:
        The number of workers, and a log line if it was reduced.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    most = max(1, cores // processes)
    if not isinstance(workers, int) or workers <= most:
        return workers, None
    return most, f'data.workers_per_gpu={workers} exceeds {cores} core(s); using {most} loader worker(s) per process'


def fill_persons(samples: list[dict]) -> list[dict]:
    """Pad ``keypoint`` ``(S, M, T, V, C)`` of the samples with persons of zeros to equal M."""
    shapes = [np.shape(sample.get('keypoint')) for sample in samples]
    if any(len(shape) != 5 for shape in shapes) or len({shape[1] for shape in shapes}) == 1:
        return samples
    most = max(shape[1] for shape in shapes)
    joints = [torch.as_tensor(sample['keypoint']) for sample in samples]
    joints = [pad(x, (0, 0, 0, 0, 0, 0, 0, most - x.shape[1])) for x in joints]
    return [{**sample, 'keypoint': x} for sample, x in zip(samples, joints, strict=True)]


def collate(samples: list[dict], keys: tuple[str, ...]) -> dict:
    """Stack ``keys`` of the samples along a new first axis; see :func:`fill_persons`.

    Raises:
        ValueError: If the samples cannot be stacked; names the keys and the shapes.
        OSError: If there is not enough shared memory to pass the batch to the main process.
    """
    try:
        chosen = [{key: sample[key] for key in keys if key in sample} for sample in samples]
        return default_collate(fill_persons(chosen))
    except (RuntimeError, KeyError, TypeError) as error:
        if re.search('shared memory|No space left|/torch_|Cannot allocate', str(error)):
            raise OSError(no_shared_memory()) from error
        shapes = {key: sorted({str(tuple(np.shape(s.get(key)))) for s in samples}) for key in keys}
        raise ValueError(f'the samples of a batch have different keys or shapes: {shapes}') from error


def no_shared_memory() -> str:
    """Return the error message for workers that run out of shared memory."""
    try:
        size = f' ({shutil.disk_usage("/dev/shm").total / 2**20:.0f} MB)'
    except OSError:
        size = ''
    return (
        f'shared memory, /dev/shm{size}, is full: increase it for a container (docker run --shm-size=8g), or set '
        'data.workers_per_gpu=0'
    )


def build_loader(
    dataset,
    *,
    batch_size: int,
    workers: int,
    seed: int,
    shuffle: bool,
    rank: int = 0,
    world_size: int = 1,
    pin_memory: bool = False,
    prefetch_factor: int | None = None,
    drop_last: bool = False,
    persistent_workers: bool = True,
) -> DataLoader:
    """Build a loader; its batches have ``keypoint`` or ``imgs``, ``label`` and ``sample_index``.

    Raises:
        ValueError: If ``batch_size`` or ``workers`` is out of range, or ``drop_last`` leaves no batch.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f'data.videos_per_gpu must be a positive integer, got {batch_size!r}')
    if not isinstance(workers, int) or workers < 0:
        raise ValueError(f'data.workers_per_gpu must be an integer of at least 0, got {workers!r}')
    if prefetch_factor is not None and (not isinstance(prefetch_factor, int) or prefetch_factor < 1):
        raise ValueError(f'data.prefetch_factor must be a positive integer, got {prefetch_factor!r}')
    sampler = EpochSampler(dataset, seed, shuffle, rank, world_size)
    if drop_last and len(sampler) < batch_size:
        raise ValueError(
            f'drop_last=True leaves no batch: each process has {len(sampler)} clips and data.videos_per_gpu is '
            f'{batch_size}; reduce data.videos_per_gpu or set drop_last=False'
        )
    return DataLoader(
        SeededDataset(dataset),
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=partial(collate, keys=('keypoint', 'imgs', 'label', 'sample_index')),
        worker_init_fn=one_thread,
        persistent_workers=persistent_workers and workers > 0,
        drop_last=drop_last,
        # A separate generator, so that the loader does not change the random numbers of the network.
        generator=torch.Generator().manual_seed(seed),
        pin_memory=pin_memory,
        prefetch_factor=prefetch_factor if workers else None,
    )


@contextlib.contextmanager
def ending_workers(*loaders: DataLoader) -> Iterator[None]:
    """At the end of the block, also after an exception, end the workers of ``loaders``.

    If a loader in a reference cycle (as in mmengine's runner) is garbage-collected, its queues are destroyed before its
    workers are notified; each worker then times out after 5 s and is killed.

    Raises:
        OSError: If a worker cannot be started or is killed; names the cause and a fix.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        line = _worker_error(error, _signals(loaders))
        if line is None:
            raise
        raise OSError(line) from error
    finally:
        for loader in loaders:
            iterator, loader._iterator = getattr(loader, '_iterator', None), None  # torch has no public way
            if iterator is not None:
                with contextlib.suppress(AttributeError):  # its workers were not started
                    iterator._shutdown_workers()


def _signals(loaders: Iterable[DataLoader]) -> dict[str, signal.Signals]:
    """The signal that ended each worker that a signal ended, by process number."""
    workers = [worker for loader in loaders for worker in getattr(getattr(loader, '_iterator', None), '_workers', ())]
    return {str(worker.pid): signal.Signals(-worker.exitcode) for worker in workers if (worker.exitcode or 0) < 0}


def _worker_error(error: Exception, signals: dict[str, signal.Signals]) -> str | None:
    """Return a message if ``error`` is about a failed worker, else None.

    Args:
        error: What the loader raised.
        signals: Of the ended workers; the loader itself does not always name the signal.
    """
    text = str(error)
    if isinstance(error, OSError):
        if error.errno in (errno.EAGAIN, errno.ENOMEM):
            return (
                f'cannot start the loader workers: {error.strerror}; reduce data.workers_per_gpu, or raise the limits '
                'on processes and memory'
            )
        return None
    if "can't start new thread" in text:
        return f'cannot start the loader workers: {text}; reduce data.workers_per_gpu, or raise the limit on processes'
    died = re.search(
        r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (?:is killed by signal: (\w+)|exited unexpectedly)', text
    )
    if died is None:
        return None
    names = [signals[process].name for process in died[1].split(', ') if process in signals]
    name = names[0] if names else died[2]
    if name in ('Bus', 'SIGBUS'):
        return (
            f'a loader worker (process {died[1]}) had a bus error: a data file was truncated, or {no_shared_memory()}'
        )
    if name in ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'):
        return (
            f'a loader worker (process {died[1]}) was ended by {name}, which another program sent; '
            'run the same command again'
        )
    if name not in (None, 'Killed', 'SIGKILL'):
        return f'a loader worker (process {died[1]}) crashed with {name}; data.workers_per_gpu=0 shows where'
    return (
        f'a loader worker (process {died[1]}) was {"killed" if name == "SIGKILL" else "ended"}, probably out of '
        'memory; reduce data.workers_per_gpu or data.videos_per_gpu'
    )
