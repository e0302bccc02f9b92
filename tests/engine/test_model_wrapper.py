"""Training and validation steps of the wrapper."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from pyskl.engine.model_wrapper import ModelWrapper, synchronized


class Losses(nn.Module):
    """A model with two losses and an accuracy, each a multiple of one weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, keypoint, label=None, mode='loss'):
        if mode == 'predict':
            return torch.stack([self.weight.expand(len(keypoint)), keypoint.flatten(1).sum(1)], 1)
        return {'loss_cls': 3 * self.weight, 'mmd_loss': 5 * self.weight, 'top1_acc': 100 * self.weight}


class Updates:
    """An optimizer wrapper that stores the loss."""

    def optim_context(self, net):
        return torch.enable_grad()

    def update_params(self, loss):
        self.loss = loss


def test_the_loss_is_the_sum_of_all_losses_without_accuracies():
    wrapper, updates = ModelWrapper(Losses()), Updates()
    logged = wrapper.train_step({'keypoint': torch.zeros(1, 1), 'sample_index': torch.tensor([0])}, updates)
    assert float(updates.loss.detach()) == 2 * (3 + 5)
    assert updates.loss.requires_grad
    assert {key: float(value) for key, value in logged.items()} == {
        'loss': 16, 'loss_cls': 6, 'mmd_loss': 10, 'top1_acc': 200,
    }  # fmt: skip
    assert not any(value.requires_grad for value in logged.values())


def test_a_validation_step_returns_one_dict_per_clip():
    batch = {'keypoint': torch.tensor([[1.0], [4.0]]), 'label': torch.tensor([[7], [8]])}
    rows = ModelWrapper(Losses()).val_step({**batch, 'sample_index': torch.arange(2)})
    assert [row['score'].tolist() for row in rows] == [[2, 1], [2, 4]]
    assert [row['label'] for row in rows] == [7, 8]
    several = ModelWrapper(Losses()).val_step({**batch, 'label': torch.tensor([[0, 1], [1, 1]])})
    assert several[0]['label'].tolist() == [0, 1]
    assert 'label' not in ModelWrapper(Losses()).val_step({'keypoint': batch['keypoint']})[0]


def test_the_wrapper_has_the_checkpoint_keys_of_the_recognizer():
    assert list(ModelWrapper(Losses()).state_dict()) == ['weight']


class Product(nn.Module):
    """A model that multiplies by a matrix, and has a weight that it does not use."""

    def __init__(self):
        super().__init__()
        self.linear, self.unused = nn.Linear(2, 2), nn.Parameter(torch.zeros(1))

    def forward(self, keypoint, label=None, mode='tensor'):
        return self.linear(keypoint)


@pytest.mark.parametrize(('amp', 'dtype'), [(None, torch.float32), ('bf16', torch.bfloat16)])
def test_matrix_products_have_the_type_of_mixed_precision(amp, dtype):
    wrapper = ModelWrapper(Product(), amp)
    batch = {'keypoint': torch.zeros(1, 2)}
    assert wrapper(batch, mode='tensor').dtype == dtype
    assert copy.deepcopy(wrapper)(batch, mode='tensor').dtype == dtype


def test_a_copy_has_the_precision_of_the_original():
    for amp in (None, 'bf16', 'fp16'):
        wrapper = ModelWrapper(Losses(), amp)
        assert copy.deepcopy(wrapper).amp_dtype == wrapper.amp_dtype


@pytest.fixture
def one_process():
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_processes_share_gradients_but_no_buffers(one_process):
    model = Product()
    wrapper = ModelWrapper(model, distributed=True)
    assert isinstance(wrapper.net, DistributedDataParallel) and wrapper.net.module is model
    assert (wrapper.net.broadcast_buffers, wrapper.net.find_unused_parameters) == (False, False)
    assert ModelWrapper(model, distributed=True, find_unused_parameters=True).net.find_unused_parameters
    assert list(wrapper.state_dict()) == list(model.state_dict())


def test_synchronised_batch_norms_need_a_gpu():
    with pytest.raises(ValueError, match='sync_bn=True needs GPUs; remove it to train on the CPU'):
        synchronized(nn.BatchNorm2d(2), torch.device('cpu'))
    assert isinstance(synchronized(nn.Sequential(nn.BatchNorm2d(2)), torch.device('cuda'))[0], nn.SyncBatchNorm)
