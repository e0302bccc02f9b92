"""Choice of a pose estimator by name, including the user's own class."""

import importlib
from pathlib import Path

from pyskl.pose.estimators import PoseModel, RtmlibPose
from pyskl.pose.mediapipe import MediaPipeBody, MediaPipeHands

ESTIMATORS = ('auto', 'rtmlib', 'mediapipe', 'mediapipe-hands')


def make_pose_model(
    name: str,
    layout: str | None = None,
    pose_file: str | Path | None = None,
    detector_file: str | Path | None = None,
    device: str = 'cpu',
    mode: str = 'balanced',
) -> PoseModel:
    """Build the estimator called ``name``.

    Args:
        name: One of :data:`ESTIMATORS`, or a custom class ``package.module:Class``, constructed without arguments.
            ``auto``: MediaPipe's hands for the layout ``handmp``, rtmlib if ``pose_file`` is given, and otherwise
            MediaPipe's body, which needs no file.
        layout: Skeleton layout of the network that takes the joints.
        pose_file: ONNX pose model for rtmlib.
        detector_file: ONNX detector for rtmlib.
        device: Device of rtmlib.
        mode: Which networks rtmlib downloads if no files are given.

    Raises:
        ValueError: If the name is unknown, its package is not installed, or its joints are not those of ``layout``.
        OSError: If a file cannot be read or downloaded.
    """
    if name == 'auto':
        name = 'mediapipe-hands' if layout == 'handmp' else 'rtmlib' if pose_file else 'mediapipe'
    if pose_file and name != 'rtmlib':
        raise ValueError(f'--pose-model is a file for rtmlib, but the estimator is {name}; use --pose rtmlib')
    if name == 'rtmlib':
        model = RtmlibPose(mode, pose_file, detector_file, device)
    elif name == 'mediapipe':
        model = MediaPipeBody('mediapipe' if layout == 'mediapipe' else 'coco')
    elif name == 'mediapipe-hands':
        model = MediaPipeHands()
    elif ':' in name:
        model = _own(name)
    else:
        raise ValueError(
            f'unknown pose estimator {name!r}; choose from {", ".join(ESTIMATORS)}, or package.module:Class'
        )
    if layout is not None and model.layout != layout:
        raise ValueError(
            f'the network needs joints of {layout!r}, but the estimator {name} detects {model.layout!r}; '
            f'{_fitting(layout)}'
        )
    return model


def _own(name: str) -> PoseModel:
    module, _, attribute = name.partition(':')
    try:
        model = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise ValueError(f'cannot import the pose estimator {name!r}: {error}') from None
    if not hasattr(model, 'people') or not hasattr(model, 'layout'):
        raise ValueError(f'{name} must have a method people(frame) and an attribute layout')
    return model


def _fitting(layout: str) -> str:
    """Suggest the estimators that support the layout."""
    fits = {'coco': 'use --pose mediapipe or rtmlib', 'handmp': 'use --pose mediapipe-hands'}
    return fits.get(layout, 'no built-in estimator detects these; use keypoints, or a network for coco or handmp')
