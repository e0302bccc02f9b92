"""Compare bones with joints on NW-UCLA: a small network on 16 frames of each stream, three seeds.

    python tools/data/nwucla.py ALL_SQE --out data/nwucla/nwucla.pkl
    python benchmarks/nwucla_bones.py

Bones are differences along the skeleton, an invertible linear map except for the root, whose bone is zero: they lack
the path of the body. 'spine alone' is only this path, 'j centred in each frame' is joints without it, 'b + spine' is
bones with it. Top-1 in % on the official 464 test clips and the 369 that are not copies of training clips.
"""

import statistics

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from pyskl.cli.entry import run
from pyskl.datasets.pipelines.ctrgcn_nwucla import fill_box, spread_frames
from pyskl.datasets.records.annotations import read_annotations
from pyskl.skeletons import get_skeleton

SKELETON = get_skeleton('nw-ucla')
PARENTS = list(SKELETON.bone_parents)
SPLITS = ('xview_train', 'xview_val', 'xview_val_dedup')
FRAMES, SEEDS, EPOCHS = 16, (0, 1, 2), 60
STREAMS = {
    'j': lambda x: x,
    'b': lambda x: x - x[:, PARENTS],
    'j centred in each frame': lambda x: x - x[:, [SKELETON.origin]],
    'b + spine': lambda x: np.concatenate([x - x[:, PARENTS], x[:, [SKELETON.origin]]], 1),
    'spine alone': lambda x: x[:, [SKELETON.origin]],
}


def joints(keypoint: np.ndarray, box: bool) -> np.ndarray:
    """``(1, T, 20, 3)`` -> ``(16, 20, 3)``: metres from the spine of the first frame, or in the box [-1, 1]."""
    x = keypoint.astype(np.float64) - keypoint[:, :1, [SKELETON.origin]]
    if box:
        x = fill_box(x, np.ones(x.shape[:2], bool))
    return x[0][spread_frames(x.shape[1], FRAMES)]


def accuracies(features: dict[str, torch.Tensor], labels: dict[str, torch.Tensor], seed: int) -> list[float]:
    """Train on the training clips; top-1 in % of both test lists."""
    torch.manual_seed(seed)
    x, y = features['xview_train'], labels['xview_train']
    model = nn.Sequential(nn.Dropout(0.3), nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-2)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(y)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        return [100 * (model(features[split]).argmax(1) == labels[split]).float().mean().item() for split in SPLITS[1:]]


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    records, splits = read_annotations('data/nwucla/nwucla.pkl')
    clips = {record['frame_dir']: record for record in records}
    labels = {split: torch.tensor([clips[name]['label'] for name in splits[split]]) for split in SPLITS}
    print('| coordinates | stream | 464 | 369 |\n|---|---|---|---|')
    for box in (False, True):
        sampled = {name: joints(record['keypoint'], box) for name, record in clips.items()}
        for stream, of in STREAMS.items():
            rows = {split: np.stack([of(sampled[name]).ravel() for name in splits[split]]) for split in SPLITS}
            mean, deviation = rows['xview_train'].mean(0), rows['xview_train'].std(0) + 1e-6
            features = {
                split: torch.tensor((row - mean) / deviation, dtype=torch.float32) for split, row in rows.items()
            }
            found = zip(*(accuracies(features, labels, seed) for seed in SEEDS), strict=True)
            cells = [f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}' for values in found]
            print(f'| {"box" if box else "metres"} | {stream} | {" | ".join(cells)} |', flush=True)


if __name__ == '__main__':
    run(main)
