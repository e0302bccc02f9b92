"""JSON that others wrote, read so that every number is one that arrays can hold."""

import json

LONGEST = 18  # digits of every whole number below 2**63


def loads(content: bytes | str) -> object:
    """The content; a whole number that int64 cannot hold is a float, infinite if need be, as JSON's ``1e999`` is.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested too deep.
    """
    return json.loads(content, parse_int=_whole)


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits.lstrip('-')) <= LONGEST else float(digits)
