"""Reading and checking the state of a checkpoint to resume from."""

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR, MultiStepLR, OptimWrapper
from torch import nn

from pyskl.engine.resume import StateHook, progress, replay, restore_optimizer

SOUND = {
    'meta': {'epoch': 2, 'iter': 12, 'seed': 0},
    'optimizer': {'state': {}, 'param_groups': []},
    'message_hub': {
        'runtime_info': {'best_score': 0.5, 'best_ckpt': '/a/best_x.pth', 'keep_ckpt_ids': [1, 2], 'x': {}}
    },
}


def test_progress_reads_known_entries_only():
    found = progress(copy.deepcopy(SOUND), 'a.pth')
    assert (found.epoch, found.iteration, found.seed) == (2, 12, 0)
    assert set(found.info) == {'best_score', 'best_ckpt', 'keep_ckpt_ids'}


HOSTILE = [
    ('meta.epoch', value, 'meta.epoch is') for value in (None, -1, 1.5, '2', 2**80, [1], torch.ones(3), True)
] + [
    ('meta.iter', 'a', 'meta.iter is'),
    ('meta.seed', -1, 'meta.seed is'),
    ('meta.seed', {}, 'meta.seed is'),
    ('optimizer', None, 'cannot be resumed: it has no optimizer'),
    ('optimizer', [1], 'has no optimizer'),
    ('message_hub', 3, 'has no message_hub'),
    ('message_hub.runtime_info.best_score', 'a', 'its message_hub has an invalid best_score'),
    ('message_hub.runtime_info.best_score', float('nan'), 'its message_hub has an invalid best_score'),
    ('message_hub.runtime_info.best_ckpt', 7, 'its message_hub has an invalid best_ckpt'),
    ('message_hub.runtime_info.keep_ckpt_ids', ['../x'], 'its message_hub has an invalid keep_ckpt_ids'),
    ('message_hub.runtime_info.epoch_validated', 'x', 'its message_hub has an invalid epoch_validated'),
]


@pytest.mark.parametrize(('key', 'value', 'message'), HOSTILE)
def test_entries_of_invalid_type_raise_one_line(key, value, message):
    checkpoint = copy.deepcopy(SOUND)
    *path, last = key.split('.')
    section = checkpoint
    for name in path:
        section = section[name]
    section[last] = value
    with pytest.raises(ValueError, match=message) as raised:
        progress(checkpoint, 'a.pth')
    assert '\n' not in str(raised.value) and len(str(raised.value)) < 200


def trained():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2)
    wrapper = OptimWrapper(torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9))
    layer(torch.ones(1, 3)).sum().backward()
    wrapper.step()
    return wrapper


def test_momentum_is_restored_and_the_rate_is_that_of_the_config():
    saved = trained().state_dict()
    saved['param_groups'][0]['lr'] = 77
    wrapper = OptimWrapper(torch.optim.SGD(nn.Linear(3, 2).parameters(), lr=0.5, momentum=0.9))
    restore_optimizer(wrapper, saved, 'a.pth')
    assert wrapper.param_groups[0]['lr'] == 0.5
    buffers = [state['momentum_buffer'] for state in wrapper.optimizer.state.values()]
    assert [b.shape for b in buffers] == [(2, 3), (2,)]


@pytest.mark.parametrize(
    ('state', 'message'),
    [
        (None, 'its optimizer has no state'),
        ({5: {}}, 'has parameter 5, but the model has 2 parameters'),
        ({'a': {}}, "has parameter 'a'"),
        ({0: 3}, 'its optimizer state 0 is a int'),
        ({0: {'momentum_buffer': torch.ones(7)}}, r'has shape \(7,\), but the parameter has \(2, 3\)'),
        ({0: {'momentum_buffer': 'x'}}, 'has an invalid .momentum_buffer., a str'),
        ({0: {3: 4}}, 'has an invalid 3, a int'),
        (
            {0: {'momentum_buffer': torch.ones(2, 3).to_sparse()}},
            'momentum_buffer of parameter 0 is a tensor of torch.sp',
        ),
        ({0: {'momentum_buffer': torch.ones(2, 3, dtype=torch.complex64)}}, 'torch.strided, torch.complex64'),
        ({0: {'momentum_buffer': torch.ones(2, 3, device='meta')}}, 'is a tensor of'),
    ],
)
def test_the_state_of_another_optimizer_raises_one_line(state, message):
    with pytest.raises(ValueError, match=message):
        restore_optimizer(trained(), {'state': state, 'param_groups': []}, 'a.pth')


def schedules(wrapper):
    cosine = CosineAnnealingLR.build_iter_from_epoch(wrapper, T_max=4, end=4, epoch_length=5)
    warmup = LinearLR(wrapper, start_factor=0.1, by_epoch=False, end=7)
    return [warmup, cosine, MultiStepLR(wrapper, milestones=[2], by_epoch=True)]


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(('epochs', 'extra'), [(0, 0), (0, 3), (2, 0), (3, 4)])
def test_replayed_schedules_give_exactly_the_rate_of_an_uninterrupted_run(epochs, extra):
    straight, resumed = trained(), trained()
    stepped = schedules(straight)
    for iteration in range(epochs * 5 + extra):
        for scheduler in stepped[:2]:
            scheduler.step()
        if iteration % 5 == 4:
            stepped[2].step()
    replay(schedules(resumed), epochs, 5, extra)
    assert straight.param_groups[0]['lr'] == resumed.param_groups[0]['lr']


@pytest.mark.parametrize('waits', [True, False])
def test_gradients_that_wait_for_more_iterations_are_in_a_checkpoint_with_an_optimizer(waits):
    recognizer = nn.Linear(2, 1)
    recognizer.weight.grad = torch.ones(1, 2)
    runner = SimpleNamespace(
        optim_wrapper=SimpleNamespace(should_update=lambda: not waits), hooks=[], param_schedulers=[],
        model=SimpleNamespace(recognizer=recognizer),
    )  # fmt: skip
    saved, best = {'optimizer': {}}, {}
    for checkpoint in (saved, best):
        StateHook().before_save_checkpoint(runner, checkpoint)
    assert best == {}
    gradients = saved['resume'].get('gradients')
    assert list(gradients or {}) == (['weight'] if waits else [])
    assert not waits or torch.equal(gradients['weight'], torch.ones(1, 2))
