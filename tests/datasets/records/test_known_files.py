"""Hints for missing annotation files."""

import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.known_files import where_from


@pytest.mark.parametrize(
    ('path', 'message'),
    [
        ('data/nwucla/nwucla.pkl', 'pyskl data nwucla'),
        ('data/nturgbd/ntu60_3danno.pkl', 'pyskl data ntu'),
        ('data/nturgbd/ntu120_hrnet.skl', 'pyskl/data/nturgbd/ntu120_hrnet.pkl'),
        ('data/gym/gym_hrnet.pkl', 'pyskl/data/gym/gym_hrnet.pkl'),
        ('data/k400/k400_hrnet.pkl', 'pyskl data k400'),
        ('data/kinetics/kinetics_skeleton.pkl', 'pyskl data kinetics-skeleton'),
        ('data/synthetic/coco.pkl', 'pyskl data synthetic'),
    ],
)
def test_a_missing_file_of_a_shipped_config_has_a_hint(path, message, tmp_path):
    assert message in where_from(path)
    with pytest.raises(FileNotFoundError, match=message):
        PoseDataset(tmp_path / path)


def test_other_files_have_no_hint():
    assert where_from('data/mine/mine.pkl') == where_from('data/mine/coco.pkl') == ''
