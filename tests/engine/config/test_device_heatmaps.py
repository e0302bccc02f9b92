"""``heatmap_on`` moves arguments from the pipelines to ``model.heatmaps`` and changes nothing else."""

import pytest

from pyskl.engine.config.load import load_config

COMMON = """
model = dict(type='Recognizer3D', backbone=dict(type='C3D', in_channels=17), cls_head=dict(type='I3DHead'))
before = [dict(type='UniformSampleFrames', clip_len=6), dict(type='PoseDecode'), dict(type='PoseCompact')]
after = [dict(type='FormatShape', input_format='NCTHW_Heatmap'),
         dict(type='Collect', keys=['imgs', 'label'], meta_keys=[]), dict(type='ToTensor', keys='imgs')]
small = [dict(type='Resize', scale=(48, 56), keep_ratio=False), dict(type='Flip')]
large = [dict(type='Resize', scale=(-1, 64)), dict(type='CenterCrop', crop_size=64)]
train_pipeline = before + small + [dict(type='GeneratePoseTarget'@)] + after
val_pipeline = before + large + [dict(type='GeneratePoseTarget', use_score=True@)] + after
test_pipeline = before + large + [dict(type='GeneratePoseTarget', double=True@)] + after
sets = dict(type='PoseDataset', ann_file='x.pkl')
data = dict(
    train=dict(type='RepeatDataset', times=5, dataset=sets), val=sets, test=dict(**sets, pipeline=test_pipeline))
heatmap_on = 'device'
"""


@pytest.fixture
def load(tmp_path):
    """``load(text, old, new, ...)``: the config after text replacements."""

    def write(*changes, target=''):
        text = COMMON.replace('@', target)
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / 'x.py').write_text(text)
        return load_config(tmp_path / 'x.py')

    return write


def test_drawing_moves_from_the_pipelines_into_the_model(load):
    on_worker, on_device = load("'device'", "'worker'"), load()
    assert on_device.model.heatmaps == {
        'layout': 'coco', 'with_kp': True, 'with_limb': False, 'skeletons': None, 'sigma': 0.6,
        'train_size': [56, 48], 'test_size': [64, 64],
    }  # fmt: skip
    assert 'heatmaps' not in on_worker.model and on_worker.data.test.pipeline[5].type == 'GeneratePoseTarget'
    for pipeline in (on_device.data.train.dataset.pipeline, on_device.data.val.pipeline, on_device.data.test.pipeline):
        assert [step.type for step in pipeline[5:]] == ['FormatHeatmapInput', 'Collect', 'ToTensor']
        assert pipeline[6]['keys'] == ['keypoint', 'label'] and pipeline[7]['keys'] == ['keypoint']
    for name in ('train', 'val', 'test'):
        assert on_device[f'{name}_pipeline'][:5] == on_worker[f'{name}_pipeline'][:5]
    assert on_device.test_pipeline[5] == {'type': 'FormatHeatmapInput', 'double': True}
    assert on_device.val_pipeline[5] == {'type': 'FormatHeatmapInput', 'use_score': True}


def test_a_resolved_config_can_be_loaded_again(load, tmp_path):
    cfg = load()
    cfg.dump(tmp_path / 'resolved.py')
    again = load_config(tmp_path / 'resolved.py')
    assert again.model == cfg.model and again.data == cfg.data


def test_limbs_and_their_sides_move_into_the_model(load):
    sides = ', left_limb=[0], right_limb=[1]'
    cfg = load(
        'double=True', f'double=True{sides}', target=', with_kp=False, with_limb=True, skeletons=((0, 1), (0, 2))'
    )
    assert (cfg.model.heatmaps.with_limb, cfg.model.heatmaps.skeletons) == (True, ((0, 1), (0, 2)))
    assert (cfg.model.heatmaps.left_limb, cfg.model.heatmaps.right_limb) == ([0], [1])


def test_scaling_applies_to_the_image_and_the_joints(load):
    cfg = load(target=', scaling=0.5')
    assert (cfg.model.heatmaps.train_size, cfg.model.heatmaps.test_size) == ([28, 24], [32, 32])
    assert cfg.val_pipeline[5].scaling == 0.5


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (("heatmap_on = 'device'", "heatmap_on = 'gpu'"), r"heatmap_on must be 'worker' .* or 'device' .*, got 'gpu'"),
        (("heatmap_on = 'device'", 'heatmap_on = True'), 'heatmap_on must be .*, got True'),
        (("'Recognizer3D'", "'RecognizerGCN'"), r"needs model\.type='Recognizer3D', got 'RecognizerGCN'"),
        (("'GeneratePoseTarget'", "'Rename'"), 'needs GeneratePoseTarget in the pipelines, found none'),
        (("backbone=", "heatmaps=dict(layout='coco'), backbone="), r'but the config has model\.heatmaps already'),
        (('double=True', 'double=True, sigma=1.0'), r'train_pipeline has .* and test_pipeline has .*1\.0'),
        (('after = [', "after = [dict(type='GeneratePoseTarget'), "), 'allows one GeneratePoseTarget, got 2'),
        (('scale=(48, 56), keep_ratio=False', 'scale=(-1, 64)'), 'train_pipeline: .* needs images of one size'),
        (('large = [', "large = []\nunused = ["), 'val_pipeline: .* needs images of one size; put Resize with keep'),
    ],
)  # fmt: skip
def test_pipelines_that_cannot_be_converted_raise_one_line(load, changes, words):
    with pytest.raises(ValueError, match=words) as caught:
        load(*changes)
    assert '\n' not in str(caught.value)


def test_a_misspelled_heatmap_on_raises(tmp_path):
    (tmp_path / 'x.py').write_text("heatmaps_on = 'device'")
    with pytest.raises(ValueError, match="unknown key 'heatmaps_on'; did you mean 'heatmap_on'"):
        load_config(tmp_path / 'x.py')
