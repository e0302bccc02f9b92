"""Compare the tracker of pyskl.pose with norfair's on persons who cross or are hidden for a while.

    pip install norfair
    python benchmarks/tracking.py

Each case is a walk of the generated body of pyskl.synthetic, detected with noise and in random order. Reported per
tracker: how often a person's track changes (identity switches), tracks per person, ms per frame.
"""

import argparse
import time

import numpy as np

from pyskl.pose.tracking import Tracker
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.actions import walk
from pyskl.synthetic.body import mark, pose_body, random_proportions

FPS, SECONDS, PIXELS = 30, 4, 250  # a person is about 1.7 m x 250 pixels per metre high


def walkers(seed: int, kind: str, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Two persons: ``(2, T, V, 2)`` pixels and ``(2, T, V)`` scores, 0 where hidden."""
    random = np.random.RandomState(seed)
    frames, skeleton = FPS * SECONDS, get_skeleton('coco')
    place = np.stack(
        [mark(pose_body(walk(random, frames, 1.0), random_proportions(random)), skeleton)[..., :2] for _ in range(2)]
    )
    time_of = np.linspace(0, 1, frames)
    speed = random.uniform(1.5, 3.0)  # metres in the clip, each way
    place[0, ..., 0] += (speed * (time_of - 0.5))[:, None]
    place[1, ..., 0] -= (speed * (time_of - random.uniform(0.45, 0.55)))[:, None]
    if kind == 'turn':  # the persons meet and turn back
        place[..., 0] = (
            np.abs(place[..., 0]) * np.array([1, -1])[:, None, None] + np.array([0.25, -0.25])[:, None, None]
        )
    pixels = place * (PIXELS, -PIXELS) + (960, 800)
    pixels += random.normal(0, noise, pixels.shape)
    score = random.uniform(0.7, 1.0, pixels.shape[:-1])
    if kind in ('occlusion', 'long occlusion'):
        length = FPS // 4 if kind == 'occlusion' else round(FPS * 0.8)
        start = frames // 2 - length // 2
        score[1, start : start + length] = 0  # the person in the background
    return pixels.astype(np.float32), score.astype(np.float32)


def hungarian(frames: list) -> list[np.ndarray]:
    """Track by :class:`pyskl.pose.tracking.Tracker`."""
    tracker = Tracker(FPS)
    return [tracker.update(number, *found) for number, found in enumerate(frames)]


def norfair_tracks(frames: list) -> list[np.ndarray]:
    """Track by norfair, with its keypoint distance as in its own pose demo."""
    import logging

    import norfair

    logging.disable(logging.WARNING)  # it recommends a vectorised distance on every frame

    def distance(detection, tracked) -> float:
        size = max(np.ptp(detection.points, axis=0).max(), 1.0)
        return float(np.linalg.norm(detection.points - tracked.estimate, axis=1).mean() / size)

    tracker = norfair.Tracker(distance, distance_threshold=0.5, hit_counter_max=FPS, initialization_delay=0)
    out = []
    for keypoint, _ in frames:
        detections = [norfair.Detection(points, data=index) for index, points in enumerate(keypoint)]
        track = np.full(len(keypoint), -1)
        for tracked in tracker.update(detections):
            if tracked.last_detection in detections:
                track[tracked.last_detection.data] = tracked.id
        out.append(track)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=50, help='per case (default: 50)')
    args = parser.parse_args()
    methods = {'pyskl': hungarian, 'norfair': norfair_tracks}
    print(f'{"case":28s}' + ''.join(f'{name:>10s} switches  tracks  ms/frame' for name in methods))
    for kind in ('crossing', 'occlusion', 'long occlusion', 'turn'):
        for noise in (3.0, 12.0):
            row = f'{kind + f", noise {noise:g} px":28s}'
            for method in methods.values():
                switches, tracks, spent = 0, 0, 0.0
                for seed in range(args.clips):
                    pixels, score = walkers(seed, kind, noise)
                    order = np.random.RandomState(seed)
                    frames, owner = [], []
                    for t in range(pixels.shape[1]):
                        here = order.permutation(np.flatnonzero(score[:, t].max(-1) > 0))
                        frames.append((pixels[here, t], score[here, t]))
                        owner.append(here)
                    begin = time.perf_counter()
                    found = method(frames)
                    spent += time.perf_counter() - begin
                    for person in range(2):
                        own = [
                            track[who == person][0] for track, who in zip(found, owner, strict=True) if person in who
                        ]
                        switches += int(np.count_nonzero(np.diff(own)))
                    tracks += len(set(np.concatenate(found).tolist()))
                clips = args.clips
                row += f'{switches / clips:19.2f}{tracks / clips / 2:8.2f}{spent / clips / FPS / SECONDS * 1e3:10.2f}'
            print(row, flush=True)


if __name__ == '__main__':
    main()
