"""What the training loop calls: one training or evaluation step of a recognizer.

The recognizer itself stays plain torch; this module adds the data-parallel wrapper, mixed precision and the split into
``train_step``, ``val_step``, ``test_step`` that mmengine's loops call.
"""

import copy
import inspect

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def synchronized(recognizer: nn.Module, device: torch.device) -> nn.Module:
    """``sync_bn=True``: BatchNorm over the batches of all processes.

    Raises:
        ValueError: On the CPU, where torch has no such layer.
    """
    if device.type != 'cuda':
        raise ValueError(
            'sync_bn=True needs GPUs when there are several processes; without it, the running statistics of the '
            'processes are averaged before every score and checkpoint'
        )
    return nn.SyncBatchNorm.convert_sync_batchnorm(recognizer)


AMP_DTYPES = {'bf16': torch.bfloat16, 'fp16': torch.float16}


class ModelWrapper(nn.Module):
    """Steps of ``recognizer``; its checkpoint keys are the recognizer's own.

    Args:
        recognizer: ``model(keypoint=, label=, mode=)`` as of ``pyskl.models``, on its device already.
        amp: None, 'bf16' or 'fp16': the autocast type of every step.
        distributed: Average gradients over the processes.
        find_unused_parameters: As of ``DistributedDataParallel``.
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
            # Running statistics are brought together once an epoch: see engine/resume.py.
            known = inspect.signature(DistributedDataParallel).parameters
            buffers = 'forward_sync_buffers' if 'forward_sync_buffers' in known else 'broadcast_buffers'
            net = DistributedDataParallel(
                recognizer,
                device_ids=[self.device.index] if self.device.type == 'cuda' else None,
                find_unused_parameters=find_unused_parameters,
                **{buffers: False},
            )
        self._net = [net]  # in a list: its parameters are the recognizer's and must not be registered twice

    @property
    def net(self) -> nn.Module:
        """The recognizer, or its data-parallel wrapper."""
        return self._net[0]

    def __deepcopy__(self, memo: dict) -> 'ModelWrapper':
        """A copy without the data-parallel wrapper, for averages of the weights (``EMAHook``)."""
        amp = next((name for name, dtype in AMP_DTYPES.items() if dtype == self.amp_dtype), None)
        return ModelWrapper(copy.deepcopy(self.recognizer, memo), amp)

    def forward(self, batch: dict, mode: str) -> dict | Tensor:
        """``batch``: from the loader; see the recognizer for what each ``mode`` returns."""
        inputs = {
            key: value.to(self.device, non_blocking=True) for key, value in batch.items() if key != 'sample_index'
        }
        with torch.autocast(self.device.type, self.amp_dtype, enabled=self.amp_dtype is not None):
            return self.net(**inputs, mode=mode)

    def train_step(self, data: dict, optim_wrapper) -> dict[str, Tensor]:
        """One step of the optimizer. Returns ``loss`` and the logged values, detached, on the device."""
        with optim_wrapper.optim_context(self.net):
            logged = self(data, mode='loss')
        loss = sum(value for key, value in logged.items() if 'loss' in key)
        optim_wrapper.update_params(loss)
        return {'loss': loss.detach(), **{key: value.detach() for key, value in logged.items()}}

    @torch.no_grad()
    def val_step(self, data: dict) -> list[dict]:
        """One dict per sample: ``score`` (K,) or (clips, K) float32 array, and ``label`` where the batch has one."""
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
        """Set the mode of the wrapper too."""
        self.net.train(mode)
        return super().train(mode)

    def state_dict(self, *args, **kwargs) -> dict:
        """The recognizer's own."""
        return self.recognizer.state_dict(*args, **kwargs)

    def load_state_dict(self, *args, **kwargs):
        """The recognizer's own."""
        return self.recognizer.load_state_dict(*args, **kwargs)
