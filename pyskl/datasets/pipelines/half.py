"""Arithmetic in float16 as NumPy does it, several times faster.

NumPy computes a float16 operation in float32 and rounds the result. So do these, through torch's vector instructions.
"""

import numpy as np
import torch


def widen(x: np.ndarray) -> np.ndarray:
    """float16 -> float32; any other dtype as it is."""
    if x.dtype != np.float16:
        return x
    # torch has no read-only tensors; copying half the bytes costs next to nothing.
    return torch.from_numpy(x if x.flags.writeable else x.copy()).float().numpy()


def narrow(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float32 -> ``dtype``, rounding to nearest even."""
    if x.dtype == dtype:
        return x
    return torch.from_numpy(x).half().numpy() if dtype == np.float16 else x.astype(dtype)


def to_float32(x: np.ndarray) -> np.ndarray:
    """``x`` itself where it is float32 already."""
    return widen(x).astype(np.float32, copy=False)
