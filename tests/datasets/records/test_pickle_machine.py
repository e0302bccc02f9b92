"""Hostile pickles: both readers raise one line, quickly, in memory proportional to the file size."""

import pickle
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records.pickle_memo import SharedObjectsError
from pyskl.datasets.records.pickle_stream import stream_annotations
from pyskl.datasets.records.safe_pickle import load_numbers

READERS = {'whole': load_numbers, 'stream': lambda path: stream_annotations(path, lambda record: None)}
U8 = b'cnumpy\ndtype\n(X\x02\x00\x00\x00u8I0\nI1\ntR'


def called(module, name, arguments):
    return f'c{module}\n{name}\n'.encode() + arguments + b'R'


def nested(opening, closing, depth):
    return opening * depth + b'N' + closing * depth


def billion_laughs(levels, times, container=(b'(', b'l')):
    """Lists of the same list, ``times`` each, ``levels`` deep."""
    data = b'(' + b'I1\n' * times + container[1] + b'q\x00'
    for level in range(1, levels):
        data += b'(' + (b'h' + bytes([level - 1])) * times + container[1] + b'q' + bytes([level])
    return data


def text(value):
    return b'X' + struct.pack('<I', len(value)) + value.encode()


def split_of(value):
    return b'}(' + text('annotations') + b']' + text('split') + value + b'u.'


ATTACKS = {
    'a call of ndarray with objects': (called('numpy', 'ndarray', b'((I1\ntVO\nt'), 'a call of numpy.ndarray'),
    'a call of ndarray, plain': (called('numpy', 'ndarray', b'((I4\ntVu8\nt'), 'a call of numpy.ndarray'),
    'a new ndarray': (b'cnumpy\nndarray\n((I4\ntVu8\nt\x81', 'a call of numpy.ndarray'),
    'a new ndarray with keywords': (b'cnumpy\nndarray\n((I4\nt}\x92', 'an opcode'),
    'an instance': (b'(ios\nsystem\n', 'contains os.system'),
    'an object': (b'(cnumpy\nndarray\no', 'an opcode'),
    'a state for a name': (b'cnumpy\nndarray\n}Va\nVb\nsb', 'a state for a Name'),
    'a state for a dict': (b'}}Va\nVb\nsb', 'a state for a dict'),
    'int called': (called('builtins', 'int', b'(V1\nt'), 'a call of builtins.int'),
    'bytes by length': (called('builtins', 'bytes', b'(I3000000000\nt'), 'bytes made of 3000000000'),
    'bytearray by length': (called('builtins', 'bytearray', b'(I3000000000\nt'), 'bytes made of 3000000000'),
    'bytes announced': (b'\x8e' + struct.pack('<Q', 3 * 10**9), 'bytes were announced'),
    'a bytearray announced': (b'\x96' + struct.pack('<Q', 3 * 10**9), 'bytes were announced'),
    'text announced': (b'X\xff\xff\xff\x7f', 'bytes were announced'),
    'many laughs': (billion_laughs(10, 10), 'entries'),
    'many laughs in tuples': (billion_laughs(12, 8, (b'(', b't')), 'entries'),
    'many laughs in a split': (split_of(b'}' + text('train') + b'(' + billion_laughs(10, 10) + b'ls')[:-1], 'entries'),
    'a list in itself': (b'}Va\n]q\x00h\x00as', 'nested more than 64 deep'),
    'a dict in itself': (b'}q\x00Va\nh\x00s', 'nested more than 64 deep'),
    'deep tuples': (nested(b'', b'\x85', 15_000), 'nested more than 64 deep'),
    'deep tuples, marked': (nested(b'(', b't', 200_000), 'nested more than 64 deep'),
    'deep lists': (nested(b']', b'a', 15_000), 'nested more than 64 deep'),
    'a deep key': (b'}' + nested(b'', b'\x85', 15_000) + b'Ns', 'a key of type tuple'),
    'a deep member': (b'\x8f(' + nested(b'', b'\x85', 15_000) + b'\x90', 'a key of type tuple'),
    'a deep member, frozen': (b'(' + nested(b'', b'\x85', 15_000) + b'\x91', 'a key of type tuple'),
    'a deep member, in a call': (
        called('builtins', 'set', b'(]' + nested(b'', b'\x85', 15_000) + b'at'), 'a key of type tuple'
    ),
    'keys that collide': (
        b'}(' + b''.join(b'L%dL\nN' % (i * (2**61 - 1)) for i in range(20_000)) + b'u', 'a key of type int'
    ),
    'sets': (b'(' + b'\x8f' * 400_000 + b'l', 'too many containers for'),
    'digits': (b'I' + b'9' * 10_000 + b'\n', 'an integer of 10000 digits'),
    'a long number': (b'\x8b' + struct.pack('<i', 10**6) + bytes(10**6), 'an integer of 1000000 bytes'),
    'a memo of gaps': (b'Nr\xff\xff\xff\x7f', 'memo number'),
    'a negative memo': (b'Np-3\n', 'negative'),
    'no memo': (b'g7\n', 'is not a valid pickle'),
    'a duplicate': (b'N2', 'an opcode'),
    'items for a number': (b'I1\n(I2\ne', 'items for a int'),
    'keys for a list': (b']I1\nI2\ns', 'keys for a list'),
    'members for a list': (b'](I1\n\x90', 'members for a list'),
    'nothing to call': (b'I1\n)R', 'a call of a int'),
    'an array of nothing': (called('numpy.core.multiarray', '_reconstruct', b'(I1\n(I0\ntVb\nt'), 'an unknown class'),
    'a shared array': (
        b'(' + b'B' + struct.pack('<I', 2**16) + bytes(2**16) + b'q\x00' + b'h\x00' * 50_000 + b'l', 'bytes of content'
    ),
}  # fmt: skip


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('attack', ATTACKS)
def test_an_attack_raises_one_line_quickly_in_little_memory(tmp_path, attack, reader):
    data, words = ATTACKS[attack]
    path = tmp_path / 'x.pkl'
    path.write_bytes(b'\x80\x04' + data + b'.')
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(ValueError, match=r"annotation file '.*x\.pkl'") as error:
            READERS[reader](path)
        took, (_, most) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert words in str(error.value) and '\n' not in str(error.value)
    assert took < 20  # seconds on a busy machine, traced; expanding ten levels would take a year
    assert most < 100 * 2**20


def test_moderately_shared_content_is_read(tmp_path):
    bones = [(i, i + 1) for i in range(100)]
    content = [{'frame_dir': str(i), 'bones': bones} for i in range(2000)]
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(content))
    assert load_numbers(tmp_path / 'x.pkl') == content


FRAGMENTS = [
    b'N', b'I1\n', b'I-8\n', b'K\x07', b'Va\n', b'X\x01\x00\x00\x00b', b'C\x02ab', b'U\x01b', b'G' + bytes(8),
    b'(', b')', b']', b'}', b'\x8f', b't', b'\x85', b'\x86', b'\x87', b'l', b'd', b'a', b'e', b's', b'u', b'\x90',
    b'\x91', b'q\x00', b'q\x01', b'h\x00', b'h\x01', b'\x94', b'0', b'1', b'2', b'R', b'\x81', b'\x92', b'b', b'o',
    b'\x93', b'Q', b'\x96' + bytes(8), b'cnumpy\nndarray\n', b'cnumpy\ndtype\n', b'cbuiltins\nset\n',
    b'cnumpy.core.multiarray\n_reconstruct\n', b'cnumpy._core.multiarray\nscalar\n', b'c_codecs\nencode\n',
    b'cnumpy._core.numeric\n_frombuffer\n', b'ccollections\nOrderedDict\n', b'ccollections\ndefaultdict\n',
    b'cbuiltins\nbytearray\n', U8, b'(I1\n(I1\nt' + U8 + b'I0\nC\x08abcdefght',
    b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01bt', text('annotations'), b'.',
    b'\x95' + bytes(8),
]  # fmt: skip
PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)


def entries(value):
    yield value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from entries(item)


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=2), min_size=1, max_size=40))
def test_any_stream_of_opcodes_gives_plain_content_or_one_line(parts, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / 'stream.pkl'
    path.write_bytes(b''.join(parts) + b'.')
    for read in READERS.values():
        try:
            content = read(path)
        except ValueError as error:
            assert '\n' not in str(error) and 'stream.pkl' in str(error)
            continue
        except SharedObjectsError:
            continue
        for value in entries(content):
            assert type(value) in PLAIN or isinstance(value, np.ndarray | np.generic) or not callable(value)
            assert not isinstance(value, type | np.dtype)
