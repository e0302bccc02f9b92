"""Numbers printed by the authors' released code, and the weights and inputs they belong to.

``tests/data/NAME.json`` and ``NAME.npz`` hold the numbers (float64, CPU; origin in ``tests/data/README.md``). A float
tensor named ``key`` was filled from ``RandomState(crc32(key)).standard_normal(shape)``, a stream that NumPy freezes.
"""

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pyskl.models import build_model

DATA = Path(__file__).parent / 'data'


def fill(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Value of the state-dict tensor ``key``, float32."""
    shape = tuple(shape)
    r = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape or (1,)).reshape(shape)
    last = key.rsplit('.', 1)[-1]
    if last == 'running_var':
        r = 1 + 0.1 * np.abs(r)
    elif last in ('running_mean', 'bias'):
        r = 0.1 * r
    elif last == 'weight' and len(shape) == 1:
        r = 1 + 0.1 * r
    elif len(shape) >= 2:
        r = r / math.sqrt(r.size / shape[0])
    else:
        r = 0.1 * r
    return np.asarray(r, dtype=np.float32)


def keypoints(n: int, m: int, t: int, v: int, c: int) -> Tensor:
    """Joint tracks ``(n, m, t, v, c)``, float32; the last body of sample 0 is absent (all zeros) if ``m > 1``."""
    g = np.ogrid[:n, :m, :t, :v, :c]
    x = 0.5 * np.sin(0.11 * g[2] + 0.37 * g[3] + 0.7 * g[4] + 0.9 * g[1] + 1.3 * g[0])
    x = x + 0.2 * np.random.RandomState(255).standard_normal((n, m, t, v, c))
    if m > 1:
        x[0, -1] = 0
    return torch.from_numpy(x.astype(np.float32))


def load_golden(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """The facts (``.json``) and the arrays (``.npz``) of one network."""
    with np.load(DATA / f'{name}.npz') as arrays:
        return json.loads((DATA / f'{name}.json').read_text()), dict(arrays)


def released_state(name: str) -> tuple[dict[str, Tensor], dict[str, np.ndarray], dict]:
    """The state dict of the released network under its own names, the arrays and the facts."""
    facts, arrays = load_golden(name)
    state = {}
    for key, shape in facts['state_dict'].items():
        if key.endswith('num_batches_tracked'):
            state[key] = torch.tensor(0)
        else:
            state[key] = torch.from_numpy(arrays[f'keep:{key}'] if key in facts['keep'] else fill(key, shape))
    return state, arrays, facts


def fill_weights(model: nn.Module, keep: list[str]) -> None:
    """Give every float tensor of ``model`` its filled value, except those under ``keep``."""
    state = model.state_dict()
    for key, value in state.items():
        if value.is_floating_point() and key not in keep:
            state[key] = torch.from_numpy(fill(key, value.shape))
    model.load_state_dict(state)


def golden_model(name: str) -> tuple[nn.Module, Tensor, Tensor, dict, dict[str, np.ndarray]]:
    """The filled network in float64, ``keypoint (N, 1, M, T, V, C)``, ``label (N, 1)``, facts and arrays."""
    facts, arrays = load_golden(name)
    model = build_model(facts['model'])
    fill_weights(model, facts['keep'])
    n, _, m, t, v, c = facts['input']['keypoint']
    keypoint = keypoints(n, m, t, v, c)[:, None].double()
    return model.double(), keypoint, torch.tensor(facts['labels'])[:, None], facts, arrays
