"""Pose estimation of the persons in an image with rtmlib.

A pose model is an object with a method ``people(frame)`` and the name of its skeleton, ``layout``. Any other
estimator can be added as a class with this interface.

P persons, V joints, H W image.
"""

import contextlib
import io
import re
from pathlib import Path
from typing import Protocol

import numpy as np

from pyskl.pose.joint_orders import ORDERS, find_order
from pyskl.skeletons import SKELETONS, Skeleton, get_skeleton

MODES = ('performance', 'balanced', 'lightweight')
INSTALL = 'pip install rtmlib onnxruntime'
DEVICES = r'cpu|mps|rocm|cuda(:\d+)?'
DETECTOR_SIZE = (640, 640)  # (height, width) for detectors that take any
# rtmlib's classes, smallest first, and the number of joints of their networks (see joint_orders.ORDERS).
SOLUTIONS = {'Body': 17, 'Hand': 21, 'BodyWithFeet': 26, 'Wholebody': 133}


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
    """A person detector plus RTMPose, or RTMO for both at once, from ONNX files run by rtmlib.

    A layout takes its joints by name from those of the network: RTMPose has 17 joints (COCO), 26 (with feet and neck),
    133 (the whole body) or 21 (hands). A network with as many joints as the layout defines them.

    Args:
        mode: Networks that rtmlib downloads on first use if no files are given, one of :data:`MODES`.
        pose_file: ``.onnx`` of RTMPose or RTMO; disables downloads.
        detector_file: ``.onnx`` of YOLOX (or of RTMDet, if its path says so) that detects persons only, with a
            ``pose_file`` of RTMPose. If None, the whole image is one person.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        threads: CPU threads per network; 0: all.
        layout: Layout of the joints, a name or a skeleton.

    Raises:
        ValueError: If rtmlib is not installed, a file is not a network of these kinds, or has other joints.
        OSError: If a file cannot be read, or rtmlib cannot download one.
    """

    def __init__(
        self,
        mode: str = 'balanced',
        pose_file: str | Path | None = None,
        detector_file: str | Path | None = None,
        device: str = 'cpu',
        threads: int = 0,
        layout: str | Skeleton = 'coco',
    ) -> None:
        try:
            import onnxruntime
            import rtmlib
        except ImportError as error:
            raise ValueError(f'pose estimation needs rtmlib and ONNX Runtime ({error}); run {INSTALL}') from None
        if mode not in MODES:
            raise ValueError(f'mode must be one of {", ".join(MODES)}, got {mode!r}')
        if not re.fullmatch(DEVICES, device):
            raise ValueError(f'the device of rtmlib must be cpu, cuda, cuda:1, rocm or mps, got {device!r}')
        if detector_file and not pose_file:
            raise ValueError('detector_file requires pose_file; give both or neither')
        skeleton = get_skeleton(layout)
        self.layout = skeleton.name
        self._detector = None
        self._one_stage = False
        options = {'backend': 'onnxruntime', 'device': device}
        with contextlib.redirect_stdout(io.StringIO()):  # rtmlib prints the names of files
            if pose_file is None:
                self._order = self._download(rtmlib, mode, skeleton, options)
            else:
                self._order = self._open(rtmlib, onnxruntime, pose_file, detector_file, skeleton, options)
        self._whole_image = pose_file is not None and not self._one_stage and detector_file is None
        if threads:
            settings = onnxruntime.SessionOptions()
            settings.intra_op_num_threads = threads
            for network in filter(None, (self._pose, self._detector)):
                network.session = onnxruntime.InferenceSession(
                    network.onnx_model, settings, providers=network.session.get_providers()
                )

    def _download(self, rtmlib, mode: str, skeleton: Skeleton, options: dict) -> list[int]:
        """Build the smallest of rtmlib's networks that has the joints; return their indices."""
        solution, order = rtmlib_solution(skeleton)
        if solution == 'Hand':
            mode = 'lightweight'  # the only one
        try:
            both = getattr(rtmlib, solution)(mode=mode, **options)
        except Exception as error:  # rtmlib raises various errors if the host is unreachable
            raise OSError(
                f'rtmlib could not download its networks of mode {mode!r} ({" ".join(str(error).split())[:200]}); '
                f'download a .onnx file elsewhere and pass it with --pose-model'
            ) from None
        self._pose, self._detector = both.pose_model, both.det_model
        return order

    def _open(self, rtmlib, onnxruntime, pose_file, detector_file, skeleton: Skeleton, options: dict) -> list[int]:
        """Build the networks of files; return the indices of the layout's joints."""
        height, width, outputs = _inspect(pose_file, onnxruntime)
        names = list(outputs)
        self._one_stage = names[-1].startswith('keypoints') or names[0].startswith('dets')
        if not self._one_stage and not (len(names) == 2 and names[0].startswith('simcc')):
            raise ValueError(
                f'{pose_file} has outputs {", ".join(names)}; it must be RTMPose (simcc_x, simcc_y) or RTMO '
                f'(dets, keypoints)'
            )
        if self._one_stage and detector_file:
            raise ValueError(f'{pose_file} is RTMO, which detects persons itself; omit the detector {detector_file}')
        joints = outputs[names[-1]][-2]
        try:
            order = find_order(joints, None, skeleton)[1]
        except ValueError as error:
            raise ValueError(f'{pose_file}: {error}{_fitting(joints)}') from None
        if self._one_stage:
            self._pose = rtmlib.RTMO(str(pose_file), model_input_size=(height, width), **options)
            return order
        self._pose = rtmlib.RTMPose(str(pose_file), model_input_size=(width, height), **options)
        if detector_file:
            height, width, outputs = _inspect(detector_file, onnxruntime, DETECTOR_SIZE)
            if any(name.startswith(('simcc', 'keypoints')) for name in outputs):
                raise ValueError(f'{detector_file} has outputs {", ".join(outputs)}; it must be YOLOX or RTMDet')
            kind = rtmlib.RTMDet if 'rtmdet' in str(detector_file).lower() else rtmlib.YOLOX
            self._detector = kind(str(detector_file), model_input_size=(height, width), **options)
        return order

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect persons, ``(H, W, 3)`` -> ``(P, V, 2)`` pixels and ``(P, V)`` scores."""
        none = np.zeros((0, len(self._order), 2), np.float32), np.zeros((0, len(self._order)), np.float32)
        if self._one_stage:
            try:
                keypoint, score = self._pose(frame)
            except IndexError:  # rtmlib reads the first of no candidates
                return none
        else:
            boxes = [[0, 0, frame.shape[1], frame.shape[0]]] if self._whole_image else self._detector(frame)
            if len(boxes) == 0:  # rtmlib would treat the whole image as a person
                return none
            keypoint, score = self._pose(frame, bboxes=boxes)
        keypoint, score = np.asarray(keypoint)[:, self._order], np.asarray(score)[:, self._order]
        seen = score.max(-1) > 0
        return keypoint[seen].astype(np.float32), np.clip(score[seen], 0, 1).astype(np.float32)


def rtmlib_solution(skeleton: Skeleton) -> tuple[str, list[int]]:
    """Name the class of rtmlib whose networks have the joints of a layout, and return the indices of the joints.

    Raises:
        ValueError: If none has.
    """
    for solution, joints in SOLUTIONS.items():
        with contextlib.suppress(ValueError):
            if skeleton.num_joints != joints or skeleton.joints == ORDERS[joints][1]:
                return solution, find_order(joints, None, skeleton)[1]
    raise ValueError(f'no network of rtmlib has the joints of layout {skeleton.name!r}; pass a file with --pose-model')


def _fitting(joints: int) -> str:
    """Name the layouts that a network with so many joints fits."""
    names = []
    for skeleton in SKELETONS.values():
        with contextlib.suppress(ValueError):
            find_order(joints, None, skeleton)
            names.append(skeleton.name)
    return f'; it fits action networks on {" or ".join(names)}' if names else ''


def _inspect(
    path: str | Path, onnxruntime, usual: tuple[int, int] | None = None
) -> tuple[int, int, dict[str, tuple[int, ...]]]:
    """Return the input (height, width) of a network, and the shapes of its outputs.

    Args:
        path: The file.
        onnxruntime: The package.
        usual: (height, width) for networks that take any.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; it must be a .onnx file')
    try:
        session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
        taken = session.get_inputs()[0]
        _, _, height, width = taken.shape
        if usual and not (isinstance(height, int) and isinstance(width, int)):
            height, width = usual
        outputs = {output.name: tuple(output.shape) for output in session.get_outputs()}
        joints = [shape[-2] for shape in outputs.values() if len(shape) > 2]
        known = all(isinstance(size, int) for size in joints)
        if usual is None and isinstance(height, int) and isinstance(width, int) and not known:
            found = session.run(None, {taken.name: np.zeros((1, 3, height, width), np.float32)})
            outputs = {name: array.shape for name, array in zip(outputs, found, strict=True)}
    except Exception as error:
        raise ValueError(f'{path} is not an ONNX network for images: {" ".join(str(error).split())[:200]}') from None
    if not isinstance(height, int) or not isinstance(width, int):
        raise ValueError(f'{path} has a variable input size {height} x {width}; export it with a fixed size')
    return height, width, outputs
