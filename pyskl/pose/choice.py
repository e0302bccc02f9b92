"""Choice of a pose estimator by name, including the user's own class."""

import contextlib
import importlib
from pathlib import Path

from pyskl.pose.estimators import PoseModel, RtmlibPose, rtmlib_solution
from pyskl.pose.mediapipe import MediaPipeBody, MediaPipeHands
from pyskl.skeletons import SKELETONS, Skeleton, get_skeleton

# The estimators, and the layouts that they detect.
SHIPPED = {
    'mediapipe': "'coco' or 'mediapipe'",
    'mediapipe-hands': "'handmp'",
    'rtmlib': "'coco', 'openpose', 'handmp', or 'wholebody' and its parts",
}
ESTIMATORS = ('auto', *SHIPPED)


def make_pose_model(
    name: str,
    layout: str | Skeleton | None = None,
    pose_file: str | Path | None = None,
    detector_file: str | Path | None = None,
    device: str = 'cpu',
    mode: str = 'balanced',
) -> PoseModel:
    """Build the estimator called ``name``.

    Args:
        name: One of :data:`ESTIMATORS`, or a custom class ``package.module:Class``, constructed without arguments.
            ``auto``: rtmlib if ``pose_file`` is given; otherwise the first of MediaPipe's body, MediaPipe's hands and
            rtmlib that detects the joints of the layout.
        layout: Layout of the network that takes the joints, a name or a skeleton; None: the estimator's usual one.
        pose_file: ONNX pose model for rtmlib.
        detector_file: ONNX detector for rtmlib.
        device: Device of rtmlib.
        mode: Which networks rtmlib downloads if no files are given.

    Raises:
        ValueError: If the name is unknown, its package is not installed, or its joints are not those of ``layout``.
        OSError: If a file cannot be read or downloaded.
    """
    skeleton = None if layout is None else get_skeleton(layout)
    fits = list(SHIPPED) if skeleton is None else estimators_for(skeleton)
    if name == 'auto':
        name = 'rtmlib' if pose_file else [*fits, *SHIPPED][0]
    for option, file in (('--pose-model', pose_file), ('--detector', detector_file)):
        if file and name != 'rtmlib':
            raise ValueError(f'{option} is a file for rtmlib, but the estimator is {name}; use --pose rtmlib')
    if name in SHIPPED and not pose_file and name not in fits:
        raise ValueError(
            f'the network needs joints of {skeleton.name!r}, but the estimator {name} detects {SHIPPED[name]}; '
            f'{_fitting(fits)}'
        )
    if name == 'rtmlib':
        return RtmlibPose(mode, pose_file, detector_file, device, layout=skeleton or 'coco')
    if name == 'mediapipe':
        return MediaPipeBody(skeleton or 'coco')
    if name == 'mediapipe-hands':
        return MediaPipeHands()
    if ':' not in name:
        raise ValueError(
            f'unknown pose estimator {name!r}; choose from {", ".join(ESTIMATORS)}, or package.module:Class'
        )
    model = _own(name)
    if skeleton is not None and model.layout != skeleton.name:
        raise ValueError(
            f'the network needs joints of {skeleton.name!r}, but the estimator {name} detects {model.layout!r}; '
            f'{_fitting(fits)}'
        )
    return model


def estimators_for(skeleton: Skeleton) -> list[str]:
    """List the estimators that detect the joints of a layout, the one that needs no files first."""
    fits = []
    if skeleton.dims == 2:
        if set(skeleton.joints) <= set(SKELETONS['mediapipe'].joints):
            fits.append('mediapipe')
        if skeleton.joints == SKELETONS['handmp'].joints:
            fits.append('mediapipe-hands')
        with contextlib.suppress(ValueError):
            rtmlib_solution(skeleton)
            fits.append('rtmlib')
    return fits


def _own(name: str) -> PoseModel:
    module, _, attribute = name.partition(':')
    try:
        model = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise ValueError(f'cannot import the pose estimator {name!r}: {error}') from None
    if not hasattr(model, 'people') or not hasattr(model, 'layout'):
        raise ValueError(f'{name} must have a method people(frame) and an attribute layout')
    return model


def _fitting(fits: list[str]) -> str:
    """Suggest the estimators that detect a layout."""
    if fits:
        return f'use --pose {" or ".join(fits)}'
    return 'no built-in estimator detects these; use keypoints, your own estimator, or a network for coco or handmp'
