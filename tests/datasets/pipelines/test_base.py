"""Composing transforms, sample names and coordinate channels."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import BaseTransform, Compose, coordinate_channels, sample_name


class Add(BaseTransform):
    def __init__(self, value):
        self.value = value

    def transform(self, results):
        results['x'] = results['x'] * 2 + self.value
        return results


def test_transforms_run_in_order():
    assert Compose([Add(1), Add(3), lambda results: {**results, 'y': 0}])({'x': 1}) == {'x': 9, 'y': 0}
    assert Compose([])({'x': 1}) == {'x': 1}


def test_a_config_builds_its_transforms_and_shows_them():
    composed = Compose([{'type': 'PadTo', 'length': 8}])
    assert repr(composed) == "Compose([\n    PadTo(length=8, mode='loop'),\n])"


@pytest.mark.parametrize(
    'pipeline, words',
    [
        ([{'type': 'UniformSampel', 'clip_len': 1}], "'UniformSampel' is not a known .*did you mean 'UniformSample'"),
        ([{'type': 'PadTo', 'lenght': 1}], "PadTo has no argument 'lenght'; did you mean 'length'"),
        ({'type': 'PadTo'}, 'pipeline must be a list of transforms, got dict'),
        ([3], "a transform is given by a dict with the key 'type', got 3"),
    ],
)
def test_wrong_pipelines_are_refused(pipeline, words):
    with pytest.raises(ValueError, match=words):
        Compose(pipeline)


def test_a_transform_without_a_transform_method_raises():
    with pytest.raises(NotImplementedError, match='BaseTransform has no transform'):
        BaseTransform()({})


def test_number_of_coordinate_channels():
    xy, xyz = np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 1, 3))
    assert coordinate_channels({'keypoint': xy, 'keypoint_score': xy[..., 0]}) == 2
    assert coordinate_channels({'keypoint': xyz}) == 3
    assert coordinate_channels({'keypoint': xyz, 'coord_dims': 2}) == 2


def test_messages_name_the_sample():
    assert sample_name({'frame_dir': 'S001'}) == "'S001'"
    assert sample_name({'filename': 'a.mp4'}) == "'a.mp4'"
    assert sample_name({}) == "'unnamed'"
