"""Body and hand joints from MediaPipe, whose package includes its networks, so that nothing is downloaded.

Axes: ``P`` persons (or hands) of a frame, ``V`` joints. Source: https://arxiv.org/abs/2006.10204 (body) and
https://arxiv.org/abs/2006.10214 (hands).
"""

import contextlib
import os
import warnings
from collections.abc import Iterator

import numpy as np

from pyskl.skeletons import Skeleton, get_skeleton

INSTALL = 'pip install mediapipe==0.10.14'
MAX_HANDS = 8
_BLANK = np.zeros((64, 64, 3), np.uint8)  # processing a first frame starts the network's threads, which log to stderr


class MediaPipeBody:
    """Detect one person per frame, as COCO's 17 joints, all 33 landmarks, or any others that have landmarks' names.

    MediaPipe tracks the person over time, so frames must be given in order; use one object per film.

    Args:
        layout: Layout, a name or a skeleton, whose joints are selected from the landmarks by name: ``coco``,
            ``wholebody:body``, ``mediapipe`` (all landmarks in MediaPipe's order), or a skeleton of yours.
        min_score: Minimum confidence of a detection, 0 to 1.

    Raises:
        ValueError: If MediaPipe is not installed, or an argument is out of range.
    """

    def __init__(self, layout: str | Skeleton = 'coco', min_score: float = 0.5) -> None:
        _check_score(min_score)
        solutions = _solutions()
        skeleton, landmarks = get_skeleton(layout), solutions.pose.PoseLandmark
        place = {landmark.name.lower(): landmark.value for landmark in landmarks}
        if skeleton.dims != 2 or not set(skeleton.joints) <= set(place):
            raise ValueError(
                f"layout of MediaPipe's body must have joints with names of its landmarks, such as 'coco' or "
                f"'mediapipe', got {skeleton.name!r}"
            )
        self._chosen = [place[joint] for joint in skeleton.joints]
        self.layout = skeleton.name
        with _quiet():
            self._network = solutions.pose.Pose(
                model_complexity=1, min_detection_confidence=min_score, min_tracking_confidence=min_score
            )
            self._network.process(_BLANK)

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect at most one person, ``(H, W, 3)`` uint8 BGR -> ``(P, V, 2)`` pixels, ``(P, V)`` visibilities."""
        found = self._network.process(np.ascontiguousarray(frame[..., ::-1])).pose_landmarks
        if found is None:
            return _nobody(len(self._chosen))
        place = _pixels(found.landmark, frame)[self._chosen]
        score = np.array([found.landmark[v].visibility for v in self._chosen], np.float32)
        return place[None], score[None].clip(0, 1)

    def close(self) -> None:
        """Release the network."""
        self._network.close()


class MediaPipeHands:
    """Detect hands with 21 joints each, the layout ``handmp``; each hand counts as a person.

    The score of a joint is the confidence of its hand, since MediaPipe has no score per joint.

    Args:
        max_hands: Maximum number of hands per frame, 1 to 8.
        min_score: Minimum confidence of a detection, 0 to 1.

    Raises:
        ValueError: If MediaPipe is not installed, or an argument is out of range.
    """

    layout = 'handmp'

    def __init__(self, max_hands: int = 2, min_score: float = 0.5) -> None:
        _check_score(min_score)
        if not 1 <= max_hands <= MAX_HANDS:
            raise ValueError(f'max_hands must be 1 to {MAX_HANDS}, got {max_hands}')
        solutions = _solutions()
        with _quiet():
            self._network = solutions.hands.Hands(
                max_num_hands=max_hands, min_detection_confidence=min_score, min_tracking_confidence=min_score
            )
            self._network.process(_BLANK)

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Detect hands, ``(H, W, 3)`` uint8 BGR -> ``(P, 21, 2)`` pixels and ``(P, 21)`` scores."""
        found = self._network.process(np.ascontiguousarray(frame[..., ::-1]))
        if not found.multi_hand_landmarks:
            return _nobody(get_skeleton('handmp').num_joints)
        place = np.stack([_pixels(hand.landmark, frame) for hand in found.multi_hand_landmarks])
        confidence = np.array([side.classification[0].score for side in found.multi_handedness], np.float32)
        return place, np.repeat(confidence[:, None].clip(0, 1), place.shape[1], axis=1)

    def close(self) -> None:
        """Release the network."""
        self._network.close()


def _solutions():
    # protobuf warns about the version that MediaPipe was built with
    warnings.filterwarnings('ignore', message=r'SymbolDatabase\.GetPrototype', category=UserWarning)
    try:
        with _quiet():
            from mediapipe.python import solutions
            from mediapipe.python.solutions import hands, pose  # noqa: F401  (attributes of solutions from here on)
    except ImportError as error:
        raise ValueError(f'MediaPipe is not installed ({error}); run {INSTALL}') from None
    return solutions


def _check_score(min_score: float) -> None:
    if not 0 <= min_score <= 1:
        raise ValueError(f'min_score must be 0 to 1, got {min_score!r}')


def _pixels(landmarks, frame: np.ndarray) -> np.ndarray:
    """Convert landmarks to pixels ``(V, 2)``: MediaPipe returns fractions of the image's width and height."""
    share = np.array([(point.x, point.y) for point in landmarks], np.float32)
    return share * np.array([frame.shape[1], frame.shape[0]], np.float32)


def _nobody(joints: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Discard what MediaPipe's C++ code writes to stderr during start-up."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
