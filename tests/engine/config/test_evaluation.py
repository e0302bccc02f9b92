"""When a run is validated, and what is measured."""

import pytest
from mmengine.config import Config

from pyskl.engine.config.evaluation import evaluation
from pyskl.registry import METRICS


def config(classes=60, **keys):
    return Config({'model': {'cls_head': {'num_classes': classes}}, **keys})


def test_the_best_epoch_is_chosen_by_the_first_metric():
    names = ['top_k_accuracy', 'mean_class_accuracy']
    assert evaluation(config(evaluation={'metrics': names})).save_best == 'top1_acc'
    assert evaluation(config(evaluation={'metrics': names[1:]})).save_best == 'mean_class_accuracy'
    assert evaluation(config(evaluation={'save_best': 'top5_acc'})).save_best == 'top5_acc'
    assert evaluation(config(evaluation={'save_best': None})).save_best is None
    with pytest.raises(ValueError, match="save_best is 'top3_acc', which is not measured; did you mean 'top5_acc'"):
        evaluation(config(evaluation={'save_best': 'top3_acc'}))


def validated(epochs=8, **keys):
    """The epochs that are validated, the last one aside."""
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
def test_start_and_interval_count_epochs_as_mmcv_does(given, epochs):
    assert validated(evaluation=given) == epochs


def test_mmengine_counts_its_interval_from_0():
    assert validated(train_cfg={'max_epochs': 8, 'val_begin': 3, 'val_interval': 2}) == [4, 6]


def test_a_top_k_that_is_always_1_is_left_out_and_reported():
    found = evaluation(config(classes=4))
    assert found.note == 'top-5 accuracy is left out: with 4 classes it is always 1'
    assert evaluation(config(classes=6)).note is None
    with pytest.raises(ValueError, match="save_best is 'top5_acc', which is not measured"):
        evaluation(config(classes=5, evaluation={'save_best': 'top5_acc'}))


def test_the_validation_loss_may_choose_the_best_epoch_and_less_is_better():
    found = evaluation(config(evaluation={'loss': True, 'save_best': 'val_loss'}))
    assert (found.save_best, found.rule, found.metrics[0]['loss']) == ('val_loss', 'less', True)
    assert found.names == [*found.metrics[0]['metrics'], 'val_loss']
    assert evaluation(config()).names == list(found.metrics[0]['metrics'])
    assert evaluation(config(workflow=[('train', 1), ('val', 1)])).metrics[0]['loss'] is True
    assert evaluation(config(workflow=[('train', 1)])).metrics[0]['loss'] is False


@pytest.mark.parametrize(
    ('given', 'best'), [('auto', 'top1_acc'), (['top5_acc'], 'top5_acc'), (False, None), (None, None)]
)
def test_one_measure_chooses_the_best_epoch(given, best):
    assert evaluation(config(evaluation={'save_best': given})).save_best == best


def test_two_measures_cannot_choose_the_best_epoch():
    with pytest.raises(ValueError, match='save_best must name one measure'):
        evaluation(config(evaluation={'save_best': ['top1_acc', 'top5_acc']}))


def test_mmengines_evaluator_is_read():
    keys = {'val_evaluator': [{'type': 'AccMetric', 'metric_list': ['mean_class_accuracy', 'top_k_accuracy']}]}
    assert evaluation(config(**keys)).save_best == 'acc/mean1'
    hooks = {'checkpoint': {'save_best': 'acc/top5', 'rule': 'greater'}}
    assert evaluation(config(**keys, default_hooks=hooks)).save_best == 'acc/top5'
    assert evaluation(config(val_evaluator={'type': 'AccMetric'})).save_best == 'acc/top1'
    with pytest.raises(ValueError, match="save_best is 'top1_acc', which is not measured"):
        evaluation(config(**keys, default_hooks={'checkpoint': {'save_best': 'top1_acc'}}))


def test_a_metric_from_outside_may_measure_what_it_likes():
    METRICS.register_module(name='mine', module=lambda scores, labels: 0.0)
    try:
        assert evaluation(config(evaluation={'metrics': ['mine']})).save_best == 'mine'
    finally:
        METRICS.module_dict.pop('mine')
    with pytest.raises(ValueError, match="unknown metric 'mine'"):
        evaluation(config(evaluation={'metrics': ['mine']}))
