"""Run the ``main`` of a command: print user errors as one line on stderr with exit status 1, without a traceback.

``PYSKL_DEBUG=1`` prints the traceback. With ``PYSKL_ERROR_ONCE=PATH`` several processes print an error only once: the
process that creates PATH does.
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
        return True  # printing twice is better than not at all
    return True


def _stop_before_start(number: int, frame: object) -> None:
    """Handle Ctrl-C during imports: nothing has started, so exit immediately."""
    if _is_first():
        os.write(2, b'error: interrupted\n')
    os._exit(130)


def _is_a_tool() -> bool:
    """Whether the program is ``pyskl``, a file of ``tools/`` or a module of this package; others handle Ctrl-C."""
    program = getattr(sys.modules['__main__'], '__file__', None)
    if program is None:
        return False
    folders = os.path.realpath(program).split(os.sep)
    return folders[-1] == 'pyskl' or 'tools' in folders[-3:-1] or folders[-3:-1] == ['pyskl', 'cli']


# Set at import, not in run(), since a tool imports most packages after this module.
if _is_a_tool() and not _debug() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop_before_start)


def run(main: Callable[[], int | None]) -> None:
    """Call ``main()`` and exit the program.

    Exit status: the result of ``main`` (None is 0); 0 if the output is closed by its reader; 1 after a ValueError or
    OSError; 130 after Ctrl-C, 143 after SIGTERM. Any other exception is a bug and keeps its traceback.
    """
    if signal.getsignal(signal.SIGINT) is _stop_before_start:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = main() or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output (head, less) has closed it. Redirect what Python flushes at exit.
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
