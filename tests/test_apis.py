import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from pyskl.apis import inference_recognizer, init_recognizer, load_config
from pyskl.datasets.records.annotations import write_annotations
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


def test_inference_does_not_modify_the_clip(config):
    record = clip()
    inference_recognizer(init_recognizer(config), record)
    assert np.array_equal(record['keypoint'], clip()['keypoint'])
    assert set(record) == set(clip())


def test_a_clip_of_3d_joints_raises_in_a_2d_pipeline(config):
    model = init_recognizer(config)
    wrong = {'keypoint': np.random.RandomState(0).randn(1, 9, 17, 3).astype(np.float32)}
    with pytest.raises(ValueError, match='PreNormalize3D'):
        inference_recognizer(model, wrong)


def test_a_config_may_be_a_path_an_object_or_a_dict_and_is_not_modified(config):
    score = dict(inference_recognizer(init_recognizer(Path(config)), clip()))
    raw = Config.fromfile(config)
    before = copy.deepcopy(raw._cfg_dict)
    for config_form in (raw, raw._cfg_dict, raw._cfg_dict.to_dict()):
        torch.manual_seed(0)
        model = init_recognizer(config_form)
        assert model.cfg.model.type == 'RecognizerGCN'
        assert set(dict(inference_recognizer(model, clip()))) == set(score)
    assert raw._cfg_dict == before
    with pytest.raises(ValueError, match='config must be a path, a Config or a dict, got int'):
        init_recognizer(3)


def test_a_config_without_data_uses_its_test_pipeline(config):
    cfg = load_config(config)
    cfg.pop('data')
    cfg.pop('val_pipeline', None), cfg.pop('test_pipeline', None)
    with pytest.raises(ValueError, match='the config needs data.test.pipeline or test_pipeline to prepare a clip'):
        inference_recognizer(init_recognizer(cfg), clip())
    cfg.test_pipeline = load_config(config).data.test.pipeline
    assert len(inference_recognizer(init_recognizer(cfg), clip(), top=2)) == 2


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'keypoint': np.full((1, 20, 17, 2), np.nan, np.float32)}, 'NaN or infinite values in keypoint'),
        ({'keypoint': np.zeros((0, 20, 17, 2)), 'keypoint_score': None}, 'has no person'),
        ({'keypoint': np.zeros((1, 20, 17, 2)), 'keypoint_score': None}, 'shows no person'),
        ({'keypoint': [[[[1, 2]]]]}, 'has keypoint list; it must be an array of numbers'),
        ({'keypoint': None}, "has no 'keypoint'"),
        ({'keypoint': np.ones((20, 17, 2))}, r'has keypoint float64 \(20, 17, 2\); it must be'),
        ({'keypoint': np.ones((1, 20, 18, 2)) * 300, 'keypoint_score': None}, 'does not have the 17 joints'),
        ({'keypoint': clip()['keypoint'] / 2000}, 'has joints as fractions of the image size'),
        ({'keypoint_score': clip()['keypoint_score'] * 100}, 'has keypoint_score outside 0 to 1'),
        ({'total_frames': 7}, 'has total_frames=7 but'),
    ],
)
def test_a_clip_that_training_rejects_raises_the_same_error(config, change, message):
    record = {key: value for key, value in {**clip(), **change}.items() if value is not None}
    with pytest.raises(ValueError, match=f"record 'clip' .*{message}"):
        inference_recognizer(init_recognizer(config), record)


def test_clips_may_be_records_arrays_lists_or_files(config, tmp_path):
    model = init_recognizer(config)
    one = inference_recognizer(model, clip())
    assert inference_recognizer(model, [clip(), clip()]) == [one, one]
    scored = np.concatenate([clip()['keypoint'], clip()['keypoint_score'][..., None]], -1)
    assert inference_recognizer(model, scored) == one
    records = load_config(config).data.test.ann_file
    assert len(inference_recognizer(model, Path(records))) == 18
    write_annotations(tmp_path / 'one.pkl', [{'frame_dir': 'clip', 'label': 0, **clip()}])
    assert inference_recognizer(model, str(tmp_path / 'one.pkl')) == one
    for invalid, message in ((3, 'got int'), ('film.mp4', 'film.mp4 is a video'), ([], 'got list')):
        with pytest.raises(ValueError, match=message):
            inference_recognizer(model, invalid)


def test_outputs_returns_module_outputs_and_label_path_names_classes(config, tmp_path):
    model = init_recognizer(config)
    plain = inference_recognizer(model, clip())
    result, results = inference_recognizer(model, clip(), outputs=('backbone', 'cls_head'), as_tensor=False)
    assert result == plain
    assert results['cls_head'].shape == (1, 3) and isinstance(results['backbone'], np.ndarray)
    assert torch.is_tensor(inference_recognizer(model, clip(), 'backbone')[1]['backbone'])
    with pytest.raises(ValueError, match="no module 'backbon'; did you mean 'backbone'"):
        inference_recognizer(model, clip(), 'backbon')
    (tmp_path / 'names.txt').write_text('run\nsit\nwave\n')
    for named in (
        inference_recognizer(model, clip(), label_path=tmp_path / 'names.txt'),
        inference_recognizer(model, clip(), str(tmp_path / 'names.txt')),
    ):
        assert named == [(['run', 'sit', 'wave'][index], score) for index, score in plain]
    (tmp_path / 'names.txt').write_text('run\n')
    with pytest.raises(ValueError, match='label_path has 1 names, but the network has 3 classes'):
        inference_recognizer(model, clip(), label_path=tmp_path / 'names.txt')


def test_clips_sets_the_number_of_clips_per_record(config):
    model = init_recognizer(config)
    _, results = inference_recognizer(model, clip(), outputs='cls_head', clips=4)
    assert results['cls_head'].shape == (4, 3)
    assert inference_recognizer(model, clip(), clips=1) == inference_recognizer(model, clip())
    with pytest.raises(ValueError, match='clips must be an integer of at least 1, got 0'):
        inference_recognizer(model, clip(), clips=0)
