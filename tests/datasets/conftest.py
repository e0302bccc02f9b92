"""Records of tests stay out of the user's cache."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """The folder of shared records."""
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture
def make_record():
    """A valid 2D record; arguments replace its fields, None removes one."""

    def make(name='clip', frames=4, persons=1, joints=17, dims=2, **fields):
        random = np.random.RandomState(frames)
        record = {
            'frame_dir': name,
            'label': 0,
            'total_frames': frames,
            'img_shape': (1080, 1920),
            'keypoint': (random.rand(persons, frames, joints, dims) * (1000 if dims == 2 else 1)).astype(np.float16),
            **fields,
        }
        if dims == 2 and 'keypoint_score' not in fields:
            record['keypoint_score'] = random.rand(persons, frames, joints).astype(np.float16)
        return {key: value for key, value in record.items() if value is not None}

    return make
