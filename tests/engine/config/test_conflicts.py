import pytest
from mmengine.config import Config

from pyskl.engine.config.conflicts import SAME_MEANING, check_conflicts
from pyskl.engine.config.load import load_config


def config(*pairs):
    cfg = Config()
    cfg.merge_from_dict(dict(pairs))
    return cfg


@pytest.mark.parametrize(('ours', 'other'), SAME_MEANING)
def test_two_keys_of_one_meaning_may_be_equal_but_not_different(ours, other):
    check_conflicts(config((ours, 'x'), (other, 'x')))
    check_conflicts(config((ours, 'x'), (other, None)))
    check_conflicts(config((other, 'x')))
    with pytest.raises(ValueError) as error:
        check_conflicts(config((ours, 'x'), (other, 'y')))
    assert str(error.value).startswith(f"{ours}='x' and {other}='y' have the same meaning; set only the one")


def test_an_option_of_mmengine_for_a_config_of_pyskl_raises():
    with pytest.raises(ValueError) as error:
        load_config('stgcn++_ntu60_xsub_hrnet/j', {'train_cfg.max_epochs': 5})
    assert str(error.value) == (
        'total_epochs=16 and train_cfg.max_epochs=5 have the same meaning; set only the one that the base config has'
    )
    with pytest.raises(ValueError, match='^evaluation.metrics and val_evaluator have the same meaning'):
        load_config('stgcn++_ntu60_xsub_hrnet/j', {'val_evaluator.type': 'AccMetric'})
