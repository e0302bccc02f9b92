"""Truncated, damaged and malicious checkpoints raise one line and run no code."""

import pickle
import types

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from pyskl.datasets.records.pickle_objects import ForbiddenGlobal, Name
from pyskl.datasets.records.safe_pickle import BROKEN
from pyskl.engine.checkpoints import reading
from pyskl.engine.checkpoints.reading import NAMES, STATES, read_content
from tests.datasets.records.test_pickle_objects import hostile


def checkpoint():
    buffer = HistoryBuffer([1.0, 3.0], [1, 1])
    return {'state_dict': {'weight': torch.arange(20_000.0)}, 'meta': {'epoch': 3}, 'message_hub': {'loss': buffer}}


class Call:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('zipped', [True, False])
def test_a_log_of_scalars_is_restored(tmp_path, zipped):
    torch.save(checkpoint(), tmp_path / 'x.pth', _use_new_zipfile_serialization=zipped)
    buffer = read_content(tmp_path / 'x.pth')['message_hub']['loss']
    assert buffer.mean() == 2 and buffer.current() == 3 and buffer.max() == 3
    buffer.update(5.0)
    assert buffer.data[0].tolist() == [1, 3, 5]


@pytest.mark.parametrize('zipped', [True, False])
def test_a_file_truncated_at_any_kilobyte_raises_one_line(tmp_path, zipped):
    path = tmp_path / 'x.pth'
    torch.save(checkpoint(), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for end in (*range(0, len(whole), 1024), len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r'x\.pth is truncated or not a checkpoint: ') as error:
            read_content(path)
        assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'call, named',
    [
        (Call(np.ndarray, ((1,), 'O', bytearray(8), 0)), 'a call of numpy.ndarray'),
        (Call(np.ndarray, ((4,), 'u8', bytearray(32), 0)), 'a call of numpy.ndarray'),
        (Call(np.ndarray, ((1,), 'u8', bytearray(64), -8)), 'a call of numpy.ndarray'),
        (Call(getattr, (HistoryBuffer, '__init__')), 'getattr'),
        (Call(getattr, ('', 'format')), 'getattr'),
        (Call(torch.storage.UntypedStorage, (3_000_000_000,)), 'a call of torch.storage.UntypedStorage'),
        (Call(torch.Tensor, (3_000_000_000,)), 'a call of torch.Tensor'),
        (Call(print, ('x',)), 'print'),
    ],
)
def test_calls_of_other_functions_raise_with_their_name(tmp_path, call, named):
    torch.save({'state_dict': {}, 'meta': {'epoch': call}}, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='which is not a tensor and could run code; pass --trust-checkpoint') as error:
        read_content(tmp_path / 'x.pth')
    assert named in str(error.value)


@pytest.mark.parametrize('name', sorted(NAMES))
def test_every_allowed_name_survives_hostile_arguments(name):
    function = NAMES[name]
    assert isinstance(function, types.FunctionType) and function.__module__ == reading.__name__
    arguments = [*hostile(), Name('mmengine.logging.history_buffer.HistoryBuffer', None), 'mean', '__init__']
    for first in arguments:
        for given in ((), (first,), *((first, second) for second in arguments)):
            try:
                made = Name('.'.join(name), function).build(given)
            except (*BROKEN, ForbiddenGlobal):
                continue
            assert made is None or isinstance(made, HistoryBuffer)


@pytest.mark.parametrize(
    'state',
    [
        None,
        {},
        {'_log_history': [1], '_count_history': [1]},
        {'_log_history': np.ones(2), '_count_history': np.ones(3)},
    ],
)
def test_the_state_of_a_log_is_checked(state):
    with pytest.raises(pickle.UnpicklingError):
        STATES[HistoryBuffer](HistoryBuffer(), state)
