import numpy as np
import pytest

from pyskl.datasets.pipelines.sampling import UniformSampleDecode
from pyskl.datasets.pipelines.source_frames import source_frames
from pyskl.datasets.pipelines.temporal_resize import CropResize


@pytest.mark.parametrize(
    ('transform', 'source'),
    [
        ({'clip_len': 8, 'p_interval': 1.0}, range(8)),
        ({'clip_len': 4, 'p_interval': 0.5}, [2, 3, 4, 5]),  # the middle half
    ],
)
def test_source_frames_of_a_resized_clip_are_found(transform, source):
    clip = {'keypoint': np.random.RandomState(0).rand(2, 8, 3, 3)}
    assert source_frames(CropResize(**transform), clip).tolist() == list(source)


def test_source_frames_of_a_sampled_clip_are_found():
    clip = {'keypoint': np.random.RandomState(0).rand(1, 30, 3, 3)}
    for seed in range(5):
        np.random.seed(seed)
        source = source_frames(UniformSampleDecode(10), clip)
        sampled = UniformSampleDecode(10)(dict(clip))['keypoint']  # the state of the generator is unchanged
        assert (sampled == clip['keypoint'][:, source].astype(np.float32)).all()
