"""JSON numbers that do not fit into int64."""

import math

import numpy as np
import pytest

from pyskl.converters.array_files import read_array
from pyskl.converters.json_input import loads
from pyskl.converters.keypoint_json import load_json


def test_numbers_beyond_int64_are_floats_and_beyond_float_infinite():
    assert loads('[1, -2, 999999999999999999]') == [1, -2, 999999999999999999]
    found = loads(f'[{"9" * 30}, {"9" * 400}, -{"9" * 5000}, 1e999]')
    assert found == [1e30, math.inf, -math.inf, math.inf]
    assert np.array(loads(f'[1, {"9" * 400}]')).dtype == float


def test_the_json_readers_accept_them(tmp_path):
    path = tmp_path / 'x.json'
    path.write_text(f'[{"9" * 400}, 1]')
    assert load_json(path) == [math.inf, 1]
    assert read_array(path, None).tolist() == [math.inf, 1]
    path.write_text('[' * 100_000)
    with pytest.raises(ValueError, match='JSON'):
        load_json(path)
