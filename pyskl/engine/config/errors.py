"""An error on the way from a config key says which key."""

import contextlib
from collections.abc import Iterator

# Packages that do not look at what they are given: a word in the place of a number fails deep inside of them.
_OTHERS = ('torch', 'mmengine', 'numpy')


@contextlib.contextmanager
def named(key: str) -> Iterator[None]:
    """Within it, an error is told as one of the config key (or option) ``key``.

    What a component raises over a value that it did not foresee (a name that its table lacks, say) becomes a ValueError
    too. What only a bug raises stays as it is, and is shown with its traceback: a TypeError, AttributeError or
    AssertionError of code that is not torch's, mmengine's or NumPy's. :func:`pyskl.registry.build_component` has told
    those that a config causes before.
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
            f'{key} holds a value that does not work: {type(error).__name__}: {error} (PYSKL_DEBUG=1 shows where)'
        ) from error


def _raised_elsewhere(error: Exception) -> bool:
    """Whether a module of ``_OTHERS`` raised it."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last.tb_frame.f_globals.get('__name__', '').split('.')[0] in _OTHERS
