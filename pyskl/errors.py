"""Exceptions as one line for the user."""

import re

_FROM_WORKER = re.compile(r'Caught \w+ in DataLoader worker process')
_CLASS_NAME = re.compile(r'^[\w.]+(Error|Exception): ')


def one_line(error: BaseException) -> str:
    """The message of ``error`` on one line; of an error that crossed from a DataLoader worker, what the worker said."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if _FROM_WORKER.match(lines[0]):
        return _CLASS_NAME.sub('', lines[-1])
    return ' '.join(lines)


class TerminatedError(Exception):
    """A run was asked to end by SIGTERM; the message says where it can go on."""
