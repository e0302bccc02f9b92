import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from pyskl.apis import inference_recognizer, init_recognizer, load_config
from tests.engine.test_train import CONFIG, made_clips


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    made_clips(tmp_path / 'clips.pkl')
    path = tmp_path / 'tiny.py'
    path.write_text(CONFIG.replace('{ann!r}', repr(str(tmp_path / 'clips.pkl'))))
    return str(path)


def clip(frames=20):
    random = np.random.RandomState(3)
    return {
        'keypoint': random.rand(1, frames, 17, 2).astype(np.float32) * 1000,
        'keypoint_score': np.ones((1, frames, 17), np.float32),
        'img_shape': (1080, 1920),
    }


def test_the_same_clip_gives_the_same_scores_each_time(config):
    model = init_recognizer(config)
    first = inference_recognizer(model, clip())
    np.random.seed(7)
    assert inference_recognizer(model, clip()) == first
    assert [score for _, score in first] == sorted((score for _, score in first), reverse=True)
    assert sum(score for _, score in first) == pytest.approx(1, abs=1e-5)


def test_a_clip_is_left_as_it_was(config):
    given = clip()
    inference_recognizer(init_recognizer(config), given)
    assert np.array_equal(given['keypoint'], clip()['keypoint'])
    assert set(given) == set(clip())


def test_a_clip_of_3d_joints_is_refused_by_a_2d_pipeline(config):
    model = init_recognizer(config)
    wrong = {'keypoint': np.random.RandomState(0).randn(1, 9, 17, 3).astype(np.float32)}
    with pytest.raises(ValueError, match='PreNormalize3D'):
        inference_recognizer(model, wrong)


def test_a_config_may_be_a_path_an_object_or_a_dict_and_stays_as_it_was(config):
    score = dict(inference_recognizer(init_recognizer(Path(config)), clip()))
    raw = Config.fromfile(config)
    before = copy.deepcopy(raw._cfg_dict)
    for given in (raw, raw._cfg_dict, raw._cfg_dict.to_dict()):
        torch.manual_seed(0)
        model = init_recognizer(given)
        assert model.cfg.model.type == 'RecognizerGCN'
        assert set(dict(inference_recognizer(model, clip()))) == set(score)
    assert raw._cfg_dict == before
    with pytest.raises(ValueError, match='config must be a path, a Config or a dict, got int'):
        init_recognizer(3)


def test_a_config_without_data_uses_its_test_pipeline(config):
    cfg = load_config(config)
    cfg.pop('data')
    cfg.pop('val_pipeline', None), cfg.pop('test_pipeline', None)
    with pytest.raises(ValueError, match='neither data.test.pipeline nor test_pipeline'):
        inference_recognizer(init_recognizer(cfg), clip())
    cfg.test_pipeline = load_config(config).data.test.pipeline
    assert len(inference_recognizer(init_recognizer(cfg), clip(), top=2)) == 2
