"""Test a checkpoint: score every clip, in the order of the data set."""

import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from mmengine.config import Config
from torch import nn

from pyskl.engine.build import build_dataset, build_recognizer, has_several_labels
from pyskl.engine.checkpoints.files import find_checkpoint, load_weights, read_checkpoint
from pyskl.engine.config.data import dataset_config, loader_options
from pyskl.engine.config.errors import error_context
from pyskl.engine.config.evaluation import metrics_of
from pyskl.engine.config.load import datasets_in
from pyskl.engine.config.settings import process_settings
from pyskl.engine.distributed import (
    init_distributed,
    on_rank_zero,
    processes_here,
    reporting_lost_peers,
    this_device,
    world,
)
from pyskl.engine.evaluator import TestEvaluator
from pyskl.engine.freed_memory import keeping_freed_memory
from pyskl.engine.fuse_conv_bn import fuse_conv_bn
from pyskl.engine.hooks import BarHook
from pyskl.engine.loaders import build_loader, ending_workers, usable_workers
from pyskl.engine.matmul_precision import matmul_precision
from pyskl.engine.model_wrapper import ModelWrapper
from pyskl.engine.runner import TestRunner
from pyskl.evaluation.metrics import build_metrics, check_labels, metric_configs, useful_topk
from pyskl.evaluation.tables import result_lines
from pyskl.files import check_output, replacing, write_text

DEFAULT_METRICS = ('top_k_accuracy', 'mean_class_accuracy')
OUT_SUFFIXES = ('.pkl', '.pickle', '.json', '.yaml', '.yml')


def test(
    cfg: Config,
    checkpoint: str,
    *,
    metrics: list[str] | None = None,
    out: str | None = None,
    dump: str | None = None,
    overwrite: bool | Sequence[str] = False,
    average_clips: str | None = None,
    fuse: bool = False,
    amp: str | None = None,
    compile: bool = False,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
) -> dict[str, object]:
    """Test ``checkpoint`` (a path or a quoted glob) on ``data.test``. See ``tools/test.py --help`` for the arguments.

    Returns:
        The metrics, on every process: numbers, except ``per_class_accuracy`` (K numbers) and ``confusion_matrix``
        (K rows of counts).

    Raises:
        ValueError: If config, data and checkpoint do not fit each other, a metric is unknown or does not fit the
            labels, or an output file has an unknown suffix.
        FileNotFoundError: If a file named in the config or the arguments does not exist.
    """
    process = process_settings(cfg)
    launcher = process.launcher if launcher == 'none' else launcher
    init_distributed(launcher, process.backend, process.port)
    rank, world_size = world()
    device = this_device()
    path, note = find_checkpoint(checkpoint)
    on_rank_zero(check_outputs, out, dump, overwrite, _inputs(cfg, path))
    if average_clips is not None and cfg.get('model'):
        cfg.model.test_cfg = {**(cfg.model.get('test_cfg') or {}), 'average_clips': average_clips}
    with error_context('--eval'):
        measures = build_metrics(_metrics(cfg, metrics))
    recognizer = build_recognizer(cfg, device)
    notes = [note] if note else []
    notes += load_weights(recognizer, read_checkpoint(path, trust_checkpoint), path)
    dataset = build_dataset(cfg, 'test', recognizer)
    loader = _loader(cfg, dataset, device, notes)
    recognizer.eval()
    measures = _fitting(measures, recognizer, dataset, named=bool(metrics))
    notes += _left_out(measures[0], recognizer)
    evaluator = TestEvaluator(measures)
    if fuse:
        notes.append(f'--fuse-conv-bn: fused {_fuse(recognizer, dataset, device)} batch norms')
    if compile or process.compile:
        recognizer.compile()
    if amp == 'auto':
        amp = 'bf16' if device.type == 'cpu' or torch.cuda.is_bf16_supported() else 'fp16'
    runner = TestRunner(
        model=ModelWrapper(recognizer, amp),
        test_dataloader=loader,
        test_cfg={},
        test_evaluator=evaluator,
        launcher=launcher,
        env_cfg=process.environment,
        default_hooks={'logger': None},
        custom_hooks=[{'type': BarHook}],
        log_level='WARNING',
        visualizer={'type': 'Visualizer', 'vis_backends': []},
        experiment_name=f'test_{os.path.splitext(os.path.basename(path))[0]}',
        cfg=cfg,
    )
    if rank == 0:
        for line in [f'testing {path}: {len(dataset)} clips on {device}, {world_size} process(es)', *notes]:
            print(line, flush=True)
    precision = matmul_precision(process.float32_matmul_precision)
    with keeping_freed_memory(device), precision, reporting_lost_peers(), ending_workers(loader):
        result = runner.test()
    if rank == 0:
        write_scores(measures[0].scores, dataset, out, dump)
    evaluator.raise_errors()
    if rank == 0:
        if not result:
            print('no metrics: the clips have no labels, or test_cfg requests features or scores per clip', flush=True)
        for line in result_lines(result):
            print(line, flush=True)
    return result


def _inputs(cfg: Config, checkpoint: str) -> list[str | Path]:
    """Return the files that a test reads, which outputs must not replace."""
    data = datasets_in(dataset_config(cfg, 'test') or {})
    names = [checkpoint, cfg.filename or checkpoint, *(section.get('ann_file') for section in data)]
    return [name for name in names if isinstance(name, str | Path)]


def _loader(cfg: Config, dataset, device: torch.device, notes: list[str]):
    """Build the loader of the test clips; add a log line to ``notes`` if it has fewer workers than configured."""
    rank, world_size = world()
    options = loader_options(cfg, 'test')
    options['workers'], note = usable_workers(options['workers'], processes_here())
    if note:
        notes.append(note)
    pin_memory = device.type == 'cuda'
    return build_loader(dataset, **options, seed=0, rank=rank, world_size=world_size, pin_memory=pin_memory)


def _fitting(measures: list, recognizer: nn.Module, dataset, named: bool) -> list:
    """Return the metrics that fit outputs and labels: none for features, mean average precision for several labels.

    Args:
        measures: The metrics of ``--eval`` or the config.
        recognizer: The network.
        dataset: The test clips.
        named: Whether ``--eval`` names them, so that they are not replaced.

    Raises:
        ValueError: If a named metric does not fit the labels.
    """
    if getattr(recognizer, 'feat_ext', False) or getattr(recognizer, 'score_ext', False):
        return build_metrics(metric_configs([]))  # the outputs are features, not scores
    if not has_several_labels(dataset):
        return measures
    if not named:
        measures = build_metrics(metric_configs(['mean_average_precision']))
    check_labels(measures[0].names, True, '--eval')
    return measures


def _metrics(cfg: Config, names: list[str] | None) -> list[dict]:
    """Return the metrics of ``--eval``, else of mmengine's ``test_evaluator``, else the default metrics."""
    if not names and cfg.get('test_evaluator'):
        return metrics_of(cfg, 'test')
    return metric_configs(names or DEFAULT_METRICS)


def _left_out(metric, recognizer: nn.Module) -> list[str]:
    """Return a log line if top-k accuracy is always 1 for a k."""
    classes = getattr(getattr(recognizer, 'cls_head', None), 'num_classes', None)
    trivial = sorted(set(metric.topk) - set(useful_topk(metric.topk, classes)))
    if not trivial or 'top_k_accuracy' not in metric.names:
        return []
    return [f'top-{trivial[0]} accuracy is not computed: with {classes} classes it is always 1']


def check_outputs(out: str | None, dump: str | None, overwrite: bool | Sequence[str], inputs: list[str]) -> None:
    """Check before the test that output files can be written and do not replace other files.

    Raises:
        ValueError: If a suffix is unknown, a file is one of ``inputs``, or a folder cannot be written or created.
        FileExistsError: If a file exists, and ``overwrite`` is not True and does not list it.
    """
    for option, path in (('--out', out), ('--dump', dump)):
        if path is None:
            continue
        if not path.endswith(OUT_SUFFIXES):
            raise ValueError(f'{option} {path} must end in one of {", ".join(OUT_SUFFIXES)}')
        may = overwrite if isinstance(overwrite, bool) else path in overwrite
        check_output(os.path.expanduser(path), may, [os.path.expanduser(name) for name in inputs], option)
    if out and dump and os.path.realpath(out) == os.path.realpath(dump):
        raise ValueError(f'--out and --dump are the same file, {out}; choose different files')


def write_scores(scores: list[np.ndarray], dataset, out: str | None, dump: str | None) -> None:
    """Write the score files.

    Args:
        scores: Scores of each clip.
        dataset: The data set, for names and labels.
        out: Path for the list of score arrays, PYSKL's format; or None.
        dump: Path for a list of dicts with frame_dir, label and score; or None.
    """
    if out:
        _write(out, [np.asarray(score, np.float32) for score in scores])
    if dump:
        rows = zip(dataset.names, dataset.labels.tolist(), scores, strict=True)
        _write(dump, [{'frame_dir': str(name), 'label': label, 'score': score} for name, label, score in rows])


def _write(path: str, rows: list) -> None:
    path = os.path.expanduser(path)
    if path.endswith(('.pkl', '.pickle')):
        with replacing(path) as file:
            pickle.dump(rows, file)
    else:
        plain = [
            {k: np.asarray(v).tolist() if k == 'score' else v for k, v in row.items()}
            if isinstance(row, dict)
            else row.tolist()
            for row in rows
        ]
        write_text(path, json.dumps(plain) if path.endswith('.json') else yaml.safe_dump(plain))
    print(f'wrote {path}: {len(rows)} scores', flush=True)


def _fuse(recognizer: nn.Module, dataset, device: torch.device) -> int:
    sample = dataset[0]
    key = 'keypoint' if 'keypoint' in sample else 'imgs'
    inputs = torch.as_tensor(np.asarray(sample[key]))[None].to(device)
    return fuse_conv_bn(recognizer, **{key: inputs}, mode='tensor')
