"""Records are converted to blocks and back; invalid blocks and JSON values raise."""

import enum
import json
from collections import OrderedDict

import numpy as np
import pytest

from pyskl.datasets.records.store_format import (
    ALIGN,
    WHOLE,
    Kind,
    block_crc,
    decoded,
    encoded,
    header_crc,
    plain_dtype,
    schema_of,
)

VALUES = [
    None, True, 7, 2**70, 0.5, 'text', [1, [2.5, None]], (1, 'a'), {1, 2}, frozenset({'a'}), {1: 'a', 'b': (2,)},
    OrderedDict(b=1, a=2), b'\x00\xff', bytearray(b'ab'), 1 + 2j,
]  # fmt: skip


@pytest.mark.parametrize('value', VALUES, ids=repr)
def test_a_value_is_read_back_from_json_unchanged(value):
    back = decoded(json.loads(json.dumps(encoded(value))))
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize('value', [np.arange(6.0).reshape(2, 3), np.float32(2.5), np.zeros((0, 3), np.int16)])
def test_an_array_is_read_back_with_its_type(value):
    back = decoded(json.loads(json.dumps(encoded(value))))
    assert np.array_equal(back, value) and back.dtype == value.dtype and np.shape(back) == value.shape


def test_a_number_with_a_name_is_a_number():
    assert encoded(enum.IntEnum('Side', ['LEFT'])(1)) == 1


def test_values_that_a_safe_pickle_cannot_hold_raise():
    with pytest.raises(TypeError, match='object'):
        encoded(object())
    with pytest.raises(TypeError):
        encoded(np.array([object()]))


@pytest.mark.parametrize('name', ['O', 'V8', 'f4,i4', 'M8[s]', 5, '<f4' * 4])
def test_a_dtype_is_one_of_numbers(name):
    with pytest.raises((ValueError, TypeError)):
        plain_dtype(name)


RECORD = {
    'frame_dir': 'clip/1', 'label': 3, 'rate': 29.97, 'size': np.int16(-4), 'img_shape': (1080, 1920), 'missing': None,
    'flag': True, 'keypoint': np.arange(24, dtype='>f4').reshape(1, 3, 4, 2), 'note': ['a', {'b': 1}],
}  # fmt: skip


def test_a_record_is_read_back_with_equal_values_and_types():
    kind = Kind(schema_of(RECORD))
    block = kind.write(RECORD)
    assert len(block) % ALIGN == 0
    back = kind.read(block)
    assert list(back) == list(RECORD)
    for key, value in RECORD.items():
        assert np.array_equal(back[key], value) and type(back[key]) is type(value), key
    assert back['keypoint'].dtype == np.float32  # of this machine's byte order
    assert {code for _, code, _ in schema_of(RECORD)} == {
        'text', 'int', 'float', 'scalar', 'ints', 'same', 'array', 'json',
    }  # fmt: skip


def test_records_with_equal_keys_and_types_are_of_one_kind():
    other = {**RECORD, 'label': 9, 'keypoint': np.zeros((2, 5, 4, 2), np.float32)}
    assert schema_of(other) == schema_of(RECORD)
    assert schema_of({**RECORD, 'flag': False}) != schema_of(RECORD)


def test_a_number_of_more_than_eight_bytes_is_json():
    assert schema_of({'a': 2**63}) == (('a', 'json', None),)
    assert schema_of({'a': 2**63 - 1}) == (('a', 'int', None),)


def test_a_record_beyond_the_maximum_of_kinds_is_stored_as_one_text():
    kind = Kind(WHOLE)
    assert kind.read(kind.write({1: 'a', 'b': (2,)})) == {1: 'a', 'b': (2,)}


@pytest.mark.parametrize(
    'schema',
    [
        [('a', 'int', None), ('a', 'int', None)],
        [('a', 'lambda', None)],
        [(1, 'int', None)],
        [('a', 'array', ['O', 2])],
        [('a', 'array', ['<f4', 99])],
        [('a', 'ints', True)],
        [('a', 'same', 'text')],
        [('a', 'scalar', '<f4')],
    ],
)
def test_an_invalid_schema_raises(schema):
    with pytest.raises((ValueError, TypeError)):
        Kind(schema)


def test_a_text_outside_the_block_raises():
    kind = Kind(schema_of({'a': 'text'}))
    block = bytearray(kind.write({'a': 'text'}))
    block[8:16] = (1000).to_bytes(8, 'little')
    with pytest.raises(ValueError, match='text of 1000 bytes'):
        kind.read(bytes(block))


def test_a_checksum_covers_the_position_too():
    assert block_crc(b'x', 0, 64, 1) != block_crc(b'x', 1, 64, 1) != block_crc(b'x', 1, 128, 1)
    assert header_crc(b'{}', 64, 200) != header_crc(b'{}', 128, 200) != header_crc(b'{}', 128, 201)
