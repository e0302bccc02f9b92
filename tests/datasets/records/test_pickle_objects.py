"""Names in a pickle: the functions they map to, and hostile arguments."""

import inspect
import itertools
import pickle
import types

import numpy as np
import pytest

from pyskl.datasets.records import pickle_objects
from pyskl.datasets.records.pickle_objects import KNOWN, ForbiddenGlobal, Name, SafeArray, SafeDtype, check_key
from pyskl.datasets.records.safe_pickle import BROKEN


def nested(depth):
    value = ()
    for _ in range(depth):
        value = (value,)
    return value


def hostile():
    """Arguments with side effects in NumPy, the builtins or torch."""
    array = np.ndarray.__new__(SafeArray, (0,))
    text = [None, True, 0, 1, -1, 3_000_000_000, 2**70, 0.5, '', 'O', 'u8', 'V8', 'i4,O', '(9,9)u1', 'utf-7', 'F']
    binary = [b'', b'b', b'O', b'\xff' * 8, bytearray(8), bytearray(32)]
    nests = [(), (1,), (-8,), (2**62, 2**62), (0, 2**62), (4.0,), ('1',), nested(5000), [0, 256], [[], {}], {'a': 1}]
    return [*text, *binary, *nests, Name('numpy.ndarray', None), SafeDtype('u8'), SafeDtype('U2'), array, print]


ADMITTED = (
    type(None), bool, int, float, complex, str, bytes, bytearray, tuple, list, dict, set, frozenset,
    np.ndarray, np.generic, SafeDtype,
)  # fmt: skip


def size(value):
    if isinstance(value, np.ndarray | np.generic):
        return value.nbytes
    return len(value) if isinstance(value, bytes | bytearray | list | dict | set | frozenset) else 0


@pytest.mark.parametrize('module, name', sorted(KNOWN))
def test_every_admitted_name_survives_hostile_arguments(module, name):
    build = KNOWN[module, name]
    token = Name(f'{module}.{name}', build)
    assert not callable(token)
    if build is None:
        with pytest.raises(ForbiddenGlobal, match=f'a call of {module}.{name}'):
            token.build((1,))
        return
    assert isinstance(build, types.FunctionType) and build.__module__ == pickle_objects.__name__
    arguments = hostile()
    count = len(inspect.signature(build).parameters)
    some = list(itertools.islice(itertools.product(arguments, repeat=2), None)) if count > 1 else []
    rng = np.random.RandomState(0)
    more = [tuple(arguments[i] for i in rng.randint(len(arguments), size=n)) for n in range(6) for _ in range(500)]
    for given in [
        (),
        *((a,) for a in arguments),
        *some,
        *more,
        *(other for other in arguments if type(other) is not tuple),
    ]:
        try:
            made = token.build(given)
        except (*BROKEN, ForbiddenGlobal):
            continue
        assert isinstance(made, ADMITTED) and size(made) <= 64
        assert not isinstance(made, np.ndarray) or made.dtype.kind in 'biufcSU'


@pytest.mark.parametrize(
    'state',
    [
        None,
        (1, (1,), SafeDtype('u8'), False, [object()]),
        (1, (-1,), SafeDtype('u8'), False, b''),
        (1, (2,), SafeDtype('u8'), False, bytes(8)),
        (1, (2**62, 4), SafeDtype('u8'), False, b''),
        (1, (0, 2**62), SafeDtype('u8'), False, b''),
        (1, (1,), np.dtype('O'), False, bytes(8)),
        (1, [1], SafeDtype('u8'), False, bytes(8)),
        (1, (1,) * 40, SafeDtype('u1'), False, bytes(1)),
        (1, (1,), SafeDtype('?'), False, b'\x02'),  # NumPy counts booleans by adding up their bytes
        (1, (1,), SafeDtype('U1'), False, b'\xff' * 4),
    ],
)
def test_the_state_of_an_array_is_checked(state):
    array = np.ndarray.__new__(SafeArray, (0,))
    with pytest.raises(BROKEN):
        array.set_state(state)
    assert array.shape == (0,)


def test_an_array_takes_its_state_once():
    array = np.ndarray.__new__(SafeArray, (0,))
    array.set_state((1, (2,), SafeDtype('u1'), False, b'\x01\x02'))
    assert array.tolist() == [1, 2]
    with pytest.raises(pickle.UnpicklingError):
        array.set_state((1, (1,), SafeDtype('u1'), False, b'\x01'))


@pytest.mark.parametrize('state', [None, (), (3, '<', ('u1',)), (3, '<', None, ('a',), {}), (3, '>>', None), (3, 1)])
def test_the_state_of_a_dtype_is_checked(state):
    with pytest.raises((*BROKEN, ForbiddenGlobal)):
        SafeDtype('u8').set_state(state)


@pytest.mark.parametrize(
    'code', ['O', 'V8', 'M8', 'i4,f4', '(2,3)f4', 'S99999999', 'f3', 'U-1', {'names': ['a']}, None]
)
def test_only_dtypes_of_numbers_and_text_are_made(code):
    with pytest.raises((*BROKEN, ForbiddenGlobal)):
        SafeDtype(code)


@pytest.mark.parametrize('key', [nested(4), 2**61 * 9, 1j, [], np.zeros(1), (1,) * 17, Name('a', None)])
def test_keys_must_be_short_and_shallow(key):
    with pytest.raises(pickle.UnpicklingError, match='a key of type'):
        check_key(key)
