"""Training and evaluation steps of a recognizer, as called by mmengine's loops.

The recognizer itself is plain torch; this module adds the data-parallel wrapper, mixed precision, and ``train_step``,
``val_step`` and ``test_step``.
"""

import copy
import inspect

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def synchronized(recognizer: nn.Module, device: torch.device) -> nn.Module:
    """Convert batch norms to synchronised ones (``sync_bn=True``).

    Raises:
        ValueError: On the CPU, where torch has no such layer.
    """
    if device.type != 'cuda':
        raise ValueError(
            'sync_bn=True needs GPUs; remove it to train on the CPU, where the running statistics of the processes are '
            'averaged before every validation and checkpoint'
        )
    return nn.SyncBatchNorm.convert_sync_batchnorm(recognizer)


AMP_DTYPES = {'bf16': torch.bfloat16, 'fp16': torch.float16}


class ModelWrapper(nn.Module):
    """Wrap a recognizer for mmengine's loops; the checkpoint keys are those of the recognizer.

    Args:
        recognizer: A recognizer of ``pyskl.models``, already on its device.
        amp: Autocast type of every step: None, 'bf16' or 'fp16'.
        distributed: Whether to average gradients over the processes.
        find_unused_parameters: Argument of ``DistributedDataParallel``.
    """

    def __init__(
        self,
        recognizer: nn.Module,
        amp: str | None = None,
        distributed: bool = False,
        find_unused_parameters: bool = False,
    ) -> None:
        super().__init__()
        self.recognizer = recognizer
        self.amp_dtype = AMP_DTYPES[amp] if amp else None
        self.device = next(recognizer.parameters()).device
        net = recognizer
        if distributed:
            # Running statistics are averaged once per epoch: see engine/resume.py.
            known = inspect.signature(DistributedDataParallel).parameters
            buffers = 'forward_sync_buffers' if 'forward_sync_buffers' in known else 'broadcast_buffers'
            net = DistributedDataParallel(
                recognizer,
                device_ids=[self.device.index] if self.device.type == 'cuda' else None,
                find_unused_parameters=find_unused_parameters,
                **{buffers: False},
            )
        self._net = [net]  # in a list, so that the recognizer's parameters are not registered twice

    @property
    def net(self) -> nn.Module:
        """The recognizer, or its data-parallel wrapper."""
        return self._net[0]

    def __deepcopy__(self, memo: dict) -> 'ModelWrapper':
        """Copy without the data-parallel wrapper, for averaged weights (``EMAHook``)."""
        amp = next((name for name, dtype in AMP_DTYPES.items() if dtype == self.amp_dtype), None)
        return ModelWrapper(copy.deepcopy(self.recognizer, memo), amp)

    def forward(self, batch: dict, mode: str) -> dict | Tensor:
        """Run a batch of the loader through the recognizer; see there for the result of each ``mode``."""
        inputs = {
            key: value.to(self.device, non_blocking=True) for key, value in batch.items() if key != 'sample_index'
        }
        with torch.autocast(self.device.type, self.amp_dtype, enabled=self.amp_dtype is not None):
            return self.net(**inputs, mode=mode)

    def train_step(self, data: dict, optim_wrapper) -> dict[str, Tensor]:
        """Take one optimizer step. Return ``loss`` and the logged values, detached, on the device."""
        with optim_wrapper.optim_context(self.net):
            logged = self(data, mode='loss')
        loss = sum(value for key, value in logged.items() if 'loss' in key)
        optim_wrapper.update_params(loss)
        return {'loss': loss.detach(), **{key: value.detach() for key, value in logged.items()}}

    @torch.no_grad()
    def val_step(self, data: dict) -> list[dict]:
        """Return a dict per sample: ``score``, a float32 array (K,) or (clips, K), and ``label`` if there is one."""
        inputs = {key: value for key, value in data.items() if key != 'label'}
        scores = self(inputs, mode='predict').float().cpu().numpy()
        labels = data.get('label')
        if labels is None:
            return [{'score': score} for score in scores]
        labels = labels.flatten(1).cpu().numpy() if labels.ndim > 1 else labels.cpu().numpy()[:, None]
        return [
            {'score': score, 'label': label if len(label) > 1 else int(label[0])}
            for score, label in zip(scores, labels, strict=True)
        ]

    test_step = val_step

    def train(self, mode: bool = True) -> 'ModelWrapper':
        """Set the mode of the recognizer and its wrapper."""
        self.net.train(mode)
        return super().train(mode)

    def state_dict(self, *args, **kwargs) -> dict:
        """Return the state dict of the recognizer."""
        return self.recognizer.state_dict(*args, **kwargs)

    def load_state_dict(self, *args, **kwargs):
        """Load a state dict into the recognizer."""
        return self.recognizer.load_state_dict(*args, **kwargs)
