"""Loaders whose samples depend on (seed, epoch, index) only.

The sampler yields each index together with the seed of its augmentation, so that neither the number of workers and
processes nor an interruption changes a sample.
"""

import contextlib
import errno
import os
import random
import re
import shutil
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from pyskl.datasets.samplers import epoch_indices, epoch_length, seeds_of


class SeededDataset(Dataset):
    """``dataset`` indexed by (index, seed): seeds the augmentation, and adds ``sample_index`` to the sample.

    Args:
        dataset: A data set of ``pyskl.datasets``.
    """

    metainfo: dict = {}  # mmengine asks for it

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> dict:
        index, seed = key
        np.random.seed(seed)  # the loader's own process, or a worker: whoever runs the pipeline
        random.seed(seed)
        torch.default_generator.manual_seed(seed)
        return {**self.dataset[index], 'sample_index': index}


CHUNK = 2**14  # samples of an epoch that are Python numbers at a time


class EpochSampler(Sampler):
    """This process's share of an epoch, as (index, seed) pairs.

    Every process gets equally many: the epoch is filled up with its first samples.

    Args:
        dataset: Has ``labels``, ``times`` and ``class_prob``, which balances the classes where it is not None.
        seed: Seed of order and augmentation.
        shuffle: A new order each epoch; otherwise the order of the data set.
        rank: This process.
        world_size: Number of processes.
    """

    def __init__(self, dataset, seed: int, shuffle: bool, rank: int = 0, world_size: int = 1) -> None:
        self.dataset = dataset
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first = 0  # samples of this process to leave out: those of a run that goes on within an epoch
        total = epoch_length(dataset) if shuffle else len(dataset)
        self.num_samples = -(-total // world_size)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order and the augmentations of ``epoch``."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[tuple[int, int]]:
        indices = epoch_indices(self.dataset, self.seed, self.epoch) if self.shuffle else np.arange(len(self.dataset))
        total = self.num_samples * self.world_size
        # Of the position too: a clip that stands twice in an epoch is augmented differently.
        seeds = seeds_of([self.seed, self.epoch], total, self.rank, self.world_size)
        if total > len(indices) and len(indices):  # filled up from its own beginning
            indices = np.concatenate([indices, np.resize(indices, total - len(indices))])
        indices = indices[self.rank : total : self.world_size].copy()  # the whole epoch is let go
        for start in range(self.first, self.num_samples, CHUNK):  # objects of a few at a time: they are large
            part = slice(start, min(start + CHUNK, self.num_samples))
            yield from zip(indices[part].tolist(), seeds[part].tolist(), strict=True)


def one_thread(worker: int) -> None:
    """Let a worker compute in one thread: there is one worker per core already."""
    torch.set_num_threads(1)


def usable_workers(workers: int, processes: int) -> tuple[int, str | None]:
    """Loader workers that have a core each.

    Args:
        workers: ``data.workers_per_gpu``.
        processes: Of the run on this machine.

    Returns:
        The number, and a line for the log if it is smaller than asked for.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    most = max(1, cores // processes)
    if not isinstance(workers, int) or workers <= most:
        return workers, None
    return most, f'data.workers_per_gpu={workers} is more than the cores; using {most} loader worker(s) per process'


def fill_persons(samples: list[dict]) -> list[dict]:
    """Append persons of zeros to ``keypoint`` ``(S, M, T, V, C)`` of samples with fewer persons than the others."""
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
        ValueError: If the samples cannot be stacked; names the key and the shapes.
        OSError: If a worker has no shared memory left to pass the batch on.
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
    """What to do when loader workers cannot pass batches on."""
    try:
        size = f' ({shutil.disk_usage("/dev/shm").total / 2**20:.0f} MB)'
    except OSError:
        size = ''
    return (
        f'the loader workers have no room left in shared memory, /dev/shm{size}: give a container more '
        '(docker run --shm-size=8g), or set data.workers_per_gpu=0'
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
    """A loader of ``dataset``; its batches hold ``keypoint`` or ``imgs``, ``label`` and ``sample_index``.

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
            f'drop_last leaves no batch of {batch_size} clips: each process has {len(sampler)}; a smaller '
            'data.videos_per_gpu, or drop_last=False, would do'
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
        # Of its own: from torch's, the loader would take numbers that the network then lacks.
        generator=torch.Generator().manual_seed(seed),
        pin_memory=pin_memory,
        prefetch_factor=prefetch_factor if workers else None,
    )


@contextlib.contextmanager
def ending_workers(*loaders: DataLoader) -> Iterator[None]:
    """At the end of the block, also after an exception, end the workers of ``loaders``.

    If a loader in a reference cycle (as in mmengine's runner) is garbage-collected, its queues are destroyed before its
    workers are told to stop; each worker then times out after 5 s and is killed.

    Raises:
        OSError: If a worker cannot be started or is killed; names the cause and the way out.
    """
    try:
        yield
    except (RuntimeError, OSError) as error:
        line = _worker_error(error)
        if line is None:
            raise
        raise OSError(line) from error
    finally:
        for loader in loaders:
            iterator, loader._iterator = getattr(loader, '_iterator', None), None  # torch has no public way
            if iterator is not None:
                with contextlib.suppress(AttributeError):  # one whose workers did not start
                    iterator._shutdown_workers()


def _worker_error(error: Exception) -> str | None:
    """A line for the death of a worker; None for any other error."""
    text = str(error)
    if isinstance(error, OSError):
        if error.errno in (errno.EAGAIN, errno.ENOMEM):
            return (
                f'cannot start the loader workers: {error.strerror}; fewer data.workers_per_gpu, or a higher limit on '
                'processes and memory'
            )
        return None
    if "can't start new thread" in text:
        return f'cannot start the loader workers: {text}; fewer data.workers_per_gpu, or a higher limit on processes'
    died = re.search(
        r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (?:is killed by signal: (\w+)|exited unexpectedly)', text
    )
    if died is None:
        return None
    if died[2] == 'Bus':
        return (
            f'a loader worker (process {died[1]}) met a bus error: a data file was cut short, or {no_shared_memory()}'
        )
    return (
        f'a loader worker (process {died[1]}) was {died[2].lower() if died[2] else "ended"}: out of memory? Fewer '
        'data.workers_per_gpu or a smaller data.videos_per_gpu need less'
    )
