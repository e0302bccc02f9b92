"""MMAction2's names for metrics."""

import numpy as np
import pytest

from pyskl.evaluation.mmaction_metrics import AccMetric, ConfusionMatrix, acc_keys

# Labels 0, 0, 1, 2; the best class is 0, 1, 1, 0: two of four right, classes 1/2, 1, 0.
SCORES = np.array([[5, 1, 0], [1, 3, 2], [0, 4, 1], [3, 1, 2.0]])
RESULTS = [{'score': score, 'label': label} for score, label in zip(SCORES, (0, 0, 1, 2), strict=True)]


def values(metric):
    metric.process({}, [dict(result) for result in RESULTS])
    return metric.evaluate(len(RESULTS))


def test_accuracies_have_the_keys_of_mmaction2():
    found = values(AccMetric(metric_options={'top_k_accuracy': {'topk': (1, 2)}}))
    assert found == {'acc/top1': 0.5, 'acc/top2': 0.75, 'acc/mean1': 0.5}


def test_a_prefix_and_a_single_name():
    assert values(AccMetric('mean_class_accuracy', prefix='val')) == {'val/mean1': 0.5}


def test_the_matrix_has_a_row_per_label():
    assert values(ConfusionMatrix()) == {'confusion_matrix/result': [[1, 1, 0], [0, 1, 0], [1, 0, 0]]}


def test_the_keys_are_known_before_a_run():
    assert acc_keys({}, 60) == ['acc/top1', 'acc/top5', 'acc/mean1']
    assert acc_keys({}, 4) == ['acc/top1', 'acc/mean1']  # the fifth of four classes is always right
    assert acc_keys({'metric_list': 'mean_average_precision', 'prefix': 'x'}, 4) == ['x/mean_average_precision']


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="AccMetric.metric_list has 'top_k_acuracy'; did you mean 'top_k_accuracy'"):
        AccMetric(['top_k_acuracy'])
