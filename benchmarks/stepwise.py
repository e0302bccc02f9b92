"""Accuracy of a trained network frame by frame (--stepwise) against windows, on the test clips of its config.

    bash tools/quickstart.sh
    python benchmarks/stepwise.py quickstart/d5tod6 'work_dirs/quickstart/d5tod6/best_top1_acc_epoch_*.pth'

A clip is shorter than the receptive field of most networks, so every clip is shown again and again, as one long action
of one person. `clips` is the accuracy of one window per clip. Of the streams, `scores` is the share of the outputs
whose most likely class is that of the clip, from the end of the first full window on; `persons` that of the clips whose
mean probability over these outputs is highest for their class.
"""

import argparse

import numpy as np
import torch

from pyskl.apis import load_config
from pyskl.datasets.records.cache import open_records
from pyskl.inference.network import ActionNetwork, load_network
from pyskl.inference.person_steps import PersonSteps
from pyskl.inference.stepwise import make_stream
from pyskl.inference.stream import StreamSettings

TOGETHER = 50  # persons of a stream


def windows_of(store, indices: np.ndarray) -> list[dict]:
    """The clips of one person each, as windows."""
    found = []
    for index in indices:
        record = store[int(index)]
        window = {key: record[key] for key in ('keypoint', 'keypoint_score', 'img_shape') if key in record}
        window['keypoint'] = np.asarray(window['keypoint'], np.float32)[:1]
        if 'keypoint_score' in window:
            window['keypoint_score'] = np.asarray(window['keypoint_score'], np.float32)[:1]
        found.append(window)
    return found


def outputs(network: ActionNetwork, windows: list[dict], seconds: float, stepwise: bool, field: float) -> list[list]:
    """The probabilities of every output of each clip that is repeated for ``seconds``."""
    found = [[] for _ in windows]
    settings = StreamSettings(nearness=0, stepwise=stepwise)
    length = field if stepwise else network.window

    def note(middle: float, person: int, row: np.ndarray) -> None:
        if middle >= length / 2 - 1e-6:
            found[person - 1].append(row)

    stream = make_stream(network, network.fps, windows[0].get('img_shape'), settings, note)
    for number in range(round(seconds * network.fps)):
        joints = np.stack([window['keypoint'][0, number % window['keypoint'].shape[1]] for window in windows])
        score = np.ones(joints.shape[:2], np.float32)
        if 'keypoint_score' in windows[0]:
            score = np.stack([w['keypoint_score'][0, number % w['keypoint'].shape[1]] for w in windows])
        stream.update((joints, score), ids=range(len(windows)))
    stream.finish()
    return found


def main() -> None:
    """Print the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of a network that can be stepped')
    parser.add_argument('checkpoint', help='path or quoted glob of its weights')
    parser.add_argument('--seconds', type=float, help='length of the streams (default: receptive field and 4 s)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cfg = load_config(args.config)
    network, _ = load_network(cfg, args.checkpoint)
    store, split = open_records(cfg.data.test.ann_file), cfg.data.test.get('split')
    indices = np.arange(len(store)) if split is None else np.asarray(store.splits[split])
    labels, windows = store.labels[indices], windows_of(store, indices)
    steps = PersonSteps(network)
    field = steps.window / steps.pipeline.rate
    seconds = args.seconds or field + 4
    print(f'receptive field {steps.window} frames, {field:.2f} s; window {network.window:.2f} s; {len(labels)} clips')
    batches = [windows[at : at + TOGETHER] for at in range(0, len(labels), TOGETHER)]
    best = np.concatenate([network.scores(batch)[0].argmax(1) for batch in batches])
    print(f'clips              {np.mean(best == labels):.1%}')
    for name, stepwise in (('windows', False), ('stepwise', True)):
        rows = []
        for batch in batches:
            rows += outputs(network, batch, seconds, stepwise, field)
        each = np.mean([np.mean(np.argmax(row, 1) == label) for row, label in zip(rows, labels, strict=True)])
        mean = np.mean([np.mean(row, 0).argmax() == label for row, label in zip(rows, labels, strict=True)])
        print(f'{name:9s} scores   {each:.1%}\n{name:9s} persons  {mean:.1%}', flush=True)


if __name__ == '__main__':
    main()
