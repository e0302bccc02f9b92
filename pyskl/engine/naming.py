"""An error on the way from a config key says which key."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def named(key: str) -> Iterator[None]:
    """Within it, an error is told as one of the config key (or option) ``key``.

    What a component raises over a value that it did not foresee (a word where it adds numbers, say) becomes a
    ValueError too.
    """
    try:
        yield
    except OSError as error:
        raise type(error)(f'{key}: {error}') from error
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(key) else f'{key}: {text}') from error
    except (TypeError, KeyError, AttributeError, AssertionError, IndexError, ArithmeticError, RuntimeError) as error:
        raise ValueError(
            f'{key} holds a value that does not work: {type(error).__name__}: {error} (PYSKL_DEBUG=1 shows where)'
        ) from error
