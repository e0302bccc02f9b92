import pytest
from mmengine.config import Config

from pyskl.engine.config.load import check_keys, complete_config


def config(**keys):
    """A config with two pipelines and a network that has one norm per person (CTR-GCN)."""
    return Config(
        {
            'model': {'type': 'RecognizerGCN', 'backbone': {'type': 'CTRGCN'}, 'cls_head': {'type': 'GCNHead'}},
            'train_pipeline': [{'type': 'PreNormalize2D'}, {'type': 'UniformSample'}, {'type': 'FormatGCNInput'}],
            'val_pipeline': [
                {'type': 'UniformSampleDecode', 'clip_len': 7},
                {'type': 'FormatGCNInput', 'num_person': 3},
            ],
            **keys,
        }
    )


def completed(cfg):
    complete_config(cfg)
    return cfg


def test_the_three_keys_are_defaults_of_the_components():
    cfg = completed(config(num_classes=5, clip_len=20, num_person=1))
    assert cfg.model.cls_head.num_classes == 5
    assert cfg.model.backbone.num_person == 1
    assert cfg.train_pipeline == [
        {'type': 'PreNormalize2D'},
        {'type': 'UniformSample', 'clip_len': 20},
        {'type': 'FormatGCNInput', 'num_person': 1},
    ]


def test_a_value_set_by_a_component_takes_precedence():
    cfg = config(num_classes=5, clip_len=20, num_person=1)
    cfg.model.cls_head.num_classes, cfg.model.backbone.num_person = 9, 4
    completed(cfg)
    assert (cfg.model.cls_head.num_classes, cfg.model.backbone.num_person) == (9, 4)
    assert cfg.val_pipeline == [
        {'type': 'UniformSampleDecode', 'clip_len': 7},
        {'type': 'FormatGCNInput', 'num_person': 3},
    ]


def test_completing_twice_changes_nothing():
    cfg = completed(config(num_classes=5, clip_len=20, num_person=1))
    once = cfg.to_dict()
    assert completed(cfg).to_dict() == once


def test_without_the_keys_no_argument_is_set():
    cfg = completed(config())
    assert 'num_classes' not in cfg.model.cls_head
    assert cfg.train_pipeline[1:] == [{'type': 'UniformSample'}, {'type': 'FormatGCNInput'}]


@pytest.mark.parametrize(
    'backbone, written',
    [
        ({'type': 'STGCN'}, False),  # its norm is shared by the persons
        ({'type': 'STGCN', 'data_bn_type': 'MVC'}, True),
        ({'type': 'AAGCN'}, True),
        ({'type': 'Ske2Grid'}, False),  # takes no num_person
        ({'type': 'NoSuchNetwork'}, False),
    ],
)
def test_the_network_gets_num_person_if_its_weights_depend_on_it(backbone, written):
    cfg = config(num_person=1)
    cfg.model.backbone = backbone
    assert ('num_person' in completed(cfg).model.backbone) == written


def test_num_person_equal_to_the_networks_default_is_not_written():
    assert 'num_person' not in completed(config(num_person=2)).model.backbone


@pytest.mark.parametrize('transform', ['UniformSampleFrames', 'UniformSampleDecode', 'CropResize', 'SampleSorted'])
def test_every_sampling_transform_takes_clip_len(transform):
    cfg = config(clip_len=20, test_pipeline=[{'type': transform}])
    assert completed(cfg).test_pipeline == [{'type': transform, 'clip_len': 20}]


@pytest.mark.parametrize('key', ['num_classes', 'clip_len', 'num_person'])
@pytest.mark.parametrize('value', [0, -1, 2.5, 'many', True])
def test_a_value_that_is_not_a_positive_integer_raises(key, value):
    with pytest.raises(ValueError, match=rf'^{key} must be an integer .* got '):
        complete_config(config(**{key: value}))


@pytest.mark.parametrize('typo, key', [('num_clases', 'num_classes'), ('clip_lenn', 'clip_len')])
def test_misspelled_keys_raise(typo, key):
    with pytest.raises(ValueError, match=f"did you mean '{key}'"):
        check_keys({typo: 5}, 'config')


def test_a_backbone_gets_the_sizes_that_its_defaults_do_not_match():
    sgn = completed(config(layout='nw-ucla', clip_len=32, model={'backbone': {'type': 'SGN'}})).model.backbone
    assert (sgn.num_joints, sgn.T) == (20, 32)
    sgn = completed(config(layout='nturgb+d', clip_len=30, model={'backbone': {'type': 'SGN'}})).model.backbone
    assert sgn == {'type': 'SGN'}  # 25 joints and 30 frames are its defaults
    grid = {'type': 'Ske2Grid', 'progressive_joint_seq': [17, 25]}
    assert completed(config(layout='coco', model={'backbone': grid})).model.backbone == grid
    del grid['progressive_joint_seq']
    assert completed(config(layout='coco', model={'backbone': grid})).model.backbone.progressive_joint_seq == [17]


def test_the_frames_of_a_filled_clip_are_its_length():
    cfg = completed(config(clip_len=20, test_pipeline=[{'type': 'PadTo'}, {'type': 'PadTo', 'length': 300}]))
    assert [step.length for step in cfg.test_pipeline] == [20, 300]
