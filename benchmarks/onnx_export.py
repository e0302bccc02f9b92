"""ONNX files of `pyskl export`: scores against those of `pyskl test`, and speed in onnxruntime against torch.

    pip install -e '.[onnx]'
    python benchmarks/onnx_export.py                                # a network of each architecture, joints
    python benchmarks/onnx_export.py --configs stgcn++/stgcn++_ntu60_xsub_hrnet/bm quickstart/d5

Prints a Markdown table. Each network, with random weights whose logits have a standard deviation of 2, is tested on
clips with fewer frames than it samples, up to twice as many, and more, of one and of as many persons as it takes,
sampled once. The table has the largest difference between a probability of `pyskl test` and that of the file. Times are
medians of the processor time of one thread for a window of the sampled length, from joints to probabilities; torch runs
as in `pyskl predict`, which computes the features of an absent person only once.
"""

import argparse
import contextlib
import io
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from _networks import CONFIGS

from pyskl.apis import load_config, test
from pyskl.engine.build import build_recognizer
from pyskl.engine.flops import clip_shape
from pyskl.inference.network import ActionNetwork, load_network
from pyskl.inference.onnx.model import IMAGE, WholeModel, random_record, whole_model

DEFAULT = (
    'stgcn/stgcn_pyskl_ntu60_xsub_hrnet/j', 'stgcn++/stgcn++_ntu60_xsub_hrnet/j',
    'aagcn/aagcn_pyskl_ntu60_xsub_hrnet/j', 'ctrgcn/ctrgcn_pyskl_ntu60_xsub_hrnet/j',
    'msg3d/msg3d_pyskl_ntu60_xsub_hrnet/j', 'dgstgcn/ntu60_xsub_3dkp/j', 'infogcn/infogcn_ntu60_xsub/k1',
    'Ske2Grid/d5_stgcn2cn_pyskl_ntu60_xsub_hrnet/j', 'posec3d/c3d_light_ntu60_xsub/joint',
)  # fmt: skip
SPREAD = 2.0  # of the logits: random weights would give each class the same probability


def save_weights(cfg, path: Path) -> None:
    """Save random weights whose logits differ."""
    torch.manual_seed(0)
    model = build_recognizer(cfg, torch.device('cpu')).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    key = getattr(model, 'input_key', 'keypoint')
    layer = [module for module in model.cls_head.modules() if getattr(module, 'bias', None) is not None][-1]
    with torch.no_grad():
        scale = SPREAD / model(**{key: torch.rand(1, 1, *clip_shape(cfg))}, mode='tensor').std()
        layer.weight.mul_(scale)
        layer.bias.mul_(scale)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)


def inputs_of(whole: WholeModel, record: dict) -> dict[str, np.ndarray]:
    """The arrays that the file takes of a record."""
    keypoint = record['keypoint'].astype(np.float32)
    if 'keypoint_score' in record:
        keypoint = np.concatenate([keypoint, record['keypoint_score'].astype(np.float32)[..., None]], -1)
    sized = len(whole.proto.graph.input) > 1
    return {'keypoint': keypoint, **({'img_shape': np.array(IMAGE)} if sized else {})}


def runner(whole: WholeModel, folder: Path) -> Callable[[dict], np.ndarray]:
    """The file as a function of its arrays, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    onnx.save(whole.proto, folder / 'net.onnx')
    session = onnxruntime.InferenceSession(str(folder / 'net.onnx'), options, providers=['CPUExecutionProvider'])
    return lambda inputs: session.run(None, inputs)[0]


def difference(cfg, weights: Path, network: ActionNetwork, whole: WholeModel, run: Callable, folder: Path) -> float:
    """The largest difference between probabilities of `pyskl test` and of the file."""
    records = []
    for seed, frames in enumerate(whole.frames):
        persons = 1 + seed % 2 * (network.num_person - 1)
        record = random_record(whole, network, frames, persons, False, seed)
        records.append({**record, 'frame_dir': f'clip{seed}', 'original_shape': IMAGE})
    names = [record['frame_dir'] for record in records]
    (folder / 'clips.pkl').write_bytes(pickle.dumps({'split': {'test': names}, 'annotations': records}))
    cfg.data.test.ann_file, cfg.data.test.split = str(folder / 'clips.pkl'), 'test'
    cfg.data.workers_per_gpu = 0
    with contextlib.redirect_stdout(io.StringIO()):
        test(cfg, str(weights), dump=str(folder / 'scores.pkl'), overwrite=True)
    expected = {row['frame_dir']: row['score'] for row in pickle.loads((folder / 'scores.pkl').read_bytes())}
    return max(float(abs(run(inputs_of(whole, r)) - expected[r['frame_dir']]).max()) for r in records)


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    """Median of the processor time of ``repeats`` calls, after one that is not counted."""
    spent = []
    for _ in range(repeats + 1):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    return float(np.median(spent[1:])) * 1e3


def times(network: ActionNetwork, whole: WholeModel, run: Callable, persons: int, repeats: int) -> str:
    """ms of a window in onnxruntime and in torch, and their ratio."""
    record = random_record(whole, network, round(network.window * network.fps), persons, False, 0)
    inputs = inputs_of(whole, record)
    window = {key: record[key] for key in ('keypoint', 'keypoint_score', 'img_shape') if key in record}
    ours = milliseconds(lambda: run(inputs), repeats)
    theirs = milliseconds(lambda: network.scores([window]), repeats)
    return f'{ours:.0f} / {theirs:.0f} = {ours / theirs:.2f}'


def row_of(name: str, repeats: int) -> str:
    """A row of the table."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cfg = load_config(str(CONFIGS / f'{name}.py'))
        for step in cfg.data.test.pipeline:
            if 'num_clips' in step:
                step['num_clips'] = 1
        save_weights(cfg, folder / 'net.pth')
        network, _ = load_network(cfg, folder / 'net.pth', clips=None)
        whole = whole_model(network, cfg)
        run = runner(whole, folder)
        cells = [times(network, whole, run, persons, repeats) for persons in (1, 2)]
        apart = difference(cfg, folder / 'net.pth', network, whole, run, folder)
    return f'| `{name}` | {apart:.1e} | {" | ".join(cells)} |'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--configs', nargs='+', default=list(DEFAULT), help='leaves below configs/, without .py')
    parser.add_argument('--repeats', type=int, default=7, help='runs that are timed (default: 7)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f'onnxruntime {onnxruntime.__version__}, torch {torch.__version__}, one thread\n')
    print('| network | largest difference | one person: onnxruntime / torch, ms | two persons |\n|---|---|---|---|')
    for name in args.configs:
        print(row_of(name, args.repeats), flush=True)


if __name__ == '__main__':
    main()
