"""Compare the cost of stepping a network frame by frame with that of one window every few frames.

    python benchmarks/continual.py

Each person is a separate stream (M = 1). Per network and number of persons: ms per frame of a step (mean over
whole strides, after the receptive field has filled) and ms of one padded window of 100 frames; their ratio is the
hop in frames from which the window is cheaper.
"""

import argparse
import time

import torch
from _networks import NETWORKS

from pyskl.inference.continual import ContinualRecognizer
from pyskl.models.recognizers import RecognizerGCN

WINDOW = 100


def measure(name: str, persons: int, frames: int, repeats: int) -> tuple[float, float, ContinualRecognizer]:
    """Return ms per step, ms per window, and the stepped recognizer."""
    torch.manual_seed(0)
    network = NETWORKS[name]
    config = network.model()
    config.pop('type')
    model = RecognizerGCN(**config).eval()
    clip = torch.randn(persons, 1, WINDOW, *network.clip[2:])
    recognizer = ContinualRecognizer(model)
    for index in range(recognizer.receptive_field + recognizer.stride):
        recognizer.step(clip[:, :, index % WINDOW])
    frames -= frames % recognizer.stride
    start = time.perf_counter()
    for index in range(frames):
        recognizer.step(clip[:, :, index % WINDOW])
    step = (time.perf_counter() - start) / frames
    windows = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            model.cls_head(model.backbone(clip))
            windows.append(time.perf_counter() - start)
    return 1e3 * step, 1e3 * min(windows[1:]), recognizer


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', nargs='+', default=['stgcn', 'stgcn++', 'd5'], choices=list(NETWORKS))
    parser.add_argument('--persons', nargs='+', type=int, default=[1, 5])
    parser.add_argument('--frames', type=int, default=80, help='steps that are timed')
    parser.add_argument('--repeats', type=int, default=3, help='windows that are timed; the fastest counts')
    args = parser.parse_args()
    print(f'{torch.get_num_threads()} thread(s), windows of {WINDOW} frames')
    print('network   persons  ms/step  ms/window  ratio  receptive field  delay  stride')
    for name in args.networks:
        for persons in args.persons:
            step, window, each = measure(name, persons, args.frames, args.repeats)
            print(
                f'{name:9} {persons:7} {step:8.2f} {window:10.1f} {window / step:6.1f} '
                f'{each.receptive_field:16} {each.delay:6} {each.stride:7}'
            )


if __name__ == '__main__':
    main()
