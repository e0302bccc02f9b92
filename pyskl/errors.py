"""Format exceptions as one line for the user."""

import re

_FROM_WORKER = re.compile(r'Caught \w+ in DataLoader worker process')
_CLASS_NAME = re.compile(r'^[\w.]+(Error|Exception): ')


def one_line(error: BaseException) -> str:
    """Return the message of ``error`` on one line; for an error raised in a DataLoader worker, the original message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if _FROM_WORKER.match(lines[0]):
        return _CLASS_NAME.sub('', lines[-1])
    return ' '.join(lines)


class TerminatedError(Exception):
    """Raised when SIGTERM stops a run; the message says how to resume it."""
