import pytest

from pyskl.errors import one_line

FROM_WORKER = """Caught ValueError in DataLoader worker process 3.
Original Traceback (most recent call last):
  File "x.py", line 1, in y
ValueError: clip a: NaN
"""


@pytest.mark.parametrize(
    ('message', 'line'),
    [
        ('split is not there', 'split is not there'),
        ('two\n  lines\n\nand a third ', 'two lines and a third'),
        ('', 'ValueError'),
        (FROM_WORKER, 'clip a: NaN'),
        ('Caught ValueError in DataLoader worker process 0.\nmodule.OwnError: why', 'why'),
    ],
)
def test_one_line_joins_lines_and_unwraps_worker_errors(message, line):
    assert one_line(ValueError(message)) == line
