"""Validation epochs, metrics and the choice of the best epoch."""

import pytest
from mmengine.config import Config

from pyskl.engine.config.evaluation import evaluation, metrics_of
from pyskl.registry import METRICS


def config(classes=60, **keys):
    return Config({'model': {'cls_head': {'num_classes': classes}}, **keys})


def test_save_best_defaults_to_the_first_metric():
    names = ['top_k_accuracy', 'mean_class_accuracy']
    assert evaluation(config(evaluation={'metrics': names})).save_best == 'top1_acc'
    assert evaluation(config(evaluation={'metrics': names[1:]})).save_best == 'mean_class_accuracy'
    assert evaluation(config(evaluation={'save_best': 'top5_acc'})).save_best == 'top5_acc'
    assert evaluation(config(evaluation={'save_best': None})).save_best is None
    with pytest.raises(ValueError, match="save_best='top3_acc' is not one of the metrics; did you mean 'top5_acc'"):
        evaluation(config(evaluation={'save_best': 'top3_acc'}))


def validated(epochs=8, **keys):
    """The epochs that are validated, except the last."""
    found = evaluation(config(**keys))
    return [e for e in range(1, epochs) if e >= found.begin and (e - found.offset) % found.interval == 0]


@pytest.mark.parametrize(
    ('given', 'epochs'),
    [
        ({'interval': 1}, [1, 2, 3, 4, 5, 6, 7]),
        ({'interval': 3}, [3, 6]),
        ({'start': 1}, [1, 2, 3, 4, 5, 6, 7]),
        ({'start': 3, 'interval': 2}, [3, 5, 7]),
        ({'start': 4, 'interval': 3}, [4, 7]),
        ({'start': 0, 'interval': 2}, [2, 4, 6]),
    ],
)
def test_start_and_interval_count_epochs_as_in_mmcv(given, epochs):
    assert validated(evaluation=given) == epochs


def test_val_interval_of_mmengine_counts_from_epoch_0():
    assert validated(train_cfg={'max_epochs': 8, 'val_begin': 3, 'val_interval': 2}) == [4, 6]


def test_a_top_k_accuracy_that_is_always_1_is_not_computed():
    found = evaluation(config(classes=4))
    assert found.note == 'top-5 accuracy is not computed: with 4 classes it is always 1'
    assert evaluation(config(classes=6)).note is None
    with pytest.raises(ValueError, match="save_best='top5_acc' is not one of the metrics"):
        evaluation(config(classes=5, evaluation={'save_best': 'top5_acc'}))


def test_save_best_may_be_the_validation_loss_and_less_is_better():
    found = evaluation(config(evaluation={'loss': True, 'save_best': 'val_loss'}))
    assert (found.save_best, found.rule, found.metrics[0]['loss']) == ('val_loss', 'less', True)
    assert found.names == [*found.metrics[0]['metrics'], 'val_loss']
    assert evaluation(config()).names == list(found.metrics[0]['metrics'])
    assert evaluation(config(workflow=[('train', 1), ('val', 1)])).metrics[0]['loss'] is True
    assert evaluation(config(workflow=[('train', 1)])).metrics[0]['loss'] is False


@pytest.mark.parametrize(
    ('given', 'best'), [('auto', 'top1_acc'), (['top5_acc'], 'top5_acc'), (False, None), (None, None)]
)
def test_save_best_selects_one_metric(given, best):
    assert evaluation(config(evaluation={'save_best': given})).save_best == best


def test_two_metrics_for_save_best_raise():
    with pytest.raises(ValueError, match='save_best must be the name of one metric'):
        evaluation(config(evaluation={'save_best': ['top1_acc', 'top5_acc']}))


def test_val_evaluator_of_mmengine_is_read():
    keys = {'val_evaluator': [{'type': 'AccMetric', 'metric_list': ['mean_class_accuracy', 'top_k_accuracy']}]}
    assert evaluation(config(**keys)).save_best == 'acc/mean1'
    hooks = {'checkpoint': {'save_best': 'acc/top5', 'rule': 'greater'}}
    assert evaluation(config(**keys, default_hooks=hooks)).save_best == 'acc/top5'
    assert evaluation(config(val_evaluator={'type': 'AccMetric'})).save_best == 'acc/top1'
    with pytest.raises(ValueError, match="save_best='top1_acc' is not one of the metrics"):
        evaluation(config(**keys, default_hooks={'checkpoint': {'save_best': 'top1_acc'}}))


def test_the_test_has_the_metrics_of_its_own_evaluator():
    cfg = config(evaluation={'metrics': ['mean_class_accuracy']}, test_evaluator={'type': 'AccMetric'})
    assert metrics_of(cfg)[0]['metrics'] == ['mean_class_accuracy']
    assert metrics_of(cfg, 'test')[-1]['type'] == 'AccMetric' and metrics_of(cfg, 'test')[0]['metrics'] == []


def test_save_best_may_name_any_value_of_a_custom_metric():
    METRICS.register_module(name='mine', module=lambda scores, labels: 0.0)
    try:
        assert evaluation(config(evaluation={'metrics': ['mine']})).save_best == 'mine'
    finally:
        METRICS.module_dict.pop('mine')
    with pytest.raises(ValueError, match="unknown metric 'mine'"):
        evaluation(config(evaluation={'metrics': ['mine']}))
