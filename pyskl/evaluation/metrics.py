"""Metrics of ``evaluation.metrics`` and ``--eval``, gathered over processes in the order of the dataset.

A custom metric (``custom_imports``) is registered in :data:`pyskl.registry.METRICS`, or mmengine's, and named
like ours. It is either a function ``(scores (N, K), labels) -> float``, logged under its own name, or a subclass of
mmengine's ``BaseMetric`` whose ``process`` gets a list of dicts ``score`` (K,) and ``label``.
"""

import inspect
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.dist import broadcast_object_list
from mmengine.evaluator import BaseMetric

from pyskl.evaluation.functional import (
    confusion_matrix,
    cross_entropy,
    mean_average_precision,
    mean_class_accuracy,
    per_class_accuracy,
    top_k_accuracy,
)
from pyskl.evaluation.gather import gather_results
from pyskl.registry import METRICS, build_component, lookup, nearest

# Each takes scores (N, K) and labels (N,) class indices; mean_average_precision takes several classes per clip as well.
METRIC_NAMES = (
    'top_k_accuracy', 'mean_class_accuracy', 'mean_average_precision', 'per_class_accuracy', 'confusion_matrix',
)  # fmt: skip
ONE_LABEL = tuple(name for name in METRIC_NAMES if name != 'mean_average_precision')


def useful_topk(topk: Sequence[int], num_classes: int | None) -> tuple[int, ...]:
    """Drop each k that is at least ``num_classes``: its accuracy is always 1."""
    return tuple(k for k in topk if k == 1 or num_classes is None or k < num_classes)


@METRICS.register_module()
class ClassificationMetric(BaseMetric):
    """Metrics of class scores.

    Args:
        metrics: Names in :data:`METRIC_NAMES`, or of registered functions.
        topk: The k of ``top_k_accuracy``. A k that is at least the number of classes is omitted.
        loss: Whether to add ``val_loss``, the cross-entropy of the scores.

    Attributes:
        scores: After an evaluation, on rank 0: the score arrays in the order of the dataset.

    Raises:
        ValueError: If a metric is unknown or a k is not positive.
    """

    default_prefix = ''  # top1_acc, not NAME/top1_acc

    def __init__(
        self, metrics: Sequence[str] | str = ('top_k_accuracy',), topk: Sequence[int] | int = (1, 5), loss: bool = False
    ) -> None:
        super().__init__()
        self.names = [metrics] if isinstance(metrics, str) else list(metrics)
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)
        self.loss = loss
        self._functions = {name: _function(name) for name in self.names if name not in METRIC_NAMES}
        if not self.topk or any(not isinstance(k, int) or isinstance(k, bool) or k < 1 for k in self.topk):
            raise ValueError(f'topk must be positive integers, got {topk!r}')
        self.scores: list[np.ndarray] = []

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Store the scores and labels of a batch."""
        self.results.extend(data_samples)

    def evaluate(self, size: int) -> dict[str, object]:
        """Compute the metrics of ``size`` samples; every process gets them."""
        results = gather_results(self.results, size)
        values = [None if results is None else self.compute_metrics(results)]
        broadcast_object_list(values)
        self.results.clear()
        return {f'{self.prefix}/{key}': value for key, value in values[0].items()} if self.prefix else values[0]

    def compute_metrics(self, results: list[dict]) -> dict[str, object]:
        """Compute the requested metrics: ``top1_acc``, ``top5_acc``, ``mean_class_accuracy``, ...

        Values are numbers, except ``per_class_accuracy`` (K numbers) and ``confusion_matrix`` (K rows of counts).
        The dict is empty for a dataset without labels, or with scores per clip (``average_clips=None``).
        """
        self.scores = [result['score'] for result in results]
        if not results or any(
            np.ndim(result.get('label', -1)) == 0 and result.get('label', -1) < 0 for result in results
        ):
            return {}
        scores = np.stack(self.scores)
        if scores.ndim != 2:
            return {}
        labels = np.stack([result['label'] for result in results])
        values: dict[str, object] = {}
        for name in self.names:
            values.update(self._value(name, scores, labels))
        if self.loss:
            values['val_loss'] = cross_entropy(scores, labels)
        return values

    def _value(self, name: str, scores: np.ndarray, labels: np.ndarray) -> dict[str, object]:
        if name == 'top_k_accuracy':
            topk = useful_topk(self.topk, scores.shape[1])
            found = top_k_accuracy(scores, labels, topk) if topk else []
            return {f'top{k}_acc': float(value) for k, value in zip(topk, found, strict=True)}
        if name == 'mean_class_accuracy':
            return {name: mean_class_accuracy(scores, labels)}
        if name == 'per_class_accuracy':
            return {name: per_class_accuracy(scores, labels).tolist()}
        if name == 'confusion_matrix':
            # Break ties like top_k_accuracy: the higher class first.
            predicted = scores.shape[1] - 1 - scores[:, ::-1].argmax(1)
            return {name: confusion_matrix(predicted, labels, num_classes=scores.shape[1]).tolist()}
        if name == 'mean_average_precision':
            hot = labels if labels.ndim == 2 else np.eye(scores.shape[1], dtype=np.int64)[labels]
            return {name: mean_average_precision(scores, hot)}
        found = self._functions[name](scores, labels)
        return dict(found) if isinstance(found, dict) else {name: float(found)}


def _function(name: str) -> Callable:
    """Return the function registered as ``name``.

    Raises:
        ValueError: If no function has that name.
    """
    found = METRICS.get(name) if isinstance(name, str) else None
    if not inspect.isfunction(found):
        registered = [key for key in METRICS.module_dict if key != 'ClassificationMetric']
        raise ValueError(f'unknown metric {name!r}{nearest(name, [*METRIC_NAMES, *registered])}')
    return found


def metric_configs(items: Sequence[str | dict], topk: Sequence[int] = (1, 5), loss: bool = False) -> list[dict]:
    """Convert ``evaluation.metrics`` or ``--eval`` to metric configs: one for our own metrics, then custom ones.

    Args:
        items: Names of metrics, or dicts with the type of a registered metric.
        topk: The k of ``top_k_accuracy``.
        loss: Whether to add ``val_loss``.

    Raises:
        ValueError: If an item is neither, or names an unknown metric.
    """
    names, others = [], []
    for item in items:
        if isinstance(item, dict):
            others.append(dict(item))
        elif not isinstance(item, str):
            raise ValueError(f"a metric must be a name or a dict with the key 'type', got {item!r}")
        elif item not in METRIC_NAMES and inspect.isclass(METRICS.get(item)):
            others.append({'type': item})
        else:
            names.append(item)
    for name in names:
        if name not in METRIC_NAMES:
            _function(name)
    return [{'type': 'ClassificationMetric', 'metrics': names, 'topk': list(topk), 'loss': loss}, *others]


def build_metrics(configs: Sequence[dict]) -> list[BaseMetric]:
    """Build the metrics of :func:`metric_configs`.

    Raises:
        ValueError: If a type or an argument is unknown.
    """
    for config in configs:
        if not inspect.isclass(lookup(config['type'], METRICS) if isinstance(config['type'], str) else config['type']):
            raise ValueError(f'metric {config["type"]!r} is a function; give its name as a string, not a dict')
    return [build_component(config, METRICS) for config in configs]


def check_labels(names: Sequence[str], several: bool, key: str) -> None:
    """Raise if the labels do not allow a metric, before any clip is scored.

    Args:
        names: Names of the metrics.
        several: Whether a clip can have several classes (``multi_class=True``).
        key: The config key or option that names them.

    Raises:
        ValueError: If a metric needs a single class per clip.
    """
    wrong = [name for name in names if name in ONE_LABEL or name == 'val_loss']
    if several and wrong:
        raise ValueError(
            f'{key}: {wrong[0]} needs one label per clip, but these clips have several (multi_class=True); '
            'use mean_average_precision'
        )
