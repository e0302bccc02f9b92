"""How every tool ends: an error that a user can fix is one line on stderr and exit status 1, not a traceback.

``PYSKL_DEBUG=1`` shows the traceback. With ``PYSKL_ERROR_ONCE=PATH``, of many processes that fail alike only the one
that creates PATH prints it.
"""

import os
import signal
import sys
from collections.abc import Callable

from pyskl.errors import TerminatedError, one_line


def _debug() -> bool:
    return os.environ.get('PYSKL_DEBUG', '0') not in ('', '0')


def _is_first() -> bool:
    path = os.environ.get('PYSKL_ERROR_ONCE')
    if not path:
        return True
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    except OSError:
        return True  # said twice is better than never
    return True


def _stop_before_start(number: int, frame: object) -> None:
    """Ctrl-C while a tool imports its packages: nothing has begun, so there is nothing to tidy up."""
    if _is_first():
        os.write(2, b'error: interrupted\n')
    os._exit(130)


def _is_a_tool() -> bool:
    """Whether the program is ours: ``pyskl``, a file of ``tools/`` or a module of this package. Otherwise Ctrl-C is not
    ours to answer.
    """
    program = getattr(sys.modules['__main__'], '__file__', None)
    if program is None:
        return False
    folders = os.path.realpath(program).split(os.sep)
    return folders[-1] == 'pyskl' or 'tools' in folders[-3:-1] or folders[-3:-1] == ['pyskl', 'cli']


# At once, not in run(): most of what a tool imports comes after this module.
if _is_a_tool() and not _debug() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop_before_start)


def run(main: Callable[[], int | None]) -> None:
    """Call ``main()`` and leave the program.

    Exit status: what ``main`` returns (None is 0); 0 where the reader of the output has gone; 1 after a ValueError or
    OSError; 130 after Ctrl-C, 143 after SIGTERM. Any other exception is a bug of ours and keeps its traceback.
    """
    if signal.getsignal(signal.SIGINT) is _stop_before_start:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = main() or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output (head, less) has what it wanted. What Python flushes at the end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except TerminatedError as error:
        if _is_first():
            print(error, file=sys.stderr, flush=True)
        status = 128 + signal.SIGTERM
    except (ValueError, OSError, KeyboardInterrupt) as error:
        if _debug():
            raise
        interrupted = isinstance(error, KeyboardInterrupt)
        if _is_first():
            print(f'error: {"interrupted" if interrupted else one_line(error)}', file=sys.stderr, flush=True)
        status = 130 if interrupted else 1
    sys.exit(status)
