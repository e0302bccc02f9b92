"""Draw the images of the README and the docs from the networks that the quickstart trained.

bash tools/quickstart.sh
python benchmarks/docs_images.py
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pyskl.apis import inference_recognizer, init_recognizer
from pyskl.cli.report import pose_of
from pyskl.cli.run_facts import WorkDir
from pyskl.datasets import read_annotations
from pyskl.files import replacing_path
from pyskl.inference.network import load_network
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.responses import KINDS, respond
from pyskl.reports.charts import save
from pyskl.reports.grid import grid_chart
from pyskl.visualization.colors import ACCENT, BACKGROUND, QUIET, TEXT
from pyskl.visualization.panels import JointsPanel
from pyskl.visualization.skeleton import visibility
from pyskl.visualization.text import put_text
from pyskl.visualization.video import write_image, write_video

ACTIONS = ('wave', 'clap', 'punch', 'squat', 'kick')
FRAMES, SIZE, FOOT, GAP = 40, 170, 44, 6


def film(work_dir: WorkDir, path: Path) -> None:
    """Draw clips of unseen people side by side, with the network's prediction below each."""
    section = work_dir.cfg.data.test
    records, splits = read_annotations(section.ann_file)
    members = set(splits[section.split])
    model = init_recognizer(work_dir.cfg, work_dir.checkpoint)
    columns = []
    for action in ACTIONS:
        label = work_dir.classes.index(action)
        record = next(r for r in records if r['label'] == label and r['frame_dir'] in members)
        guess, share = inference_recognizer(model, record)[0]
        chosen = np.linspace(0, record['keypoint'].shape[1] - 1, FRAMES).round().astype(int)
        keypoint, score = record['keypoint'][:, chosen], record['keypoint_score'][:, chosen]
        panel = JointsPanel(keypoint, visibility(keypoint, score), work_dir.skeleton, SIZE, square=True)
        columns.append((panel, work_dir.classes[guess], share, guess == label))

    def frames():
        for frame in range(FRAMES):
            image = np.full((SIZE + FOOT, len(columns) * (SIZE + GAP) - GAP, 3), BACKGROUND, np.uint8)
            for place, (panel, name, share, right) in enumerate(columns):
                x = place * (SIZE + GAP)
                image[:SIZE, x : x + SIZE] = panel.draw(frame)
                put_text(image, name if right else f'{name} (wrong)', (x + 6, SIZE + 4), 15, TEXT)
                cv2.rectangle(image, (x + 6, SIZE + 30), (x + SIZE - 48, SIZE + 34), (60, 64, 72), -1)
                cv2.rectangle(image, (x + 6, SIZE + 30), (x + 6 + round((SIZE - 54) * share), SIZE + 34), ACCENT, -1)
                put_text(image, f'{100 * share:.0f} %', (x + SIZE - 4, SIZE + 24), 11, QUIET, align='right')
            yield image[:, : image.shape[1] // 2 * 2]

    write_video(path, frames(), 15)


def explained(work_dir: WorkDir, path: Path) -> None:
    """Draw the responses of joints (above) and their evidence for the label (below), as in films of ``--explain``."""
    section = work_dir.cfg.data.test
    records, splits = read_annotations(section.ann_file)
    members = set(splits[section.split])
    network, _ = load_network(work_dir.cfg, work_dir.checkpoint)
    recognizer = ActionRecognizer.of(network)
    canvas = np.full((2 * (SIZE + FOOT // 2), len(ACTIONS) * (SIZE + GAP) - GAP, 3), BACKGROUND, np.uint8)
    for column, action in enumerate(ACTIONS):
        label = work_dir.classes.index(action)
        record = next(r for r in records if r['label'] == label and r['frame_dir'] in members)
        keypoint, score = record['keypoint'][0].astype(np.float32), record['keypoint_score'][0].astype(np.float32)
        size = tuple(record['img_shape'])
        stream = recognizer.stream(size=size)
        people = [(t / 30, np.array([1]), keypoint[t, None], score[t, None]) for t in range(len(keypoint))]
        events = [event for _, _, *frame in people for event in stream.update(tuple(frame))] + stream.finish()
        for row, kind in enumerate(KINDS):
            with tempfile.TemporaryDirectory() as folder:
                responses = respond(network, people, Path(folder), kind, events, size)
                responses.rewind()
                strength = np.stack([responses.strengths(np.array([1]))[0] for _ in people], 1)  # (1, T, V)
                responses.close()
            seen = visibility(keypoint[None], score[None])
            panel = JointsPanel(keypoint[None], seen, work_dir.skeleton, SIZE, square=True, strength=strength)
            x, y = column * (SIZE + GAP), row * (SIZE + FOOT // 2)
            canvas[y : y + SIZE, x : x + SIZE] = panel.draw(int(strength[0].sum(1).argmax()))
            words = events[0].label if kind == 'magnitude' else f'for {events[0].label}'
            put_text(canvas, words, (x + 6, y + SIZE + 2), 13, QUIET)
    write_image(path, canvas)


def main() -> None:
    """Draw the images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', default='work_dirs/quickstart/d5tod6')
    parser.add_argument('--out', type=Path, default=Path(__file__).resolve().parents[1] / 'docs/images')
    args = parser.parse_args()
    work_dir = WorkDir(args.work_dir)
    args.out.mkdir(parents=True, exist_ok=True)
    film(work_dir, args.out / 'film.gif')
    with replacing_path(args.out / 'grid.png') as path:
        save(grid_chart(work_dir.grid(), work_dir.skeleton, pose_of(work_dir.clips())), path, dpi=110)
    explained(work_dir, args.out / 'explain.png')
    for path in (args.out / 'film.gif', args.out / 'grid.png', args.out / 'explain.png'):
        print(f'{path}: {path.stat().st_size / 1e3:.0f} kB')


if __name__ == '__main__':
    main()
