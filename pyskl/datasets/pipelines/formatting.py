"""Format a sample as the inputs that batches are collated from."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import torch

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.streams import append_score
from pyskl.registry import TRANSFORMS


def pack_persons(keypoint: np.ndarray, num_person: int, num_clips: int, mode: str) -> np.ndarray:
    """``(M, num_clips * T, V, C)`` -> ``(num_clips, num_person, T, V, C)``, contiguous.

    Args:
        keypoint: Clips one after another in time.
        num_person: Number of output persons: the first ones, padded if there are fewer.
        num_clips: Clips.
        mode: Padding: 'zero' for zeros, 'loop' for copies if there is only one person.
    """
    persons, frames, num_joints, channels = keypoint.shape
    clips = keypoint.reshape(persons, num_clips, frames // num_clips, num_joints, channels).swapaxes(0, 1)
    if persons >= num_person:
        return np.ascontiguousarray(clips[:, :num_person])
    if mode == 'loop' and persons == 1:
        return np.ascontiguousarray(clips.repeat(num_person, axis=1))
    out = np.zeros((num_clips, num_person, *clips.shape[2:]), keypoint.dtype)
    out[:, :persons] = clips
    return out


@TRANSFORMS.register_module()
class FormatGCNInput(BaseTransform):
    """Arrange joints for a graph network: ``(num_clips, num_person, T, V, C)``.

    A remaining ``keypoint_score`` is appended to the joints as their last channel.

    Required Keys: keypoint, keypoint_score (optional), num_clips (optional)
    Modified Keys: keypoint

    Args:
        num_person: Number of persons; additional ones are dropped, missing ones padded.
        mode: Padding: 'zero' for zeros, 'loop' for copies if there is only one person.
    """

    def __init__(self, num_person: int = 2, mode: str = 'zero') -> None:
        if mode not in ('zero', 'loop'):
            raise ValueError(f"FormatGCNInput mode must be 'zero' or 'loop', got {mode!r}")
        if not isinstance(num_person, int) or num_person < 1:
            raise ValueError(f'FormatGCNInput num_person must be an integer of at least 1, got {num_person!r}')
        self.num_person = num_person
        self.mode = mode

    def transform(self, results: dict) -> dict:
        keypoint, num_clips = results['keypoint'], results.get('num_clips', 1)
        if 'keypoint_score' in results:
            keypoint = append_score(keypoint, results.pop('keypoint_score'))
        if keypoint.ndim != 4 or keypoint.shape[1] % num_clips:
            raise ValueError(
                f'FormatGCNInput expects keypoint (M, num_clips * T, V, C), but sample {sample_name(results)} has '
                f'{keypoint.shape} and num_clips={num_clips}'
            )
        results['keypoint'] = pack_persons(keypoint, self.num_person, num_clips, self.mode)
        return results


@TRANSFORMS.register_module()
class FormatShape(BaseTransform):
    """Arrange heatmaps for a 3D convolutional network: ``(views, K, clip_len, H, W)``, a view of the same memory.

    The views are the clips; with GeneratePoseTarget's ``double`` the mirrored clips follow.

    Required Keys: imgs ``(views * clip_len, K, H, W)``, clip_len
    Modified Keys: imgs

    Args:
        input_format: 'NCTHW_Heatmap'.
    """

    def __init__(self, input_format: str) -> None:
        if input_format != 'NCTHW_Heatmap':
            raise ValueError(f"FormatShape input_format must be 'NCTHW_Heatmap', got {input_format!r}")
        self.input_format = input_format

    def transform(self, results: dict) -> dict:
        imgs, clip_len = results['imgs'], results.get('clip_len') or len(results['imgs'])
        if imgs.ndim != 4 or len(imgs) % clip_len:
            raise ValueError(
                f'FormatShape expects imgs (views * clip_len, K, H, W), but sample {sample_name(results)} has '
                f'{imgs.shape} and clip_len={clip_len}'
            )
        results['imgs'] = imgs.reshape(-1, clip_len, *imgs.shape[1:]).swapaxes(1, 2)
        return results


@TRANSFORMS.register_module()
class Collect(BaseTransform):
    """Collect some keys and drop the rest.

    Args:
        keys: Keys to collect.
        meta_keys: Keys to collect into one dict.
        meta_name: The key of that dict.
        nested: Whether to wrap each value in a list of length one.
    """

    def __init__(
        self,
        keys: Sequence[str],
        meta_keys: Sequence[str] = (),
        meta_name: str = 'img_metas',
        nested: bool = False,
    ) -> None:
        self.keys = (keys,) if isinstance(keys, str) else tuple(keys)
        self.meta_keys = (meta_keys,) if isinstance(meta_keys, str) else tuple(meta_keys)
        self.meta_name = meta_name
        self.nested = nested

    def transform(self, results: dict) -> dict:
        for key in (*self.keys, *self.meta_keys):
            if key not in results:
                raise ValueError(
                    f'Collect needs key {key!r}, but sample {sample_name(results)} has only {sorted(results)}'
                )
        data = {key: results[key] for key in self.keys}
        if self.meta_keys:
            data[self.meta_name] = {key: results[key] for key in self.meta_keys}
        return {key: [value] for key, value in data.items()} if self.nested else data


def to_tensor(value: object) -> torch.Tensor:
    """Convert to a tensor: arrays keep shape and dtype, an int becomes int64 ``(1,)``, a float float32 ``(1,)``.

    Raises:
        ValueError: If ``value`` is none of these.
    """
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value if value.flags.writeable else value.copy())
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, Integral):
        return torch.tensor([int(value)])
    if isinstance(value, Real):
        return torch.tensor([float(value)])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return torch.tensor(value)
    raise ValueError(f'ToTensor converts arrays, numbers and sequences, got {type(value).__name__}')


@TRANSFORMS.register_module()
class ToTensor(BaseTransform):
    """Convert values to tensors.

    Args:
        keys: Keys to convert.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = (keys,) if isinstance(keys, str) else tuple(keys)

    def transform(self, results: dict) -> dict:
        for key in self.keys:
            if key not in results:
                raise ValueError(
                    f'ToTensor needs key {key!r}, but sample {sample_name(results)} has only {sorted(results)}'
                )
            results[key] = to_tensor(results[key])
        return results


@TRANSFORMS.register_module()
class PackActionInputs(BaseTransform):
    """Collect the input as a tensor, and the label: the last transform of MMAction2's pipelines.

    Required Keys: keypoint or imgs, label

    Args:
        collect_keys: Input key; default: ``imgs`` if present, else ``keypoint``.
        meta_keys: Ignored: clip names come from the dataset.
        algorithm_keys: Further keys of the clip to pass on.
    """

    def __init__(
        self,
        collect_keys: Sequence[str] | str | None = None,
        meta_keys: Sequence[str] = (),
        algorithm_keys: Sequence[str] = (),
    ) -> None:
        self.collect_keys = (collect_keys,) if isinstance(collect_keys, str) else tuple(collect_keys or ())
        self.meta_keys = tuple(meta_keys)
        self.algorithm_keys = tuple(algorithm_keys)

    def transform(self, results: dict) -> dict:
        keys = self.collect_keys or ('imgs' if 'imgs' in results else 'keypoint',)
        packed = Collect(keys=[*keys, 'label', *self.algorithm_keys])(results)
        return ToTensor(keys=keys)(packed)


@TRANSFORMS.register_module()
class Rename(BaseTransform):
    """Rename keys.

    Args:
        mapping: Old name -> new name.
    """

    def __init__(self, mapping: dict[str, str]) -> None:
        self.mapping = dict(mapping)

    def transform(self, results: dict) -> dict:
        for old, new in self.mapping.items():
            if old not in results or new in results:
                raise ValueError(
                    f'Rename mapping={{{old!r}: {new!r}}}: sample {sample_name(results)} '
                    f'{"already has" if old in results else "does not have"} {new if old in results else old!r} '
                    f'(keys: {sorted(results)})'
                )
            results[new] = results.pop(old)
        return results
