"""The calls of a recognizer in programs written for PYSKL or MMAction2."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class CallForms(nn.Module):
    """Accept, in addition to ``model(keypoint=..., label=..., mode=...)``:

    - PYSKL's ``model(x, return_loss=False)`` and ``model(return_loss=False, **batch)``: scores as an array of float32;
      ``return_loss=True``: the dict of losses;
    - MMAction2's ``model(inputs, mode='predict')`` and ``model(inputs, data_samples, mode='loss')``;
    - PYSKL's ``train_step(batch, optimizer)`` and ``val_step(batch, optimizer)``.

    ``img_metas`` and ``sample_index``, which whole batches contain, are ignored.
    """

    input_key = 'keypoint'

    def __call__(
        self,
        *inputs,
        return_loss: bool | None = None,
        data_samples: Sequence | None = None,
        img_metas: object = None,
        sample_index: object = None,
        **named,
    ) -> Tensor | np.ndarray | dict[str, Tensor]:
        """See the class and ``forward``.

        Raises:
            ValueError: If both ``mode`` and ``return_loss`` are given.
        """
        if 'inputs' in named:
            inputs = (named.pop('inputs'), *inputs)
        if len(inputs) > 1 and isinstance(inputs[1], list | tuple):
            inputs, data_samples = (inputs[0], None, *inputs[2:]), inputs[1]
        if len(inputs) == 3 and isinstance(inputs[2], bool):
            inputs, return_loss = inputs[:2], inputs[2]
        if inputs:
            named = {**dict(zip((self.input_key, 'label', 'mode'), inputs, strict=False)), **named}
        if data_samples is not None and named.get('label') is None:
            labels = [getattr(sample, 'gt_label', None) for sample in data_samples]
            if all(label is not None for label in labels):
                named['label'] = torch.cat([torch.as_tensor(label).flatten()[:1] for label in labels])
        if return_loss is None:
            return super().__call__(**named)
        if 'mode' in named:
            raise ValueError(f'pass mode or return_loss, not both: got {named["mode"]!r} and {return_loss}')
        result = super().__call__(**named, mode='loss' if return_loss else 'predict')
        return result if return_loss else result.detach().float().cpu().numpy()

    def train_step(self, data_batch: dict, optimizer: object = None) -> dict:
        """``loss``, the sum of all losses; ``log_vars``, numbers to log; ``num_samples``. Updates no weights."""
        losses = self(**data_batch, return_loss=True)
        loss = sum(value for key, value in losses.items() if 'loss' in key)
        numbers = {key: float(value.detach()) for key, value in losses.items()}
        count = len(next(value for value in data_batch.values() if isinstance(value, Tensor)))
        return {'loss': loss, 'log_vars': {**numbers, 'loss': float(loss.detach())}, 'num_samples': count}

    val_step = train_step
