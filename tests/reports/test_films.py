import io

import numpy as np
import pytest
from PIL import Image

from pyskl.reports.films import clip_film, upright_pose
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.dataset import make_annotation

COCO = get_skeleton('coco')


@pytest.fixture
def clip():
    record = make_annotation(0, 0)
    return record['keypoint'], record['keypoint_score']


def test_a_film_has_at_most_36_frames_of_the_given_height(clip):
    keypoint, score = clip
    for frames, expected in ((5, 5), (keypoint.shape[1], 36)):
        film = Image.open(io.BytesIO(clip_film(keypoint[:, :frames], score[:, :frames], COCO, height=60)))
        assert film.format == 'GIF' and film.n_frames == expected and film.height == 60


def test_a_clip_without_persons_raises(clip):
    with pytest.raises(ValueError, match='no person is visible'):
        clip_film(np.zeros_like(clip[0]), None, COCO)


def test_upright_pose_is_a_frame_in_which_every_joint_is_visible(clip):
    keypoint, score = clip
    pose = upright_pose(keypoint, score, COCO)
    assert pose.shape == (17, 2)
    nose, ankles = (
        pose[COCO.joints.index('nose')],
        pose[[COCO.joints.index(f'{side}_ankle') for side in ('left', 'right')]],
    )
    assert (nose[1] < ankles[:, 1]).all()  # y points down
    hidden = score.copy()
    hidden[..., 0] = 0
    assert upright_pose(keypoint, hidden, COCO) is None
