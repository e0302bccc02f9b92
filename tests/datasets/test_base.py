"""The dataset contract: its defaults, and PYSKL's import paths."""

import numpy as np
import pytest

from pyskl.datasets.base import BaseDataset
from pyskl.datasets.pipelines.base import Compose as OurCompose
from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.samplers import epoch_indices
from pyskl.datasets.wrappers import RepeatDataset


class Numbers(BaseDataset):
    """Three samples; the second has no label."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {'keypoint': np.full((1, 1, 2, 17, 3), index), 'label': (4, -1, np.array([2]))[index]}


def test_two_methods_make_a_dataset():
    numbers = Numbers()
    assert numbers.labels.tolist() == [4, -1, 2]
    assert numbers.names == ['0', '1', '2']
    assert (numbers.times, numbers.class_prob, numbers.extremes()) == (1, None, [0])
    assert numbers.check(num_joints=17, num_classes=1) == []
    assert RepeatDataset(numbers, 2).labels.tolist() == [4, -1, 2] * 2
    assert sorted(epoch_indices(numbers, 0, 0).tolist()) == [0, 1, 2]
    with pytest.raises(NotImplementedError, match='BaseDataset has no __len__'):
        len(BaseDataset())


def test_pyskls_import_paths(tmp_path, make_record):
    from pyskl.datasets import PoseDataset as Exported
    from pyskl.datasets import build_dataset
    from pyskl.datasets.pipelines import Compose, UniformSampleFrames
    from pyskl.models import build_model

    assert (Exported, Compose) == (PoseDataset, OurCompose)
    assert UniformSampleFrames(clip_len=3).clip_len == 3 and callable(build_model)
    write_annotations(tmp_path / 'x.pkl', [make_record()])
    built = build_dataset({'type': 'PoseDataset', 'ann_file': str(tmp_path / 'x.pkl')}, {'test_mode': True})
    assert isinstance(built, PoseDataset) and built.test_mode
    with pytest.raises(ImportError):
        from pyskl.datasets.pipelines import Compos  # noqa: F401
