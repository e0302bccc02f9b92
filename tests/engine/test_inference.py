"""Classifying clips with a simulated network; tests/test_apis.py uses complete configs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.records.annotations import write_annotations
from pyskl.engine.inference import inference_recognizer

PIPELINE = [
    {'type': 'UniformSample', 'clip_len': 4, 'num_clips': 3},
    {'type': 'PoseDecode'},
    {'type': 'FormatGCNInput', 'num_person': 1},
]


class Mean(nn.Module):
    """A model whose scores are 1, 2 and 3 times the mean coordinate; it stores the number of clips."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Identity()
        self.weight = nn.Parameter(torch.tensor([1.0, 3.0, 2.0]))
        self.cfg = Config({'model': {'backbone': {}, 'cls_head': {}}})
        self.test_pipeline = Compose(PIPELINE)
        self.seen = SimpleNamespace(clips=None)

    def forward(self, keypoint, mode):
        self.seen.clips = keypoint.shape[1]
        return (self.backbone(keypoint).mean() * self.weight)[None]


@pytest.fixture
def model():
    return Mean()


def clip(value=1.0, frames=6):
    return {'keypoint': np.full((1, frames, 5, 2), value, np.float32)}


def test_the_top_classes_are_returned_best_first(model):
    assert inference_recognizer(model, clip()) == [(1, 3.0), (2, 2.0), (0, 1.0)]
    assert inference_recognizer(model, clip(), top=1) == [(1, 3.0)]


def test_clips_does_not_change_the_pipeline(model):
    inference_recognizer(model, clip())
    assert model.seen.clips == 3
    inference_recognizer(model, clip(), clips=1)
    assert model.seen.clips == 1
    inference_recognizer(model, clip())
    assert model.seen.clips == 3


@pytest.mark.parametrize('clips', [0, 1.5])
def test_an_invalid_number_of_clips_raises(model, clips):
    with pytest.raises(ValueError, match='clips must be an integer of at least 1'):
        inference_recognizer(model, clip(), clips=clips)


def test_clips_needs_a_transform_that_samples_clips(model):
    model.test_pipeline = Compose([{'type': 'PadTo', 'length': 6}, *PIPELINE[1:]])
    with pytest.raises(ValueError, match='has no transform with num_clips'):
        inference_recognizer(model, clip(), clips=1)


def test_label_path_replaces_indices_by_names(model, tmp_path):
    (tmp_path / 'names.txt').write_text('sit\nstand\nwave\n')
    for given in ({'label_path': tmp_path / 'names.txt'}, {'outputs': str(tmp_path / 'names.txt')}):
        assert inference_recognizer(model, clip(), top=2, **given) == [('stand', 3.0), ('wave', 2.0)]
    (tmp_path / 'names.txt').write_text('sit\nstand\n')
    with pytest.raises(ValueError, match='label_path has 2 names, but the network has 3 classes'):
        inference_recognizer(model, clip(), label_path=tmp_path / 'names.txt')


def test_outputs_returns_the_outputs_of_modules(model):
    result, found = inference_recognizer(model, clip(2.0), outputs='backbone', as_tensor=False)
    assert result[0] == (1, 6.0)
    assert isinstance(found['backbone'], np.ndarray) and found['backbone'].shape == (1, 3, 1, 4, 5, 2)
    assert not model.backbone._forward_hooks
    with pytest.raises(ValueError, match="the model has no module 'bakbone'; did you mean 'backbone'"):
        inference_recognizer(model, clip(), outputs='bakbone')
    with pytest.raises(ValueError, match='outputs needs a single clip, got 2'):
        inference_recognizer(model, [clip(), clip()], outputs='backbone')


def test_several_records_give_a_list_per_record_and_are_not_modified(model):
    records = [clip(1.0), clip(2.0)]
    assert [result[0] for result in inference_recognizer(model, records)] == [(1, 3.0), (1, 6.0)]
    assert set(records[0]) == {'keypoint'}


def test_an_annotation_file_is_its_records_and_a_film_has_none(model, tmp_path):
    write_annotations(tmp_path / 'clips.pkl', [{'frame_dir': str(i), 'label': 0, **clip(i)} for i in (1.0, 2.0)])
    assert [result[0] for result in inference_recognizer(model, tmp_path / 'clips.pkl')] == [(1, 3.0), (1, 6.0)]
    write_annotations(tmp_path / 'one.pkl', [{'frame_dir': 'a', 'label': 0, **clip()}])
    assert inference_recognizer(model, str(tmp_path / 'one.pkl'))[0] == (1, 3.0)
    with pytest.raises(ValueError, match='film.MP4 is a video, not joints; use ActionRecognizer'):
        inference_recognizer(model, 'film.MP4')
