"""Files of torch.save: tensors equal those that torch reads, and no argument in a file is trusted."""

import inspect
import io
import pickle
import struct
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records import pickle_objects, torch_file
from pyskl.datasets.records.pickle_objects import ForbiddenGlobal, Name
from pyskl.datasets.records.safe_pickle import BROKEN
from pyskl.datasets.records.torch_file import TENSORS, Storage, load_bytes, read_torch, rebuild
from tests.datasets.records.test_pickle_machine import FRAGMENTS, U8, billion_laughs, nested
from tests.datasets.records.test_pickle_objects import hostile

REFUSED = (*BROKEN, ForbiddenGlobal, zipfile.BadZipFile)
DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip


def content():
    whole = torch.arange(24.0)
    tensors = {str(dtype): torch.arange(6).to(dtype).reshape(2, 3) for dtype in DTYPES}
    tensors |= {'view': whole[4:10], 'turned': whole.reshape(4, 6).t(), 'repeated': whole[:1].expand(5)}
    tensors |= {'scalar': torch.tensor(3), 'empty': torch.zeros(0, 5), 'weight': torch.nn.Parameter(torch.ones(2, 2))}
    meta = {'size': torch.Size([2, 3]), 'number': np.float64(2.5), 'array': np.arange(3), 'tuple': (1, None, 'a')}
    return {'state_dict': OrderedDict(tensors), 'meta': meta}


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize('zipped', [True, False])
def test_tensors_equal_those_that_torch_reads(tmp_path, zipped, protocol):
    torch.save(content(), tmp_path / 'x', pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    found = read_torch(tmp_path / 'x', {}, {})
    expected = torch.load(tmp_path / 'x', weights_only=False)
    assert list(found['state_dict']) == list(expected['state_dict'])
    for key, tensor in expected['state_dict'].items():
        ours = found['state_dict'][key]
        assert ours.dtype is tensor.dtype and ours.stride() == tensor.stride() and torch.equal(ours, tensor), key
    view, turned = found['state_dict']['view'], found['state_dict']['turned']
    assert view.untyped_storage().data_ptr() == turned.untyped_storage().data_ptr()  # still shared
    assert (
        found['meta']['size'] == (2, 3) and found['meta']['number'] == 2.5 and found['meta']['tuple'] == (1, None, 'a')
    )
    assert found['meta']['array'].tolist() == [0, 1, 2]


@pytest.mark.parametrize('zipped', [True, False])
def test_every_cut_of_a_file_is_noticed(tmp_path, zipped):
    torch.save(content(), tmp_path / 'x', _use_new_zipfile_serialization=zipped)
    whole = (tmp_path / 'x').read_bytes()
    for end in range(0, len(whole), 97):
        (tmp_path / 'x').write_bytes(whole[:end])
        with pytest.raises(REFUSED):
            read_torch(tmp_path / 'x', {}, {})


def test_a_tensor_in_a_plain_pickle_brings_its_storage():
    data = io.BytesIO()
    torch.save(torch.arange(4.0).storage(), data, _use_new_zipfile_serialization=False)
    assert rebuild(load_bytes(data.getvalue()), 1, (3,), (1,)).tolist() == [1, 2, 3]
    with pytest.raises(REFUSED):
        load_bytes(data.getvalue()[:-3])


@pytest.mark.parametrize('module, name', sorted(TENSORS))
def test_every_admitted_name_survives_hostile_arguments(module, name):
    token = Name(f'{module}.{name}', TENSORS[module, name])
    if TENSORS[module, name] is None:
        with pytest.raises(ForbiddenGlobal):
            token.build((4,))
        return
    function = TENSORS[module, name]
    assert isinstance(function, types.FunctionType) and function.__module__ == torch_file.__name__
    storage = Storage(bytearray(32), torch.float32)
    numbers = [storage, torch.zeros(3), Name('torch.float32', None), Name('torch._utils._rebuild_tensor_v2', rebuild)]
    arguments = [*hostile(), *numbers, *[(2, 2), (8,), (9,), (2**61, 4), (-1, 2), (1, 2), (0, 2**50)] * 3, *range(9)]
    rng = np.random.RandomState(0)
    count = min(len(inspect.signature(function).parameters), 7)
    for length in (*range(count + 2), 7):
        for _ in range(600):
            given_ = [arguments[i] for i in rng.randint(len(arguments), size=length)]
            if length and rng.rand() < 0.7:
                given_[0] = storage
            try:
                made = token.build(tuple(given_))
            except REFUSED:
                continue
            assert isinstance(made, torch.Tensor | tuple | str)
            if isinstance(made, torch.Tensor) and made.numel():
                assert made.sum() == 0 and made.untyped_storage().nbytes() <= 32


OUTSIDE = [
    (0, (9,), (1,)), (8, (1,), (1,)), (-1, (1,), (1,)), (0, (2,), (-1,)), (0, (2, 2), (7, 1)), (0, (2**40,), (0,)),
    (0, (2**62, 2**62), (0, 0)), (0, (2,), (2**62,)), (2**63, (1,), (1,)), (0, (2,), (1, 1)), (0.0, (1,), (1,)),
    (0, [1], [1]), (0, (True,), (1,)), (0, (0, 2**60), (1, 1)), (9, (0,), (1,)), (0, (1,) * 70, (1,) * 70),
]  # fmt: skip


@pytest.mark.parametrize('arguments', OUTSIDE)
def test_no_tensor_reaches_beyond_its_storage(arguments):
    with pytest.raises(pickle.UnpicklingError):
        rebuild(Storage(bytearray(32), torch.float32), *arguments)


def archive(path, data, **entries):
    with zipfile.ZipFile(path, 'w', entries.pop('compression', zipfile.ZIP_STORED)) as file:
        for name, raw in {'x/data.pkl': data, **entries}.items():
            file.writestr(name, raw)
    return path


def tensor(kind='FloatStorage', key='0', count=8, offset=0, size=(8,), stride=(1,)):
    """A pickle that consists of a tensor."""

    def number(value):
        return b'L%dL\n' % value

    pid = b'(Vstorage\nctorch\n' + kind.encode() + b'\nV' + key.encode() + b'\nVcpu\n' + number(count) + b'tQ'
    shape = b'(' + b''.join(map(number, size)) + b't(' + b''.join(map(number, stride)) + b't'
    return b'ctorch._utils\n_rebuild_tensor_v2\n(' + pid + number(offset) + shape + b'I00\n}tR.'


ZIPS = {
    'good': (tensor(), {'x/data/0': bytes(32)}),
    'beyond': (tensor(size=(9,)), {'x/data/0': bytes(32)}),
    'announced': (tensor(count=9), {'x/data/0': bytes(32)}),
    'no storage': (tensor(), {}),
    'another type': (tensor('DoubleStorage'), {'x/data/0': bytes(32)}),
    'booleans': (tensor('BoolStorage', count=32), {'x/data/0': bytes([7]) * 32}),
    'quantized': (tensor('QInt8Storage', count=32), {'x/data/0': bytes(32)}),
    'big endian': (tensor(), {'x/data/0': bytes(32), 'x/byteorder': b'big'}),
    'compressed': (tensor(count=10**6), {'x/data/0': bytes(4 * 10**6), 'compression': zipfile.ZIP_DEFLATED}),
    'no pickle': (b'', {}),
    'laughs': (billion_laughs(10, 10) + b'.', {}),
    'deep': (nested(b'', b'\x85', 15_000) + b'.', {}),
    'a storage called': (b'ctorch.storage\nUntypedStorage\n(I3000000000\ntR.', {}),
    'a tensor called': (b'ctorch\nTensor\n(I3000000000\ntR.', {}),
    'torch.load': (b'ctorch\nload\n(Va\ntR.', {}),
    'an id of another kind': (b'Vmodule\nQ.', {}),
    'a folder above': (tensor(key='../../x'), {'x/data/0': bytes(32)}),
}  # fmt: skip


@pytest.mark.parametrize('kind', ZIPS)
def test_inconsistent_archives_raise(tmp_path, kind):
    data, entries = ZIPS[kind]
    path = archive(tmp_path / 'x', data, **entries)
    if kind == 'good':
        assert read_torch(path, {}, {}).tolist() == [0] * 8
        return
    with pytest.raises(REFUSED):
        read_torch(path, {}, {})


def test_a_moderately_repeated_view_costs_nothing_and_others_raise(tmp_path):
    call = tensor(size=(2**24,), stride=(0,))[:-1]
    path = archive(tmp_path / 'x', b'(' + call * 20 + b'l.', **{'x/data/0': bytes(32)})
    with pytest.raises(pickle.UnpicklingError, match='bytes of content in a file of'):
        read_torch(path, {}, {})


def test_storages_larger_than_the_file_raise(tmp_path):
    torch.save({'a': torch.arange(23.0)}, tmp_path / 'x', _use_new_zipfile_serialization=False)
    data = (tmp_path / 'x').read_bytes()
    numbers = (b'K\x17', b'J\xff\xff\xff\x7f'), (struct.pack('<q', 23), struct.pack('<q', 2**60))
    for old, new in numbers:
        assert old in data
        (tmp_path / 'x').write_bytes(data.replace(old, new))
        with pytest.raises(REFUSED):
            read_torch(tmp_path / 'x', {}, {})


PIECES = [
    *FRAGMENTS, b'ctorch._utils\n_rebuild_tensor_v2\n', b'ctorch\nFloatStorage\n',
    b'(Vstorage\nctorch\nFloatStorage\nV0\n',
    tensor()[:-2], tensor()[:-1], tensor(size=(2, 4), stride=(4, 1))[:-1], b'Vcpu\nI8\ntQ', b'ctorch\nSize\n(I3\ntR',
    b'ctorch._utils\n_rebuild_parameter\n', b'ctorch._tensor\n_rebuild_from_type_v2\n', U8,
]  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(parts=st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), min_size=1, max_size=30))
def test_any_stream_of_opcodes_gives_content_or_is_refused(parts, tmp_path_factory):
    path = archive(tmp_path_factory.getbasetemp() / 'x.pth', b''.join(parts) + b'.', **{'x/data/0': bytes(32)})
    try:
        found = read_torch(path, {}, {})
    except REFUSED:
        return
    assert not callable(found) and not isinstance(found, type)


def test_the_tables_of_both_readers_hold_functions_of_ours_only():
    for table, home in ((pickle_objects.KNOWN, pickle_objects), (TENSORS, torch_file)):
        for function in table.values():
            assert function is None or (
                isinstance(function, types.FunctionType) and function.__module__ == home.__name__
            )
