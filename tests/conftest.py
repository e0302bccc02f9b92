"""Fixtures of all tests: a separate cache, and a tiny experiment on synthetic clips."""

import os
import pickle
from pathlib import Path

# One thread in this process and in those that tests start: the networks are tiny, and threads that wait for each other
# on a busy machine take ten times as long.
os.environ.update(OMP_NUM_THREADS='1', MKL_NUM_THREADS='1')
# Tools started by tests import this checkout from any folder.
os.environ['PYTHONPATH'] = os.pathsep.join(
    [str(Path(__file__).resolve().parents[1]), *filter(None, [os.environ.get('PYTHONPATH')])]
)

import pytest  # noqa: E402

from pyskl.synthetic.dataset import make_annotation  # noqa: E402

# Two people for training (clips 0 to 3, 10 to 13) and one for validation (30 to 33), four actions.
CLIPS = (*range(4), *range(10, 14), *range(30, 34))

TINY_CONFIG = """\
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='Ske2Grid', graph_cfg=dict(layout='coco', mode='spatial'), grid_shape=[5, 5], progressive_joint_seq=[17],
        base_channels=4, num_stages=3, inflate_stages=[2], down_stages=[2]),
    cls_head=dict(type='GridHead', num_classes=4, in_channels=8))
train_pipeline = [
    dict(type='PreNormalize2D'), dict(type='RandomRot'), dict(type='GenSkeFeat', dataset='coco', feats=['j']),
    dict(type='UniformSample', clip_len=8), dict(type='PoseDecode'), dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]), dict(type='ToTensor', keys=['keypoint'])]
val_pipeline = train_pipeline[:1] + train_pipeline[2:]
data = dict(
    videos_per_gpu=4, workers_per_gpu=0,
    train=dict(type='RepeatDataset', times=1, dataset=dict(type='PoseDataset', ann_file='@', split='xsub_train')),
    val=dict(type='PoseDataset', ann_file='@', split='xsub_val'),
    test=dict(type='PoseDataset', ann_file='@', split='xsub_val'))
optimizer = dict(type='SGD', lr=0.01, momentum=0.9)
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 1
evaluation = dict(interval=1, metrics=['top_k_accuracy'])
log_config = dict(interval=1, hooks=[dict(type='TextLoggerHook')])
"""


@pytest.fixture(scope='session', autouse=True)
def _own_cache(tmp_path_factory):
    """Keep files of tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYSKL_CACHE', str(tmp_path_factory.mktemp('cache')))
        patch.delenv('PYSKL_HOME', raising=False)
        yield


class TinyExperiment:
    """``folder/tiny.py``, a config that trains a Ske2Grid of 4 channels, and its twelve COCO clips, ``clips.pkl``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clips = folder / 'clips.pkl'
        self.config = folder / 'tiny.py'
        self.work_dir = folder / 'run'
        self.annotations = [make_annotation(0, index) for index in CLIPS]
        names = [annotation['frame_dir'] for annotation in self.annotations]
        self.split = {'xsub_train': names[:8], 'xsub_val': names[8:]}
        self.write_clips()
        self.write_config()

    def write_clips(self) -> None:
        """Write ``clips.pkl`` from ``annotations`` and ``split``."""
        self.clips.write_bytes(pickle.dumps({'split': self.split, 'annotations': self.annotations}))

    def write_config(self, old: str = '', new: str = '') -> None:
        """Write ``tiny.py``, with the text ``old`` replaced."""
        assert old in TINY_CONFIG
        text = TINY_CONFIG.replace(old, new) if old else TINY_CONFIG
        self.config.write_text(text.replace("'@'", repr(str(self.clips))))


@pytest.fixture
def tiny(tmp_path):
    """A separate tiny experiment for each test."""
    return TinyExperiment(tmp_path)
