"""Metrics by name: ours, registered functions and classes, and those of MMAction2's configs."""

import numpy as np
import pytest
from mmengine.evaluator import BaseMetric

from pyskl.evaluation.metrics import (
    ClassificationMetric,
    build_metrics,
    check_labels,
    metric_configs,
    useful_topk,
)
from pyskl.evaluation.mmaction_metrics import AccMetric, ConfusionMatrix
from pyskl.registry import METRICS

SCORES = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]])
CLIPS = [{'score': SCORES[0], 'label': 0}, {'score': SCORES[1], 'label': 1}]


def value(metric, clips=CLIPS):
    metric.process({}, clips)
    return metric.evaluate(len(clips))


def test_a_class_that_is_predicted_but_absent_counts_as_zero():
    assert value(ClassificationMetric(['mean_class_accuracy'])) == {'mean_class_accuracy': pytest.approx(1 / 3)}


def test_a_k_of_all_classes_or_more_is_left_out():
    assert value(ClassificationMetric(['top_k_accuracy'], topk=(1, 2, 3, 5))) == {'top1_acc': 0.5, 'top2_acc': 1.0}
    assert useful_topk((1, 5), 5) == (1,)
    assert useful_topk((1, 5), 6) == (1, 5)
    assert useful_topk((1, 5), None) == (1, 5)


def test_per_class_accuracy_and_confusion_matrix_have_every_class():
    result = value(ClassificationMetric(['per_class_accuracy', 'confusion_matrix']))
    assert result['per_class_accuracy'][:2] == [1.0, 0.0]
    assert np.isnan(result['per_class_accuracy'][2])
    assert result['confusion_matrix'] == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_among_equal_scores_the_matrix_and_top_1_predict_the_same_class():
    tied = [{'score': np.zeros(3), 'label': 2}]
    result = value(ClassificationMetric(['top_k_accuracy', 'confusion_matrix'], topk=1), tied)
    assert result == {'top1_acc': 1.0, 'confusion_matrix': [[0, 0, 0], [0, 0, 0], [0, 0, 1]]}


def test_the_validation_loss_is_the_cross_entropy_of_the_scores():
    assert value(ClassificationMetric([], loss=True)) == {'val_loss': pytest.approx(-np.log([0.8, 0.1]).mean())}


def test_mean_average_precision_accepts_one_class_per_clip():
    hot = [{'score': clip['score'], 'label': np.eye(3, dtype=int)[clip['label']]} for clip in CLIPS]
    expected = value(ClassificationMetric(['mean_average_precision']), hot)
    assert value(ClassificationMetric(['mean_average_precision'])) == expected


def test_registered_functions_and_classes_are_metrics():
    def worst(scores, labels):
        return scores.min()

    class Count(BaseMetric):
        def process(self, data_batch, data_samples):
            self.results.extend(data_samples)

        def compute_metrics(self, results):
            return {'count': len(results)}

    METRICS.register_module(name='worst', module=worst)
    METRICS.register_module(name='CountClips', module=Count)
    try:
        configs = metric_configs(['top_k_accuracy', 'worst', 'CountClips', {'type': 'AccMetric'}], topk=(1,))
        assert configs[0]['metrics'] == ['top_k_accuracy', 'worst']
        assert configs[1:] == [{'type': 'CountClips'}, {'type': 'AccMetric'}]
        first, second, _ = build_metrics(configs)
        assert value(first) == {'top1_acc': 0.5, 'worst': pytest.approx(0.1)}
        assert value(second) == {'count': 2}
        with pytest.raises(ValueError, match="metric 'worst' is a function; give its name as a string"):
            build_metrics([{'type': 'worst'}])
    finally:
        for name in ('worst', 'CountClips'):
            METRICS.module_dict.pop(name)


def test_an_unknown_metric_raises_with_the_nearest_name():
    with pytest.raises(ValueError, match="unknown metric 'top_k_acc'; did you mean 'top_k_accuracy'"):
        metric_configs(['top_k_acc'])
    with pytest.raises(ValueError, match='a metric must be a name or a dict with the key .type., got 3'):
        metric_configs([3])


@pytest.mark.parametrize('name', ['top_k_accuracy', 'mean_class_accuracy', 'per_class_accuracy', 'confusion_matrix'])
def test_metrics_of_one_label_raise_for_multi_label_data(name):
    check_labels([name], False, '--eval')
    check_labels(['mean_average_precision'], True, '--eval')
    with pytest.raises(ValueError, match=f'--eval: {name} needs one label per clip.*use mean_average_precision'):
        check_labels(['mean_average_precision', name], True, '--eval')


def test_mmaction2_metrics_return_mmaction2_keys():
    assert value(AccMetric(metric_options={'top_k_accuracy': {'topk': (1, 2)}})) == {
        'acc/top1': 0.5, 'acc/top2': 1.0, 'acc/mean1': pytest.approx(1 / 3),
    }  # fmt: skip
    assert value(AccMetric('mean_class_accuracy', prefix='x')) == {'x/mean1': pytest.approx(1 / 3)}
    assert value(ConfusionMatrix()) == {'confusion_matrix/result': [[1, 0, 0], [0, 0, 1], [0, 0, 0]]}
    with pytest.raises(ValueError, match="AccMetric.metric_list has 'mean_class'"):
        AccMetric(['mean_class'])
