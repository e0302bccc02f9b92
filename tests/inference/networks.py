"""A stub network with predictable scores."""

import numpy as np

from pyskl.inference.network import Calibration
from pyskl.skeletons import get_skeleton


class Stand:
    """Class 0 if the first joint of the first person is on the left half of the image, class 1 if on the right.

    The probability of the right is the share of frames in which it is there.
    """

    def __init__(self, classes=('left', 'right'), fps=30.0, window=1.0, num_person=1, calibration=None, layout='coco'):
        self.skeleton = get_skeleton(layout)
        self.classes, self.fps, self.window, self.num_person = list(classes), fps, window, num_person
        self.calibration = calibration or Calibration()
        self.name = 'stand-in'
        self.batches = []  # (M, T) of each window, one list per batch

    def scores(self, windows):
        self.batches.append([window['keypoint'].shape[:2] for window in windows])
        rows = []
        for window in windows:
            seen = window['keypoint_score'][0, :, 0] > 0
            right = (window['keypoint'][0, seen, 0, 0] > 500).mean() if seen.any() else 0.5
            rows.append((1 - right, right))
        rows = np.array(rows)
        return rows, rows.max(1)


def person(x, y=300.0, joints=17):
    """``(1, V, 2)`` and ``(1, V)``: a column of joints at ``x``, 160 pixels high."""
    keypoint = np.zeros((1, joints, 2), np.float32)
    keypoint[0, :, 0], keypoint[0, :, 1] = x, y + np.linspace(0, 160, joints)
    return keypoint, np.ones((1, joints), np.float32)


def both(*people):
    """Several persons in a frame."""
    keypoint, score = zip(*people, strict=True)
    return np.concatenate(keypoint), np.concatenate(score)
