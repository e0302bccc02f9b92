"""Training and validation steps of the wrapper."""

import torch
from torch import nn

from pyskl.engine.model_wrapper import ModelWrapper


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
