"""Errors that name the config key that caused them."""

import contextlib
from collections.abc import Iterator

# Third-party packages that do not validate arguments: a TypeError raised inside them is treated as a config error.
_OTHERS = ('torch', 'mmengine', 'numpy')


@contextlib.contextmanager
def error_context(key: str) -> Iterator[None]:
    """Prefix errors raised in this block with the config key (or option) that caused them.

    Unexpected errors of a component (e.g. a KeyError of a lookup table) are converted to a ValueError.
    A TypeError, AttributeError or AssertionError of code outside torch, mmengine and NumPy is a bug and keeps its
    traceback: :func:`pyskl.registry.build_component` raises a ValueError earlier if the config is the cause.
    """
    try:
        yield
    except OSError as error:
        raise type(error)(f'{key}: {error}') from error
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(key) else f'{key}: {text}') from error
    except (TypeError, AttributeError, AssertionError, KeyError, IndexError, ArithmeticError, RuntimeError) as error:
        if isinstance(error, TypeError | AttributeError | AssertionError) and not _raised_elsewhere(error):
            raise
        raise ValueError(
            f'{key} has an invalid value: {type(error).__name__}: {error} (PYSKL_DEBUG=1 prints the traceback)'
        ) from error


def _raised_elsewhere(error: Exception) -> bool:
    """Whether a module of ``_OTHERS`` raised the error."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last.tb_frame.f_globals.get('__name__', '').split('.')[0] in _OTHERS
