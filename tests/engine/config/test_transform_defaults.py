import pytest
from mmengine.config import Config

from pyskl.engine.config.load import complete_config, load_config


def config(**defaults):
    """A config with two pipelines with rotation, one of which also scales."""
    return Config(
        {
            'transform_defaults': defaults,
            'train_pipeline': [{'type': 'RandomScale'}, {'type': 'RandomRot'}, {'type': 'FormatGCNInput'}],
            'val_pipeline': [{'type': 'RandomRot', 'theta': 0.3}, {'type': 'FormatGCNInput'}],
        }
    )


def test_an_argument_reaches_every_transform_of_its_type():
    cfg = config(FormatGCNInput={'mode': 'loop'}, RandomScale={'scale': 0.1})
    complete_config(cfg)
    assert cfg.train_pipeline == [
        {'type': 'RandomScale', 'scale': 0.1},
        {'type': 'RandomRot'},
        {'type': 'FormatGCNInput', 'mode': 'loop'},
    ]
    assert cfg.val_pipeline[1] == {'type': 'FormatGCNInput', 'mode': 'loop'}


def test_the_key_is_removed_and_completing_twice_changes_nothing():
    cfg = config(RandomRot={'theta': 0.3})
    complete_config(cfg)
    once = cfg.to_dict()
    assert 'transform_defaults' not in once
    complete_config(cfg)
    assert cfg.to_dict() == once


def test_pipelines_of_data_sets_get_the_defaults_too():
    cfg = config(RandomRot={'theta': 0.3})
    cfg.data = {'test': {'type': 'PoseDataset', 'ann_file': 'x.pkl', 'pipeline': [{'type': 'RandomRot'}]}}
    complete_config(cfg)
    assert cfg.data.test.pipeline == [{'type': 'RandomRot', 'theta': 0.3}]


def test_another_value_in_a_pipeline_raises_because_one_would_be_ignored():
    with pytest.raises(ValueError) as error:
        complete_config(config(RandomRot={'theta': 0.2}))
    assert str(error.value) == (
        'transform_defaults.RandomRot.theta is 0.2, but RandomRot in val_pipeline sets 0.3; remove one of them'
    )


def test_a_type_that_no_pipeline_has_raises():
    with pytest.raises(ValueError) as error:
        complete_config(config(RandomRott={'theta': 0.2}))
    assert str(error.value) == (
        'transform_defaults.RandomRott: no pipeline has this transform; found FormatGCNInput, RandomRot, RandomScale'
    )


def test_values_of_other_kinds_raise():
    with pytest.raises(ValueError, match='transform_defaults must be a dict of types and their arguments, got 3'):
        complete_config(Config({'transform_defaults': 3}))
    with pytest.raises(ValueError, match=r'transform_defaults.RandomRot must be a dict of arguments, got 0\.2'):
        complete_config(config(RandomRot=0.2))


def test_limbs_on_the_device_are_those_of_the_fragment():
    cfg = load_config('posec3d/slowonly_r50_ntu60_xsub/limb', {'heatmap_on': 'device'})
    assert (cfg.model.heatmaps.with_kp, cfg.model.heatmaps.with_limb) == (False, True)


def test_a_child_changes_one_default_of_its_base():
    path = 'dgstgcn/ntu60_xsub_3dkp/j'  # sets 0.2 where its fragment sets 0.3
    assert load_config(path).train_pipeline[1].theta == 0.2
    assert load_config(path, {'transform_defaults.RandomRot.theta': 0.1}).train_pipeline[1].theta == 0.1
