"""Parse external JSON so that every number fits into an array."""

import json

LONGEST = 18  # integers with at most this many digits are below 2**63


def loads(content: bytes | str) -> object:
    """Parse JSON; an integer beyond int64 becomes a float, possibly infinite, like JSON's ``1e999``.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested too deep.
    """
    return json.loads(content, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits.lstrip('-')) <= LONGEST else float(digits)
