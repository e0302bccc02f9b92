"""InfoGCN's head: a noisy latent vector that a loss pulls towards the prior of its class.

Source: InfoGCN, CVPR 2022, https://github.com/stnoah1/infogcn. N samples, C channels, D latent channels, K classes.
"""

import math

import torch
from torch import Tensor, nn

from pyskl.models.heads.base import BaseHead
from pyskl.registry import MODELS


def class_priors(num_classes: int, channels: int, gain: float, generator: torch.Generator | None = None) -> Tensor:
    """``(K, D)``: orthogonal rows of norm ``gain`` (if K is at most D)."""
    return nn.init.orthogonal_(torch.empty(num_classes, channels), gain, generator)


@MODELS.register_module()
class InfoGCNHead(BaseHead):
    """Pooling, the latent ``z``, a linear classifier, and losses that regularise ``z``.

    In training ``z = mu + noise * exp(noise_ratio * logvar)``; in evaluation ``z = mu``.

    Args:
        num_classes: Classes, ``K``.
        in_channels: Channels of the backbone's output.
        latent_channels: ``D``; ``in_channels`` by default.
        loss_cls: Config of the loss.
        dropout: Dropout rate before the layers of the latent.
        noise_ratio: 0.5 makes ``logvar`` the logarithm of the variance; 0 disables the noise.
        prior_gain: Norm of a class's prior. The priors are sampled once, are not trained, and are saved in the
            checkpoint (the released code does not save them).
        lambda_1: Weight of the norm of the batch's mean latent.
        lambda_2: Weight of the mean squared distance between a class's mean latent and its prior.
        label_smooth_eps: As of :class:`BaseHead`.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        latent_channels: int | None = None,
        loss_cls: dict | None = None,
        dropout: float = 0.0,
        noise_ratio: float = 0.5,
        prior_gain: float = 3.0,
        lambda_1: float = 1e-4,
        lambda_2: float = 0.1,
        label_smooth_eps: float = 0.1,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, label_smooth_eps=label_smooth_eps)
        channels = in_channels if latent_channels is None else latent_channels
        if not isinstance(channels, int) or channels < 1:
            raise ValueError(f'cls_head.latent_channels must be a positive integer or None, got {latent_channels!r}')
        if not 0 <= dropout < 1:
            raise ValueError(f'cls_head.dropout must be in [0, 1), got {dropout!r}')
        weights = {'noise_ratio': noise_ratio, 'prior_gain': prior_gain, 'lambda_1': lambda_1, 'lambda_2': lambda_2}
        for name, value in weights.items():
            if not 0 <= value < math.inf:
                raise ValueError(f'cls_head.{name} must be a finite number, at least 0, got {value!r}')
        self.noise_ratio = noise_ratio
        self.lambda_1 = lambda_1
        self.lambda_2 = lambda_2
        self.fc = nn.Linear(in_channels, channels)
        self.drop = nn.Dropout(dropout)  # after the first layer; the one of BaseHead is not used
        self.fc_mu = nn.Linear(channels, channels)
        self.fc_logvar = nn.Linear(channels, channels).requires_grad_(noise_ratio > 0)
        self.decoder = nn.Linear(channels, num_classes)
        for layer in (self.fc, self.fc_mu, self.fc_logvar):
            nn.init.xavier_uniform_(layer.weight, math.sqrt(2))
        nn.init.normal_(self.decoder.weight, std=math.sqrt(2 / num_classes))
        self.register_buffer('z_prior', class_priors(num_classes, channels, prior_gain))

    def latent(self, feature: Tensor) -> Tensor:
        """``(N, C) -> (N, D)``, ``z``."""
        hidden = self.drop(self.fc(feature).relu())
        mean = self.fc_mu(hidden)
        if not self.training or not self.noise_ratio:
            return mean
        # Clamp before exp: clamping its result would give the gradient 0 * inf where exp overflows.
        spread = (self.noise_ratio * self.fc_logvar(hidden)).clamp(max=math.log(100)).exp()
        return mean + torch.randn_like(mean) * spread

    def classify(self, feature: Tensor) -> Tensor:
        """``(N, C) -> (N, K)``."""
        return self.decoder(self.latent(feature))

    def latent_losses(self, z: Tensor, label: Tensor) -> dict[str, Tensor]:
        """``loss_mmd`` and ``loss_l2``, weighted by ``lambda_2`` and ``lambda_1``.

        Args:
            z: ``(N, D)``.
            label: ``(N,)`` class indices.
        """
        member = torch.nn.functional.one_hot(label, self.num_classes).to(z.dtype)  # (N, K)
        count = member.sum(0)
        center = member.T @ z / count.clamp(min=1)[:, None]
        distance = (center - self.z_prior.to(z.dtype)).square().mean(1)
        present = (count > 0).to(z.dtype)
        return {
            'loss_mmd': self.lambda_2 * (distance * present).sum() / present.sum(),
            'loss_l2': self.lambda_1 * z.mean(0).norm(),
        }

    def loss_of(self, x: Tensor | list[Tensor], label: Tensor) -> dict[str, Tensor]:
        """A backbone's output -> :meth:`loss` and :meth:`latent_losses`.

        Raises:
            ValueError: If the labels are not class indices.
        """
        label = label[:, 0] if label.ndim == 2 and label.shape[1] == 1 else label
        if label.ndim != 1 or label.is_floating_point():
            raise ValueError(
                f'InfoGCNHead needs one class index per sample, got labels {tuple(label.shape)} of {label.dtype}; '
                'each class has its own prior'
            )
        feature = self.pool(x)
        with torch.autocast(feature.device.type, enabled=False):
            z = self.latent(feature)
            return {**self.loss(self.decoder(z), label), **self.latent_losses(z, label.long())}
