import math

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

import pyskl.engine.optimizer  # noqa: F401 (registers the warm-up)
from pyskl.engine.config.schedule import amp, epochs, optim_wrapper, param_scheduler

SGD = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 5e-4, 'nesterov': True}


def config(**keys):
    return Config({'optimizer': dict(SGD), 'total_epochs': 4, **keys})


def rates(cfg, iterations=10):
    """Return the learning rate of every iteration, stepping the schedulers as mmengine's hooks do."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    wrapper = OptimWrapper(optimizer)
    schedulers = []
    for item in param_scheduler(cfg, iterations):
        cls = PARAM_SCHEDULERS.get(item.pop('type'))
        convert = item.pop('convert_to_iter_based', False)
        build = cls.build_iter_from_epoch if convert else cls
        schedulers.append(build(wrapper, **item, **({'epoch_length': iterations} if convert else {})))
    seen = []
    for _ in range(cfg.total_epochs):
        for _ in range(iterations):
            seen.append(optimizer.param_groups[0]['lr'])
            for s in schedulers:
                if not s.by_epoch:
                    s.step()
        for s in schedulers:
            if s.by_epoch:
                s.step()
    return seen


def test_cosine_by_iteration_is_pyskls_formula():
    seen = rates(config(lr_config={'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False}))
    assert seen == pytest.approx([0.05 * (1 + math.cos(math.pi * i / 40)) for i in range(40)])


def test_cosine_by_epoch_is_constant_within_an_epoch():
    seen = rates(config(lr_config={'policy': 'CosineAnnealing', 'min_lr': 0}))
    assert seen == pytest.approx([0.05 * (1 + math.cos(math.pi * (i // 10) / 4)) for i in range(40)])


def test_step_divides_the_rate_by_ten_at_the_given_epochs():
    seen = rates(config(lr_config={'policy': 'step', 'step': [1, 3]}))
    assert seen == pytest.approx([0.1] * 10 + [0.01] * 20 + [0.001] * 10)


@pytest.mark.parametrize(('step', 'falls'), [(1, [1, 2, 3]), (2, [2]), (30, [])])
def test_an_integer_step_is_a_period_in_epochs(step, falls):
    seen = rates(config(lr_config={'policy': 'step', 'step': step}))
    assert seen[::10] == pytest.approx([0.1 * 0.1 ** sum(e >= f for f in falls) for e in range(4)])


def test_cosine_ends_at_min_lr():
    seen = rates(config(lr_config={'policy': 'CosineAnnealing', 'min_lr': 0.04, 'by_epoch': False}))
    assert seen == pytest.approx([0.04 + 0.03 * (1 + math.cos(math.pi * i / 40)) for i in range(40)])
    ratio = rates(config(lr_config={'policy': 'CosineAnnealing', 'min_lr_ratio': 0.4, 'by_epoch': False}))
    assert ratio == pytest.approx(seen)


def test_poly_decreases_linearly_to_min_lr():
    seen = rates(config(lr_config={'policy': 'poly', 'power': 1, 'min_lr': 0.02, 'by_epoch': False}))
    assert seen[0] == pytest.approx(0.1)
    assert seen[20] == pytest.approx(0.06, rel=0.02)


def test_fixed_is_constant():
    assert rates(config(lr_config={'policy': 'fixed'})) == [0.1] * 40


def test_linear_warmup_multiplies_the_schedule_as_in_mmcv():
    lr_config = {
        'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False,
        'warmup': 'linear', 'warmup_iters': 5, 'warmup_ratio': 0.2,
    }  # fmt: skip
    cosine = [0.05 * (1 + math.cos(math.pi * i / 40)) for i in range(40)]
    factor = [1 - (1 - i / 5) * 0.8 if i < 5 else 1 for i in range(40)]
    assert rates(config(lr_config=lr_config)) == pytest.approx([c * f for c, f in zip(cosine, factor, strict=True)])


@pytest.mark.parametrize('kind', ['linear', 'exp', 'constant'])
def test_warmup_ratio_defaults_to_a_tenth(kind):
    assert rates(config(lr_config={'policy': 'fixed', 'warmup': kind, 'warmup_iters': 5}))[0] == pytest.approx(0.01)


def test_exp_warmup_multiplies_the_schedule_as_in_mmcv():
    lr_config = {
        'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': False,
        'warmup': 'exp', 'warmup_iters': 5, 'warmup_ratio': 0.2,
    }  # fmt: skip
    cosine = [0.05 * (1 + math.cos(math.pi * i / 40)) for i in range(40)]
    factor = [0.2 ** (1 - i / 5) if i < 5 else 1 for i in range(40)]
    assert rates(config(lr_config=lr_config)) == pytest.approx([c * f for c, f in zip(cosine, factor, strict=True)])


def test_constant_warmup_by_epoch_lasts_whole_epochs():
    lr_config = {
        'policy': 'fixed', 'warmup': 'constant', 'warmup_iters': 1, 'warmup_ratio': 0.5, 'warmup_by_epoch': True,
    }  # fmt: skip
    assert rates(config(lr_config=lr_config)) == pytest.approx([0.05] * 10 + [0.1] * 30)


def test_stairs_warmup_increases_the_rate_equally_each_epoch():
    lr_config = {'policy': 'step', 'step': [90, 100], 'warmup': 'stairs', 'warmup_iters': 5}
    seen = rates(config(lr_config=lr_config, total_epochs=110), iterations=2)  # InfoGCN's: base_lr * (epoch + 1) / 5
    assert seen[::2] == seen[1::2]
    expected = [0.02, 0.04, 0.06, 0.08, *[0.1] * 86, *[0.01] * 10, *[0.001] * 10]
    assert seen[::2] == pytest.approx(expected)
    one = {'policy': 'fixed', 'warmup': 'stairs', 'warmup_iters': 1, 'warmup_by_epoch': True}
    assert rates(config(lr_config=one)) == [0.1] * 40


@pytest.mark.parametrize(
    ('lr_config', 'message'),
    [
        ({'policy': 'cosine'}, "unknown lr_config.policy 'cosine'"),
        ({'policy': 'CosineAnnealing', 'min_rl': 0}, "has no argument 'min_rl'"),
        ({'policy': 'step'}, 'lr_config.step must be the epochs'),
        ({'policy': 'step', 'step': ['1']}, r"lr_config.step must be the epochs .* got \['1'\]"),
        ([{'policy': 'step'}], 'lr_config must be a dict such as .* got \\['),
        (
            {'policy': 'fixed', 'warmup': 'sudden'},
            "lr_config.warmup must be 'linear', 'constant', 'exp' or 'stairs', got 'sudden'",
        ),
        ({'policy': 'fixed', 'warmup': 'exp', 'warmup_iters': 5, 'warmup_ratio': 0}, 'warmup_ratio must be a number'),
        ({'policy': 'fixed', 'warmup': 'stairs', 'warmup_iters': 5, 'warmup_ratio': 0.1}, 'starts at 1 / warmup_iters'),
        ({'policy': 'fixed', 'warmup': 'stairs', 'warmup_iters': 5, 'warmup_by_epoch': False}, 'counts epochs'),
        ({'policy': 'fixed', 'warmup': 'stairs'}, 'lr_config.warmup_iters must be a positive integer, got 0'),
        ({'policy': 'fixed', 'warmup': 'linear'}, 'lr_config.warmup_iters must be a positive integer, got 0'),
    ],
)
def test_an_invalid_schedule_raises(lr_config, message):
    with pytest.raises(ValueError, match=message):
        param_scheduler(config(lr_config=lr_config), 10)


def test_grad_clip_and_loss_scale_reach_the_wrapper():
    wrapper = optim_wrapper(config(optimizer_config={'grad_clip': {'max_norm': 40, 'norm_type': 2}}))
    assert wrapper == {'type': 'OptimWrapper', 'optimizer': SGD, 'clip_grad': {'max_norm': 40, 'norm_type': 2}}
    scaled = optim_wrapper(config(fp16={'loss_scale': 512.0}), loss_scaling=True)
    assert (scaled['type'], scaled['loss_scale']) == ('AmpOptimWrapper', 512.0)


def test_cumulative_iters_reach_the_wrapper():
    assert optim_wrapper(config(optimizer_config={'cumulative_iters': 4}))['accumulative_counts'] == 4


def test_amp_optim_wrapper_of_mmengine_sets_amp():
    own = {'type': 'AmpOptimWrapper', 'dtype': 'bfloat16', 'loss_scale': 64.0, 'optimizer': dict(SGD)}
    cfg = config(optim_wrapper=own)
    assert amp(cfg) == 'bf16'
    assert optim_wrapper(cfg) == {'type': 'OptimWrapper', 'optimizer': SGD}
    assert optim_wrapper(cfg, loss_scaling=True)['loss_scale'] == 64.0
    assert amp(config(optim_wrapper={'type': 'AmpOptimWrapper', 'optimizer': dict(SGD)})) == 'fp16'


def test_keys_of_mmengine_take_precedence():
    own = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 1e-3}}
    assert optim_wrapper(config(optim_wrapper=own)) == own
    assert param_scheduler(config(param_scheduler=[{'type': 'ConstantLR', 'factor': 1}]), 10) == [
        {'type': 'ConstantLR', 'factor': 1}
    ]


@pytest.mark.parametrize('value', [0, -1, 2.5, None])
def test_total_epochs_must_be_a_positive_integer(value):
    with pytest.raises(ValueError, match=f'total_epochs must be a positive integer, got {value}'):
        epochs(config(total_epochs=value))


def test_values_of_amp():
    assert amp(config()) is None
    assert amp(config(amp=True)) == 'auto'
    assert amp(config(amp='bfloat16')) == 'bf16'
    assert amp(config(fp16={'loss_scale': 'dynamic'})) == 'fp16'
    with pytest.raises(ValueError, match="amp must be one of .* got 'half'"):
        amp(config(amp='half'))
