"""The part of a test pipeline that treats each frame alone, and a network stepped with a state per person.

P persons, T new frames, V joints, C channels, U units (a person alone, or a pair), K classes.
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
LEFT_OUT = (*SAMPLERS, PoseDecode, FormatGCNInput, Collect, ToTensor)  # their part is done here
WINDOWS = 'label windows instead (stepwise off)'


class FramePipeline:
    """Prepare frames as a network's test pipeline prepares those of a clip.

    Args:
        network: Its pipeline and frame rate.

    Attributes:
        rate: Frames per second that the network takes.
        ahead: Frames after the last one that it needs: 1 for motion.
        repeats: Whether someone alone stands in every place.

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
                    raise ValueError(f'stepwise takes each frame once, but clips is {transform.num_clips}; leave it 1')
                if transform.p_interval != (1, 1):
                    raise ValueError(
                        f'{kind} takes a part of each clip (p_interval {transform.p_interval}), which frames that come '
                        f'one by one have not; {WINDOWS}'
                    )
                self.rate = transform.clip_len / network.window
            elif isinstance(transform, FormatGCNInput):
                self.repeats = transform.mode == 'loop'
            elif isinstance(transform, PreNormalize2D) and transform.mode == 'auto':
                raise ValueError(f"PreNormalize2D mode='auto' scales by the box of a whole clip; {WINDOWS}")
            elif not isinstance(transform, EACH_FRAME + LEFT_OUT):
                raise ValueError(f'{kind} of the test pipeline may depend on the whole clip; {WINDOWS}')
            motion = isinstance(transform, GenSkeFeat) and {'jm', 'bm'} & set(transform.feats)
            if motion or isinstance(transform, ToMotion):
                self.ahead = 1
            if isinstance(transform, EACH_FRAME):
                self._transforms.append(transform)
        if self.ahead and abs(self.rate - network.fps) > 1e-6:
            raise ValueError(
                f'motion is taken at {network.fps:g} frames per second, of which the network sees {self.rate:g}; '
                f'{WINDOWS}'
            )

    def __call__(self, keypoint: np.ndarray, score: np.ndarray | None, img_shape: tuple[int, int] | None) -> Tensor:
        """``(P, T + ahead, V, C')`` joints and, in 2D, ``(P, T + ahead, V)`` scores ``-> (P, T, V, C)``."""
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
    """A network with a state per person; all persons take their frames in one batch.

    The features of a person do not depend on the others; the head takes those of a unit together. Places that a unit
    leaves empty have the features of an absent person.

    Args:
        network: Its model is ST-GCN, ST-GCN++ or Ske2Grid.
        window: Seconds that the scores depend on; None: the receptive field of one feature frame.

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
                f'window is {window:g} s, {round(window * rate)} frames, but stepwise each score depends on {field} '
                f'frames, {field / rate:.2f} s, at least'
            )
        if window is not None:
            self._steps = ContinualRecognizer(network.model, round(window * rate))
        if getattr(self._steps.backbone, 'data_bn_type', None) == 'MVC' and self._places > 1:
            raise ValueError(
                "data_bn_type='MVC' normalises each place by itself, so a person has no features of their own; "
                f'{WINDOWS}'
            )
        self.window, self.stride = self._steps.window, self._steps.stride  # frames
        self._device = next(network.model.parameters()).device
        self.persons: list[int] = []
        self._since: dict[int, int] = {}  # index of the first frame of each
        self._newest = -1  # feature frame
        self._absent: Tensor | None = None

    def advance(self, persons: Sequence[int], keypoint: Tensor, since: Sequence[int]) -> None:
        """Take the next frames of all persons.

        Args:
            persons: P; the state of others is dropped, new ones start.
            keypoint: ``(P, T, V, C)`` of :class:`FramePipeline`.
            since: ``(P,)``: which of the T frames is a person's first, for those who are new.
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
        """Forget a person."""
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
        """Frames from the last one of the newest window to the newest frame."""
        return self._steps.index - 1 - (self.stride * self._newest + self._steps.delay)

    def ready(self) -> list[int]:
        """The persons who have been there for all of the newest window."""
        outputs = self._steps.outputs
        if len(outputs) < outputs.maxlen:
            return []
        first = self.stride * (self._newest - len(outputs) + 1) - self._steps.before
        return [person for person in self.persons if self._since[person] <= first]

    @torch.inference_mode()
    def logits(self, units: Sequence[tuple[int, ...]]) -> Tensor:
        """``(U, K)`` of the newest window; each unit has at most as many persons as the network has places."""
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
        """``(C', 1)``: the same in every feature frame, since no frame of an absent person differs from another."""
        if self._absent is None:
            steps = ContinualRecognizer(self._model)
            backbone = steps.backbone
            frames = steps.receptive_field + steps.stride
            zeros = torch.zeros(1, 1, frames, backbone.num_joints, backbone.in_channels, device=self._device)
            _, features = steps.advance(zeros)
            wide = torch.promote_types(features.dtype, torch.float32)
            self._absent = features[0, 0, :, -1].mean(-1, dtype=wide)[:, None]
        return self._absent
