"""Positions at which a pickle can be split, checked by splitting lists of records."""

import io
import pickle
import pickletools

import numpy as np
import pytest

from pyskl.datasets.records.byte_window import ByteWindow
from pyskl.datasets.records.pickle_scan import pieces


def dumped(records, protocol=4):
    return pickle.dumps({'annotations': records}, protocol)


def starts(data):
    """(position, memo entries before it) of each record's dict, by pickletools; the outer dict is left out."""
    found, slots = [], 0
    for code, argument, at in pickletools.genops(data):
        if code.name == 'EMPTY_DICT':
            found.append((at, slots))
        slots += code.name == 'MEMOIZE'
        if code.name in ('BINPUT', 'LONG_BINPUT'):
            slots = max(slots, argument + 1)
    return found[1:]


def records(count, size=40):
    return [{'frame_dir': f'clip{i}', 'keypoint': np.full(size, i, np.float32), 'label': i} for i in range(count)]


def split(data, size):
    first, slots = starts(data)[0]
    window = ByteWindow(io.BytesIO(data), len(data))
    window.move(first)
    return list(pieces(window, slots, size))


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_pieces_begin_and_end_at_records_one_after_another(protocol):
    data = dumped(records(50), protocol)
    known = dict(starts(data))
    found = split(data, 500)
    assert len(found) > 3 and found[0].start == starts(data)[0][0]
    for piece, following in zip(found, found[1:], strict=False):
        assert piece.end == following.start and piece.slots_after == following.slots
    for piece in found:
        assert piece.end - piece.start >= 500
        assert (known[piece.start], known[piece.end]) == (piece.slots, piece.slots_after)
        assert not piece.rewrites


def test_fewer_bytes_than_a_piece_are_none():
    assert split(dumped(records(3)), 10**6) == []


def first_keys(data):
    """Position of each dict -> its first key, of a pickle of protocol 4."""
    ops, names, found = list(pickletools.genops(data)), [], {}
    for i, (code, _, _) in enumerate(ops):
        if code.name == 'MEMOIZE':
            names.append(ops[i - 1][1])
    for i, (code, _, at) in enumerate(ops):
        if code.name == 'EMPTY_DICT':
            key = next(arg for code, arg, _ in ops[i + 1 :] if 'UNICODE' in code.name or 'BINGET' in code.name)
            found[at] = key if isinstance(key, str) else names[key]
    return found


def test_dicts_within_a_record_are_not_split():
    data = dumped([{'frame_dir': f'clip{i}', 'more': [{'a': [{'b': i}]} for _ in range(3)]} for i in range(40)])
    keys = first_keys(data)
    assert list(keys.values()).count('a') == 120
    found = split(data, 60)
    assert len(found) > 5 and {keys[piece.end] for piece in found} == {'frame_dir'}
