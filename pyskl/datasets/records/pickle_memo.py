"""The memo of a pickle: objects that it may refer to again, by number."""

import pickle
from collections.abc import Mapping

import numpy as np

from pyskl.datasets.records.pickle_objects import Name, SafeDtype

MAX_TUPLES = 2**16  # maximum number of distinct tuples of plain values retained in the memo
SHORT = 64  # bytes; larger values are dropped from the memo
_ATOMS = (type(None), bool, int, float, str)


class SharedObjectsError(Exception):
    """The pickle refers to an object that the memo has dropped."""


class NotParallelError(Exception):
    """The pickle has to be read by a single process."""


class UnknownSlotError(NotParallelError):
    """The pickle refers to an object that was built by another process."""


class Absent:
    """Placeholder in a memo for a missing object.

    Args:
        error: Exception that a reference to it raises.
    """

    def __init__(self, error: type[Exception]) -> None:
        self.error = error


MISSING = Absent(KeyError)


class Memo:
    """Objects that the pickle may refer to again, by number."""

    def __init__(self) -> None:
        self.slots: list = []

    def __len__(self) -> int:
        return len(self.slots)

    def __setitem__(self, number: int, value: object) -> None:
        slots = self.slots
        if number == len(slots):
            slots.append(value)
        elif 0 <= number < len(slots):
            slots[number] = value
        elif len(slots) < number <= len(slots) + 1000:  # picklers count up, some from 1
            slots.extend([MISSING] * (number - len(slots)))
            slots.append(value)
        else:
            raise pickle.UnpicklingError(f'memo number {number} after {len(slots)}')

    def __getitem__(self, number: int) -> object:
        if not 0 <= number < len(self.slots):
            raise KeyError(number)
        value = self.slots[number]
        if type(value) is Absent:
            raise value.error(number)
        return value


_RETAINED = frozenset((*_ATOMS, SafeDtype, Name, Absent))
GONE, UNKNOWN = Absent(SharedObjectsError), Absent(UnknownSlotError)


class SmallMemo(Memo):
    """Memo that drops large objects of processed records; a reference to one raises :class:`SharedObjectsError`."""

    def __init__(self) -> None:
        super().__init__()
        self._swept, self._tuples = 0, {}

    def __setitem__(self, number: int, value: object) -> None:
        self._swept = min(self._swept, number) if number >= 0 else self._swept
        super().__setitem__(number, value)

    def sweep(self) -> None:
        """Drop large objects."""
        slots = self.slots
        for number in range(self._swept, len(slots)):
            if type(slots[number]) not in _RETAINED:
                slots[number] = self._retained(slots[number])
        self._swept = len(slots)

    def learn(self, count: int, texts: Mapping[int, str]) -> None:
        """Add the entries up to ``count``, built by other processes, of which only ``texts`` are known."""
        self.slots += [UNKNOWN] * (count - len(self.slots))
        for number, text in texts.items():
            self.slots[number] = text
        self._swept = len(self.slots)

    def forget(self) -> None:
        """Mark all entries as unknown, because other processes may have replaced them."""
        self.slots[:] = [UNKNOWN] * len(self.slots)

    def _retained(self, value: object) -> object:
        kind = type(value)
        if isinstance(value, np.generic):
            return value
        if kind is bytes or isinstance(value, np.ndarray):
            return value if (len(value) if kind is bytes else value.nbytes) <= SHORT else GONE
        if kind is list and len(value) <= SHORT // 8 and all(type(item) in _ATOMS for item in value):
            return value
        if kind is tuple and len(self._tuples) < MAX_TUPLES and all(type(item) in _ATOMS for item in value):
            return self._tuples.setdefault((value, *map(type, value)), value)
        return GONE
