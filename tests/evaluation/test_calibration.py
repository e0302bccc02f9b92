"""Calibration, checked by hand or on scores whose probabilities are known."""

import math

import numpy as np
import pytest

from pyskl.evaluation.calibration import (
    as_logits,
    auroc,
    brier_score,
    calibration_summary,
    confidence,
    energy,
    expected_calibration_error,
    fit_temperature,
    reliability,
    scale,
)
from pyskl.evaluation.functional import cross_entropy, softmax

HALF = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])


def sample_logits(n=20000, k=5, seed=0):
    """Logits and labels sampled from their softmax: perfectly calibrated."""
    random = np.random.RandomState(seed)
    logits = 2 * random.randn(n, k)
    labels = (softmax(logits).cumsum(1) < random.rand(n, 1)).sum(1)
    return logits, labels


def test_reliability_by_hand():
    diagram = reliability(HALF, [0, 1, 0, 0], bins=10)
    assert diagram[8].tolist() == [2, pytest.approx(0.9), 0.5]
    assert diagram[5].tolist() == [2, pytest.approx(0.6), 1.0]
    assert diagram[:, 0].sum() == 4
    assert np.isnan(diagram[0, 1:]).all()
    assert expected_calibration_error(HALF, [0, 1, 0, 0], bins=10) == pytest.approx((0.4 + 0.4) / 2)


def test_certain_correct_predictions_have_zero_error():
    assert expected_calibration_error(np.eye(3), [0, 1, 2]) == 0
    assert brier_score(np.eye(3), [0, 1, 2]) == 0
    assert brier_score(np.eye(2)[[0]], [1]) == 2


def test_the_fitted_temperature_is_the_factor_by_which_logits_were_sharpened():
    logits, labels = sample_logits()
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.03)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, abs=0.1)
    assert fit_temperature(softmax(3 * logits), labels) == pytest.approx(3, abs=0.1)
    assert expected_calibration_error(softmax(logits), labels) < 0.02
    assert calibration_summary(3 * logits, labels)['ece'] > 0.1
    assert calibration_summary(3 * logits, labels, temperature=3)['ece'] < 0.02


@pytest.mark.parametrize('temperature', [0.011, 0.5, 1, 80, 99])
def test_the_temperature_of_logits_correct_three_times_in_four_is_exact(temperature):
    """Softmax of (t ln 3, 0) / t is (3/4, 1/4)."""
    logits = np.tile([temperature * math.log(3), 0.0], (4, 1))
    assert fit_temperature(logits, [0, 0, 0, 1]) == pytest.approx(temperature)


def test_the_fitted_temperature_minimises_the_cross_entropy():
    logits, labels = sample_logits(500)
    best = fit_temperature(2 * logits, labels)
    loss = [cross_entropy(scale(2 * logits, t), labels) for t in (best, best * 1.05, best / 1.05)]
    assert loss[0] < min(loss[1:])


def test_the_temperature_of_a_perfect_classifier_is_the_lower_limit():
    assert fit_temperature(np.eye(3), [0, 1, 2]) == 0.01
    assert fit_temperature(np.log(np.eye(3) + 0.1), [1, 2, 0]) == 100


def test_energy_is_minus_log_sum_exp():
    assert energy(np.zeros((1, 4))) == pytest.approx(-math.log(4))
    assert energy(np.array([[1000.0, 0]])) == pytest.approx(-1000)
    assert energy(np.zeros((1, 4)), temperature=2) == pytest.approx(-2 * math.log(4))
    with pytest.raises(ValueError, match='energy needs logits, got probabilities; test with --average-clips score'):
        energy(HALF)


def test_auroc_is_the_share_of_ordered_pairs():
    assert auroc([3, 1, 2, 0], [True, False, True, False]) == 1
    assert auroc([0, 1, 2, 3], [True, False, True, False]) == 0.25
    assert auroc([1, 1], [True, False]) == 0.5
    with pytest.raises(ValueError, match='positive and negative clips, got 2 and 0'):
        auroc([1, 2], [True, True])
    with pytest.raises(ValueError, match='1 of 2 values are NaN'):
        auroc([1, float('nan')], [True, False])
    with pytest.raises(ValueError, match=r'must both be \(N,\), got \(1,\) and \(2,\)'):
        auroc([1], [True, False])


def test_probabilities_and_their_logits_give_the_same_values():
    logits = np.array([[1.0, 2, 3]])
    assert softmax(as_logits(softmax(logits))) == pytest.approx(softmax(logits))
    assert confidence(logits) == pytest.approx(confidence(softmax(logits)))
    assert scale(logits, 1) == pytest.approx(softmax(logits))
    assert scale(logits, 100).max() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize('wrong', [0, -1, float('nan'), float('inf')])
def test_a_temperature_that_is_not_positive_raises(wrong):
    with pytest.raises(ValueError, match='temperature must be a positive number'):
        scale(HALF, wrong)


def test_reliability_of_logits_raises():
    with pytest.raises(ValueError, match='apply softmax to logits'):
        reliability(np.array([[3.0, 1.0]]), [0])
    assert reliability(np.array([[0.9, 0.1]]), [0], bins=1).tolist() == [[1, 0.9, 1]]
    with pytest.raises(ValueError, match='bins must be a positive integer, got 0'):
        reliability(HALF, [0, 0, 0, 0], bins=0)
