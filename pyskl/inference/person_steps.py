"""Apply the frame-wise part of a test pipeline, and step a network with a state per person.

P persons, T new frames, V joints, C channels, U units (one person or a pair), K classes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pyskl.datasets.pipelines.formatting import Collect, FormatGCNInput, ToTensor
from pyskl.datasets.pipelines.normalize import PreNormalize2D
from pyskl.datasets.pipelines.sampling import PoseDecode, UniformSampleDecode, UniformSampleFrames
from pyskl.datasets.pipelines.streams import GenSkeFeat, JointToBone, MergeSkeFeat, ToMotion, append_score
from pyskl.inference.continual import ContinualRecognizer
from pyskl.inference.network import ActionNetwork

EACH_FRAME = (PreNormalize2D, GenSkeFeat, JointToBone, MergeSkeFeat, ToMotion)
SAMPLERS = (UniformSampleFrames, UniformSampleDecode)
LEFT_OUT = (*SAMPLERS, PoseDecode, FormatGCNInput, Collect, ToTensor)  # replaced by the code here
WINDOWS = 'use windows (stepwise off)'


class FramePipeline:
    """Prepare single frames in the same way as a network's test pipeline prepares the frames of a clip.

    Args:
        network: The network, whose pipeline and frame rate are used.

    Attributes:
        rate: Frame rate of the network's input.
        ahead: Number of additional frames needed after the last one: 1 for motion.
        repeats: Whether a single person is repeated for every person of the network's input.

    Raises:
        ValueError: If a transform needs a whole clip.
    """

    def __init__(self, network: ActionNetwork) -> None:
        self.network, self.rate, self.ahead, self.repeats = network, network.fps, 0, False
        self._transforms = []
        for transform in network.pipeline.transforms:
            kind = type(transform).__name__
            if isinstance(transform, SAMPLERS):
                if transform.num_clips != 1:
                    raise ValueError(f'stepwise requires clips to be 1, got {transform.num_clips}')
                if transform.p_interval != (1, 1):
                    raise ValueError(
                        f'stepwise does not support {kind} with p_interval {transform.p_interval}, a part of each '
                        f'clip; {WINDOWS}'
                    )
                self.rate = transform.clip_len / network.window
            elif isinstance(transform, FormatGCNInput):
                self.repeats = transform.mode == 'loop'
            elif isinstance(transform, PreNormalize2D) and transform.mode == 'auto':
                raise ValueError(f"PreNormalize2D mode='auto' needs the bounding box of a whole clip; {WINDOWS}")
            elif not isinstance(transform, EACH_FRAME + LEFT_OUT):
                raise ValueError(f'{kind} in the test pipeline may depend on the whole clip; {WINDOWS}')
            motion = isinstance(transform, GenSkeFeat) and {'jm', 'bm'} & set(transform.feats)
            if motion or isinstance(transform, ToMotion):
                self.ahead = 1
            if isinstance(transform, EACH_FRAME):
                self._transforms.append(transform)
        if self.ahead and abs(self.rate - network.fps) > 1e-6:
            raise ValueError(
                f'stepwise motion needs all {network.fps:g} frames per second, but the network uses {self.rate:g}; '
                f'{WINDOWS}'
            )

    def __call__(self, keypoint: np.ndarray, score: np.ndarray | None, img_shape: tuple[int, int] | None) -> Tensor:
        """Convert joints ``(P, T + ahead, V, C')`` and, in 2D, scores ``(P, T + ahead, V)`` to ``(P, T, V, C)``."""
        window = {'keypoint': keypoint}
        if score is not None:
            window['keypoint_score'] = score
        if img_shape is not None:
            window['img_shape'] = img_shape
        results = self.network.record(window)
        for transform in self._transforms:
            results = transform(results)
        keypoint = results['keypoint']
        if 'keypoint_score' in results:
            keypoint = append_score(keypoint, results['keypoint_score'])
        frames = keypoint.shape[1] - self.ahead
        return torch.from_numpy(np.ascontiguousarray(keypoint[:, :frames], np.float32))


class PersonSteps:
    """Step a network with a state per person, with all persons in one batch.

    The features of a person do not depend on other persons; the head pools those of a unit. If a unit has fewer persons
    than the network's input, the rest have the features of an absent person.

    Args:
        network: A network whose model is ST-GCN, ST-GCN++ or Ske2Grid.
        window: Duration that the scores depend on, seconds; None: the receptive field of one feature frame.

    Raises:
        ValueError: If the network cannot be stepped, or the window is shorter than the receptive field.
    """

    def __init__(self, network: ActionNetwork, window: float | None = None) -> None:
        self._model, self._places = network.model, network.num_person
        try:
            self._steps = ContinualRecognizer(network.model)
        except ValueError as error:
            raise ValueError(f'{error}; {WINDOWS}') from None
        self.pipeline = FramePipeline(network)
        rate, field = self.pipeline.rate, self._steps.receptive_field
        if window is not None and round(window * rate) < field:
            raise ValueError(
                f'window must be at least {field} frames ({field / rate:.2f} s) with stepwise, got '
                f'{round(window * rate)} frames ({window:g} s)'
            )
        if window is not None:
            self._steps = ContinualRecognizer(network.model, round(window * rate))
        if getattr(self._steps.backbone, 'data_bn_type', None) == 'MVC' and self._places > 1:
            raise ValueError(
                "stepwise does not support data_bn_type='MVC', which normalises each person of the input differently; "
                f'{WINDOWS}'
            )
        self.window, self.stride = self._steps.window, self._steps.stride  # frames
        self._device = next(network.model.parameters()).device
        self.persons: list[int] = []
        self._since: dict[int, int] = {}  # index of the first frame of each person
        self._newest = -1  # index of the newest feature frame
        self._absent: Tensor | None = None

    def advance(self, persons: Sequence[int], keypoint: Tensor, since: Sequence[int]) -> None:
        """Add the next frames of all persons.

        Args:
            persons: Numbers of the P persons. The states of other persons are dropped; new persons are added.
            keypoint: ``(P, T, V, C)``, the output of :class:`FramePipeline`.
            since: ``(P,)``, for new persons the index of their first frame among the T frames.
        """
        self._take(list(persons))
        for person, first in zip(persons, since, strict=True):
            self._since.setdefault(person, self._steps.index + int(first))
        found = self._steps.advance(keypoint[:, None].to(self._device))
        if found is not None:
            first, features = found
            for feature in features.unbind(3):
                self._steps.remember(feature)
            self._newest = first + features.shape[3] - 1

    def drop(self, person: int) -> None:
        """Drop the state of a person."""
        if person in self._since:
            self._take([other for other in self.persons if other != person])

    def _take(self, persons: list[int]) -> None:
        if persons == self.persons:
            return
        rows = {person: row for row, person in enumerate(self.persons)}
        if set(persons) & set(rows):
            self._steps.select([rows.get(person) for person in persons])
        else:
            self._steps.reset()
            self._since, self._newest = {}, -1
        self._since = {person: first for person, first in self._since.items() if person in persons}
        self.persons = persons

    @property
    def lag(self) -> int:
        """Number of frames between the end of the newest window and the newest frame."""
        return self._steps.index - 1 - (self.stride * self._newest + self._steps.delay)

    def ready(self) -> list[int]:
        """Return the persons who were present during the whole newest window."""
        outputs = self._steps.outputs
        if len(outputs) < outputs.maxlen:
            return []
        first = self.stride * (self._newest - len(outputs) + 1) - self._steps.before
        return [person for person in self.persons if self._since[person] <= first]

    @torch.inference_mode()
    def logits(self, units: Sequence[tuple[int, ...]]) -> Tensor:
        """Compute the logits ``(U, K)`` of the newest window; a unit has at most as many persons as the input."""
        pooled = torch.stack(list(self._steps.outputs), 3)[:, 0]  # (P, C', windows)
        rows = {person: row for row, person in enumerate(self.persons)}
        maps = []
        for unit in units:
            members = [pooled[rows[person]] for person in unit]
            if self.pipeline.repeats and len(members) == 1:
                members *= self._places
            if len(members) < self._places:
                members += [self._absent_features().expand_as(pooled[0])] * (self._places - len(members))
            maps.append(torch.stack(members))
        return self._steps.head(torch.stack(maps))

    def _absent_features(self) -> Tensor:
        """Compute the features ``(C', 1)`` of an absent person, whose frames are all equal."""
        if self._absent is None:
            steps = ContinualRecognizer(self._model)
            backbone = steps.backbone
            frames = steps.receptive_field + steps.stride
            zeros = torch.zeros(1, 1, frames, backbone.num_joints, backbone.in_channels, device=self._device)
            _, features = steps.advance(zeros)
            wide = torch.promote_types(features.dtype, torch.float32)
            self._absent = features[0, 0, :, -1].mean(-1, dtype=wide)[:, None]
        return self._absent
