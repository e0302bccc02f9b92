import numpy as np

from pyskl.inference.spool import PeopleSpool, ScoreSpool


def test_people_come_back_in_order_also_of_frames_without_any(tmp_path):
    spool = PeopleSpool(tmp_path, joints=2)
    frames = [
        (0.0, np.array([3]), np.array([[[1, 2], [3, 4]]]), np.array([[0.5, 1]])),
        (0.04, np.zeros(0), np.zeros((0, 2, 2)), np.zeros((0, 2))),
        (0.08, np.array([3, 7]), np.arange(8).reshape(2, 2, 2), np.ones((2, 2))),
    ]
    for frame in frames:
        spool.add(*frame)
    assert spool.frames == 3
    for _ in range(2):  # it can be read again
        for found, (time, *arrays) in zip(spool, frames, strict=True):
            assert found[0] == time
            assert all(np.array_equal(a, b) and a.shape == b.shape for a, b in zip(found[1:], arrays, strict=True))
    assert list(tmp_path.iterdir()) == []  # the file has no name
    spool.close()


def test_scores_of_windows_are_columns(tmp_path):
    spool = ScoreSpool(tmp_path, num_classes=3)
    assert spool.columns()['scores'].shape == (0, 3)
    spool.add(0.5, 1, [0.2, 0.3, 0.5])
    spool.add(0.75, 2, [1, 0, 0])
    found = spool.columns()
    assert found['time'].tolist() == [0.5, 0.75] and found['person'].tolist() == [1, 2]
    assert found['scores'].astype(float).round(3).tolist() == [[0.2, 0.3, 0.5], [1, 0, 0]]
    spool.close()
