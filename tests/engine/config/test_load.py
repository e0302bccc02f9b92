import inspect

import pytest
from mmengine.config import Config

from pyskl.engine.config.keys import SKELETON_ARGUMENTS
from pyskl.engine.config.load import check_classes, default_work_dir, load_config, parse_options
from pyskl.registry import TRANSFORMS

CONFIG = """
model = dict(type='RecognizerGCN')
train_pipeline = [dict(type='GenSkeFeat', dataset='coco'), dict(type='Collect', keys=['keypoint'])]
val_pipeline = [dict(type='GenSkeFeat', dataset='coco', feats=['j'])]
data = dict(
    train=dict(type='RepeatDataset', times=5, dataset=dict(type='PoseDataset', ann_file='a.pkl')),
    val=dict(type='PoseDataset', ann_file='a.pkl'),
    test=dict(type='PoseDataset', ann_file='a.pkl', pipeline=[dict(type='PoseDecode')]),
)
modality = 'bm'
"""


@pytest.fixture
def write(tmp_path):
    def function(text, name='configs/Net/exp/j.py'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return function


def test_a_data_set_without_a_pipeline_uses_that_of_its_phase(write):
    cfg = load_config(write(CONFIG))
    assert [t['type'] for t in cfg.data.train.dataset.pipeline] == ['GenSkeFeat', 'Collect']
    assert [t['type'] for t in cfg.data.val.pipeline] == ['GenSkeFeat']
    assert [t['type'] for t in cfg.data.test.pipeline] == ['PoseDecode']


def test_modality_sets_feats_only_if_missing(write):
    cfg = load_config(write(CONFIG))
    assert cfg.data.train.dataset.pipeline[0].feats == ['bm']
    assert cfg.data.val.pipeline[0].feats == ['j']


def test_modality_may_be_a_list_and_may_be_given_by_an_option(write):
    cfg = load_config(write(CONFIG), parse_options(['modality=[j,b]']))
    assert cfg.data.train.dataset.pipeline[0].feats == ['j', 'b']


def test_an_unknown_modality_raises(write):
    with pytest.raises(ValueError, match="modality must be one of .* got 'x'"):
        load_config(write(CONFIG), {'modality': 'x'})


ANY_SKELETON = """
layout = 'dog.yaml'
model = dict(backbone=dict(type='Ske2Grid', graph_cfg=dict(mode='spatial')))
train_pipeline = [dict(type='PreNormalize3D'), dict(type='GenSkeFeat'), dict(type='Flip'), dict(type='PoseDecode')]
val_pipeline = [dict(type='GenSkeFeat', dataset='coco')]
data = dict(train=dict(type='PoseDataset', ann_file='a.pkl'), val=dict(type='PoseDataset', ann_file='a.pkl'))
"""


def test_layout_sets_the_skeleton_only_if_missing(write):
    cfg = load_config(write(ANY_SKELETON))
    assert cfg.model.backbone.graph_cfg == {'mode': 'spatial', 'layout': 'dog.yaml'}
    assert [dict(t) for t in cfg.data.train.pipeline] == [
        {'type': 'PreNormalize3D', 'dataset': 'dog.yaml'}, {'type': 'GenSkeFeat', 'dataset': 'dog.yaml'},
        {'type': 'Flip', 'layout': 'dog.yaml'}, {'type': 'PoseDecode'},
    ]  # fmt: skip
    assert cfg.data.val.pipeline[0].dataset == 'coco'


def test_transforms_with_the_ntu_skeleton_by_default_are_not_changed_for_layout_ntu(write):
    cfg = load_config(write(ANY_SKELETON.replace('dog.yaml', 'nturgb+d')))
    assert [dict(t) for t in cfg.data.train.pipeline[:2]] == [
        {'type': 'PreNormalize3D'}, {'type': 'GenSkeFeat', 'dataset': 'nturgb+d'},
    ]  # fmt: skip


def test_every_transform_with_a_skeleton_argument_is_listed():
    TRANSFORMS.import_from_location()
    takes = {
        (name, key)
        for name, cls in TRANSFORMS.module_dict.items()
        for key in ('dataset', 'layout')
        if key in inspect.signature(cls).parameters
    }
    assert set(SKELETON_ARGUMENTS.items()) == takes


@pytest.mark.parametrize('path', ['configs/Ske2Grid/d5/J.py', 'somewhere/configs/Ske2Grid/d5/J.py'])
def test_default_work_dir_is_the_path_below_configs_in_lower_case(path):
    assert default_work_dir(path) == 'work_dirs/ske2grid/d5/j'


def test_default_work_dir_outside_configs_is_the_path_below_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert default_work_dir('mine/Exp.py') == default_work_dir('./mine/Exp.py') == 'work_dirs/mine/exp'
    assert default_work_dir(tmp_path / 'mine/Exp.py') == 'work_dirs/mine/exp'
    assert default_work_dir('/other/mine/Exp.py') == 'work_dirs/other/mine/exp'


def test_a_work_dir_in_the_config_takes_precedence(write):
    assert load_config(write(CONFIG + "work_dir = 'here'")).work_dir == 'here'


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('total_epoch = 3', "unknown key 'total_epoch'; did you mean 'total_epochs'"),
        ('optimiser = dict()', "unknown key 'optimiser'; did you mean 'optimizer'"),
        ("data['video_per_gpu'] = 3", "unknown key 'data.video_per_gpu'; did you mean 'data.videos_per_gpu'"),
    ],
)
def test_a_misspelled_key_raises_and_names_the_known_key(write, line, message):
    with pytest.raises(ValueError, match=message):
        load_config(write(CONFIG + line))


def test_an_option_without_effect_raises(tmp_path):
    name = 'stgcn_vanilla_ntu60_xsub_hrnet/j'
    load_config(name).dump(tmp_path / 'j.py')  # all arguments are written out, as in a work_dir
    for key, value in {'modality': 'b', 'clip_len': 64, 'num_person': 1, 'num_classes': 7}.items():
        with pytest.raises(ValueError, match=f'^--cfg-options {key}={value} has no effect: no component takes it'):
            load_config(tmp_path / 'j.py', {key: value})
        assert load_config(name, {key: value})[key] == value
    assert load_config(tmp_path / 'j.py', {'clip_len': 300}).clip_len == 300  # the value that it has


def test_a_variable_of_the_config_is_not_a_misspelled_key(write):
    assert load_config(write(CONFIG + 'left_kp = [1, 3]\nmy_thing = 3')).my_thing == 3


def test_a_data_set_without_any_pipeline_raises(write):
    with pytest.raises(ValueError, match='data.train has no pipeline and the config has no train_pipeline'):
        load_config(write("data = dict(train=dict(type='PoseDataset', ann_file='a.pkl'))"))


def test_a_missing_config_lists_similar_files(write):
    path = write(CONFIG)
    with pytest.raises(FileNotFoundError, match=r'the config file .*b\.py does not exist; found there: .*j\.py'):
        load_config(path.with_name('b.py'))


def test_a_syntax_error_in_a_config_names_file_and_line(write):
    path = write('model = dict(\n')
    with pytest.raises(ValueError, match=rf'cannot read the config {path}.*SyntaxError'):
        load_config(path)


def test_an_option_that_is_not_key_value_raises():
    with pytest.raises(ValueError, match="KEY=VALUE pairs, got 'total_epochs'"):
        parse_options(['total_epochs'])


def test_options_parse_numbers_and_lists_and_leave_globs_as_text():
    options = parse_options(['a.b=3', 'c=[1,2]', 'load_from=work_dirs/x/best_top1_acc_epoch_*.pth', 'd=None'])
    assert options == {'a.b': 3, 'c': [1, 2], 'load_from': 'work_dirs/x/best_top1_acc_epoch_*.pth', 'd': None}


def test_mismatched_class_names_are_dropped_with_a_warning_if_custom():
    head = {'model': {'cls_head': {'num_classes': 2}}}
    for classes, lines in (('ntu60', 0), (['a', 'b', 'c'], 1)):
        cfg = Config({**head, 'classes': classes})
        assert len(check_classes(cfg)) == lines
        assert cfg.classes is None
    cfg = Config({**head, 'classes': ['a', 'b']})
    assert check_classes(cfg) == [] and cfg.classes == ['a', 'b']
