"""Fit the temperature of a network's scores, and the confidence threshold for unknown actions, on a split.

    pyskl calibrate CONFIG CHECKPOINT --out calibration.json
    pyskl calibrate CONFIG CHECKPOINT --split xsub_val --method energy --unknown other.pkl --out energy.json
    pyskl predict film.mp4 --model CONFIG CHECKPOINT --calibration calibration.json

The expected calibration error (ECE) is printed before and after, and how well the confidence separates
correct from incorrect labels (AUROC) or, with --unknown, known from unknown actions. Report results on other
clips than these.
"""

import argparse
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='path or quoted glob')
    parser.add_argument(
        '--out', type=Path, required=True, metavar='FILE.json', help='output, for pyskl predict --calibration'
    )
    parser.add_argument('--split', help="split of the validation data (default: the config's)")
    parser.add_argument(
        '--unknown', type=Path, metavar='FILE', help='annotation file with actions that are not among the classes'
    )
    parser.add_argument(
        '--method', choices=('max_prob', 'energy'), default='max_prob', help='confidence measure (default: max_prob)'
    )
    parser.add_argument(
        '--keep', type=float, default=0.95, metavar='SHARE',
        help='share of the correctly labelled clips above the threshold (default: 0.95)',
    )  # fmt: skip
    parser.add_argument('--clips', type=int, default=1, help='clips per sample, as for predict (default: 1)')
    parser.add_argument('--batch', type=int, default=16, help=argparse.SUPPRESS)
    parser.add_argument('--device', default='cpu', help='e.g. cpu or cuda:0 (default: cpu)')
    parser.add_argument('--overwrite', action='store_true', help='replace FILE.json')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load a checkpoint that could run code')
    args = parser.parse_args(argv)
    if not 0 < args.keep < 1:
        raise ValueError(f'--keep must be between 0 and 1, got {args.keep:g}')
    if not 1 <= args.clips <= 100:
        raise ValueError(f'--clips must be 1 to 100, got {args.clips}')
    return args


def logits_of(network, records, batch: int) -> np.ndarray:
    """Return the mean logits ``(N, K)`` of annotation records, in order."""
    import torch
    from tqdm import tqdm

    rows = []
    for start in tqdm(range(0, len(records), batch), desc='clips', unit=' batches', disable=None, leave=False):
        rows.append(network.logits(records[start : start + batch]).mean(1))
    return torch.cat(rows).numpy()


def fit(
    logits: np.ndarray, labels: np.ndarray, unknown: np.ndarray | None, method: str, keep: float
) -> tuple[dict, list[str]]:
    """Fit the calibration; return it and the lines of a report.

    Args:
        logits: ``(N, K)``.
        labels: ``(N,)``.
        unknown: ``(U, K)`` logits of clips whose action is not one of the classes.
        method: ``max_prob`` or ``energy``.
        keep: Share of the correctly labelled clips above the threshold.

    Raises:
        ValueError: If no clip is labelled correctly.
    """
    from pyskl.evaluation.calibration import (
        auroc,
        confidence,
        energy,
        expected_calibration_error,
        fit_temperature,
        scale,
    )

    right = logits.argmax(1) == labels
    if not right.any():
        raise ValueError('the network labels no clip of this split correctly; is it the right checkpoint?')
    # Without errors the likelihood increases indefinitely as the temperature decreases.
    temperature = 1.0 if right.all() else fit_temperature(logits, labels)

    def certainty(scores: np.ndarray, t: float) -> np.ndarray:
        return confidence(scale(scores, t)) if method == 'max_prob' else -energy(scores, t)

    what = 'correct against incorrect' if unknown is None else 'known against unknown'
    lines = [f'{len(labels)} clips, {right.mean():.2%} labelled correctly; temperature {temperature:.3f}']
    if right.all():
        lines[0] += ' (not fitted: this needs incorrectly labelled clips; use a harder split)'
    result = {'temperature': temperature, 'method': method, 'clips': len(labels), 'accuracy': float(right.mean())}
    for name, t in (('before', 1.0), ('after', temperature)):
        ece = expected_calibration_error(scale(logits, t), labels)
        parts = (certainty(logits, t), right) if unknown is None else (
            np.concatenate([certainty(logits, t), certainty(unknown, t)]),
            np.arange(len(logits) + len(unknown)) < len(logits),
        )  # fmt: skip
        area = auroc(*parts) if 0 < parts[1].sum() < len(parts[1]) else float('nan')
        result[f'ece_{name}'], result[f'auroc_{name}'] = ece, None if np.isnan(area) else area
        lines.append(f'{name:6s}  ECE {ece:.4f}  AUROC {area:.4f} ({what}, by {method})')
    result['threshold'] = float(np.quantile(certainty(logits, temperature)[right], 1 - keep))
    below = 'incorrectly labelled' if unknown is None else 'unknown'
    others = certainty(logits, temperature)[~right] if unknown is None else certainty(unknown, temperature)
    rejected = (
        f', and {np.mean(others < result["threshold"]):.1%} of the {below} clips are below' if len(others) else ''
    )
    lines.append(f'threshold {result["threshold"]:.4f}: {keep:.0%} of the correctly labelled clips are above{rejected}')
    return result, lines


def main() -> None:
    """Fit and write the calibration."""
    args = parse_args()
    from pyskl.datasets.records.cache import open_records
    from pyskl.engine.config.load import datasets_in, load_config
    from pyskl.files import check_output, write_json
    from pyskl.inference.network import load_network

    check_output(args.out, args.overwrite)
    cfg = load_config(args.config)
    network, notes = load_network(cfg, args.checkpoint, args.device, args.trust_checkpoint, args.clips)
    sections = datasets_in(cfg.get('data', {}).get('val') or {})
    if not sections or not sections[0].get('ann_file'):
        raise ValueError(f'{args.config} has no data.val with an ann_file to calibrate on')
    store = open_records(sections[0]['ann_file'])
    split = args.split or sections[0].get('split')
    if split is not None and split not in (store.splits or {}):
        raise ValueError(f'{sections[0]["ann_file"]} has no split {split!r}; it has {sorted(store.splits or {})}')
    chosen = np.arange(len(store)) if split is None else np.asarray(store.splits[split])
    labels = store.labels[chosen]
    chosen, labels = chosen[labels >= 0], labels[labels >= 0]
    if not len(chosen):
        raise ValueError(f'split {split!r} has no labelled clip')
    logits = logits_of(network, [store[int(index)] for index in chosen], args.batch)
    unknown = None
    if args.unknown:
        other = open_records(args.unknown)
        unknown = logits_of(network, [other[index] for index in range(len(other))], args.batch)
    result, lines = fit(logits, labels, unknown, args.method, args.keep)
    for line in [*(note for note in notes if 'neither config' not in note), *lines]:
        print(line)
    write_json(args.out, {**result, 'split': split, 'config': str(args.config), 'checkpoint': str(args.checkpoint)})
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
