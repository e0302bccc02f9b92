"""Metrics under MMAction2's names."""

import numpy as np
import pytest

from pyskl.evaluation.mmaction_metrics import AccMetric, ConfusionMatrix, acc_keys

# Labels 0, 0, 1, 2; the best class is 0, 1, 1, 0: two of four correct, class accuracies 1/2, 1, 0.
SCORES = np.array([[5, 1, 0], [1, 3, 2], [0, 4, 1], [3, 1, 2.0]])
RESULTS = [{'score': score, 'label': label} for score, label in zip(SCORES, (0, 0, 1, 2), strict=True)]


def values(metric):
    metric.process({}, [dict(result) for result in RESULTS])
    return metric.evaluate(len(RESULTS))


def test_accuracies_have_the_keys_of_mmaction2():
    accuracies = values(AccMetric(metric_options={'top_k_accuracy': {'topk': (1, 2)}}))
    assert accuracies == {'acc/top1': 0.5, 'acc/top2': 0.75, 'acc/mean1': 0.5}


def test_prefix_and_metric_list_are_as_in_mmaction2():
    assert values(AccMetric('mean_class_accuracy', prefix='val')) == {'val/mean1': 0.5}


def test_the_confusion_matrix_has_a_row_per_label():
    assert values(ConfusionMatrix()) == {'confusion_matrix/result': [[1, 1, 0], [0, 1, 0], [1, 0, 0]]}


def test_acc_keys_lists_the_keys_before_a_run():
    assert acc_keys({}, 60) == ['acc/top1', 'acc/top5', 'acc/mean1']
    assert acc_keys({}, 4) == ['acc/top1', 'acc/mean1']  # top-5 of four classes is always 1
    assert acc_keys({'metric_list': 'mean_average_precision', 'prefix': 'x'}, 4) == ['x/mean_average_precision']


def test_an_unknown_metric_raises_with_the_nearest_name():
    with pytest.raises(ValueError, match="AccMetric.metric_list has 'top_k_acuracy'; did you mean 'top_k_accuracy'"):
        AccMetric(['top_k_acuracy'])
