import numpy as np
import pytest

from pyskl.reports.reliability import calibration_error, losses, probabilities, reliability_bins

SHARES = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
LABELS = [0, 1, 1, 1]


def test_bins_by_hand():
    low, high = reliability_bins(SHARES, LABELS, bins=10)
    assert (low.clips, low.confidence, low.accuracy) == (2, pytest.approx(0.6), 1.0)
    assert (high.clips, high.confidence, high.accuracy) == (2, pytest.approx(0.9), 0.5)


def test_the_calibration_error_is_the_gap_weighted_by_clips():
    assert calibration_error(reliability_bins(SHARES, LABELS, bins=10)) == pytest.approx((0.4 + 0.4) / 2)


def test_logits_become_probabilities_and_probabilities_are_unchanged():
    assert probabilities(SHARES) is not None and np.array_equal(probabilities(SHARES), SHARES)
    assert probabilities(np.log(SHARES) + 3) == pytest.approx(SHARES)


def test_the_loss_is_the_cross_entropy():
    assert losses(SHARES, LABELS) == pytest.approx(-np.log([0.9, 0.1, 0.6, 0.6]))
