import numpy as np

from pyskl.inference.spool import PeopleSpool, ScoreSpool


def test_people_are_read_in_order_including_empty_frames(tmp_path):
    spool = PeopleSpool(tmp_path, joints=2)
    frames = [
        (0.0, np.array([3]), np.array([[[1, 2], [3, 4]]]), np.array([[0.5, 1]])),
        (0.04, np.zeros(0), np.zeros((0, 2, 2)), np.zeros((0, 2))),
        (0.08, np.array([3, 7]), np.arange(8).reshape(2, 2, 2), np.ones((2, 2))),
    ]
    for frame in frames:
        spool.add(*frame)
    assert spool.frames == 3
    for _ in range(2):  # a spool can be read twice
        for record, (time, *arrays) in zip(spool, frames, strict=True):
            assert record[0] == time
            assert all(np.array_equal(a, b) and a.shape == b.shape for a, b in zip(record[1:], arrays, strict=True))
    assert list(tmp_path.iterdir()) == []  # the file is anonymous
    spool.close()


def test_scores_are_read_as_columns(tmp_path):
    spool = ScoreSpool(tmp_path, num_classes=3)
    assert spool.columns()['scores'].shape == (0, 3)
    spool.add(0.5, 1, [0.2, 0.3, 0.5])
    spool.add(0.75, 2, [1, 0, 0])
    columns = spool.columns()
    assert columns['time'].tolist() == [0.5, 0.75] and columns['person'].tolist() == [1, 2]
    assert columns['scores'].astype(float).round(3).tolist() == [[0.2, 0.3, 0.5], [1, 0, 0]]
    spool.close()
