import pickle
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from pyskl.evaluation.gather import gather_results


def results(indices, ragged):
    return [
        {'score': np.full((1 + i % 2, 3) if ragged else 3, i, np.float32), 'label': i} for i in indices
    ]  # fmt: skip


def member(rank, folder, ragged):
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=3)
    gathered = gather_results(results([i % 7 for i in range(rank, 9, 3)], ragged), 7)
    Path(folder, f'{rank}.pkl').write_bytes(pickle.dumps(gathered))
    dist.destroy_process_group()


@pytest.mark.parametrize('ragged', [False, True])
def test_three_processes_gather_the_same_results_as_one(tmp_path, ragged):
    mp.start_processes(member, (str(tmp_path), ragged), 3, start_method='fork')
    first, *others = [pickle.loads((tmp_path / f'{rank}.pkl').read_bytes()) for rank in range(3)]
    assert others == [None, None]
    assert [int(result['label']) for result in first] == list(range(7))
    for result, expected in zip(first, results(range(7), ragged), strict=True):
        assert np.array_equal(result['score'], expected['score'])


def test_one_process_drops_repeated_samples():
    assert gather_results([{'score': 1}, {'score': 2}, {'score': 1}], 2) == [{'score': 1}, {'score': 2}]
