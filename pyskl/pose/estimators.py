"""Pose estimation of the persons in an image with rtmlib.

A pose model is an object with a method ``people(frame)`` and the name of its skeleton, ``layout``. Any other
estimator can be added as a class with this interface.

P persons, V joints, H W image.
"""

from pathlib import Path
from typing import Protocol

import numpy as np

MODES = ('performance', 'balanced', 'lightweight')
INSTALL = 'pip install rtmlib onnxruntime'


class PoseModel(Protocol):
    """The interface of a pose estimator."""

    layout: str

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect the persons in an image.

        Args:
            frame: ``(H, W, 3)`` uint8, blue first.

        Returns:
            ``(P, V, 2)`` pixels, x to the right and y down, and ``(P, V)`` scores from 0 to 1; P may be 0.
        """
        ...


class RtmlibPose:
    """A person detector plus RTMPose, or RTMO for both at once: 17 COCO joints from ONNX files run by rtmlib.

    Args:
        mode: Networks that rtmlib downloads on first use if no files are given, one of :data:`MODES`.
        pose_file: ``.onnx`` of RTMPose or RTMO; disables downloads.
        detector_file: ``.onnx`` of YOLOX, with a ``pose_file`` of RTMPose. If None, the whole image is one person.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        threads: CPU threads per network; 0: all.

    Raises:
        ValueError: If rtmlib is not installed, or a file is not a network of these kinds.
        OSError: If a file cannot be read, or rtmlib cannot download one.
    """

    layout = 'coco'

    def __init__(
        self,
        mode: str = 'balanced',
        pose_file: str | Path | None = None,
        detector_file: str | Path | None = None,
        device: str = 'cpu',
        threads: int = 0,
    ) -> None:
        try:
            import onnxruntime
            import rtmlib
        except ImportError as error:
            raise ValueError(f'pose estimation needs rtmlib and ONNX Runtime ({error}); run {INSTALL}') from None
        if mode not in MODES:
            raise ValueError(f'mode must be one of {", ".join(MODES)}, got {mode!r}')
        if detector_file and not pose_file:
            raise ValueError('detector_file requires pose_file; give both or neither')
        self._detector = None
        self._one_stage = False
        if pose_file is None:
            try:
                body = rtmlib.Body(mode=mode, backend='onnxruntime', device=device)
            except Exception as error:  # rtmlib raises various errors if the host is unreachable
                raise OSError(
                    f'rtmlib could not download its networks of mode {mode!r} ({" ".join(str(error).split())[:200]}); '
                    f'download a .onnx file elsewhere and pass it with --pose-model'
                ) from None
            self._pose, self._detector = body.pose_model, body.det_model
        else:
            height, width, outputs = _inspect(pose_file, onnxruntime)
            self._one_stage = outputs[-1].startswith('keypoints') or outputs[0].startswith('dets')
            if not self._one_stage and not (len(outputs) == 2 and outputs[0].startswith('simcc')):
                raise ValueError(
                    f'{pose_file} has outputs {", ".join(outputs)}; it must be RTMPose (simcc_x, simcc_y) or RTMO '
                    f'(dets, keypoints)'
                )
            options = {'backend': 'onnxruntime', 'device': device}
            if self._one_stage:
                self._pose = rtmlib.RTMO(str(pose_file), model_input_size=(height, width), **options)
            else:
                self._pose = rtmlib.RTMPose(str(pose_file), model_input_size=(width, height), **options)
                if detector_file:
                    height, width, _ = _inspect(detector_file, onnxruntime)
                    self._detector = rtmlib.YOLOX(str(detector_file), model_input_size=(height, width), **options)
        self._whole = pose_file is not None and not self._one_stage and detector_file is None
        if threads:
            settings = onnxruntime.SessionOptions()
            settings.intra_op_num_threads = threads
            for network in filter(None, (self._pose, self._detector)):
                network.session = onnxruntime.InferenceSession(
                    network.onnx_model, settings, providers=network.session.get_providers()
                )

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect persons, ``(H, W, 3)`` -> ``(P, 17, 2)`` pixels and ``(P, 17)`` scores."""
        none = np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)
        if self._one_stage:
            keypoint, score = self._pose(frame)
        else:
            boxes = [[0, 0, frame.shape[1], frame.shape[0]]] if self._whole else self._detector(frame)
            if len(boxes) == 0:  # rtmlib would treat the whole image as a person
                return none
            keypoint, score = self._pose(frame, bboxes=boxes)
        seen = np.asarray(score).max(-1) > 0
        return keypoint[seen].astype(np.float32), np.clip(score[seen], 0, 1).astype(np.float32)


def _inspect(path: str | Path, onnxruntime) -> tuple[int, int, list[str]]:
    """Return the input (height, width) of a network, and the names of its outputs."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; it must be a .onnx file')
    try:
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        _, _, height, width = session.get_inputs()[0].shape
    except Exception as error:
        raise ValueError(f'{path} is not an ONNX network for images: {" ".join(str(error).split())[:200]}') from None
    if not isinstance(height, int) or not isinstance(width, int):
        raise ValueError(f'{path} has a variable input size {height} x {width}; export it with a fixed size')
    return height, width, [output.name for output in session.get_outputs()]
