"""The metrics of ``evaluation.metrics``, gathered over processes in the order of the data set."""

import numpy as np
from mmengine.evaluator import BaseMetric

from pyskl.evaluation.functional import mean_average_precision, mean_class_accuracy, top_k_accuracy
from pyskl.registry import METRICS

METRIC_NAMES = ('top_k_accuracy', 'mean_class_accuracy', 'mean_average_precision')


@METRICS.register_module()
class ClassificationMetric(BaseMetric):
    """Accuracies of class scores.

    Args:
        metrics: Names out of :data:`METRIC_NAMES`.
        topk: The k of ``top_k_accuracy``.

    Attributes:
        scores: After an evaluation, on rank 0: the score arrays in the order of the data set.

    Raises:
        ValueError: If a metric is unknown or a k is not positive.
    """

    default_prefix = ''  # top1_acc, not NAME/top1_acc

    def __init__(self, metrics: list[str] = ('top_k_accuracy',), topk: list[int] = (1, 5)) -> None:
        # 'gpu' gathers through the process group, over gloo too; 'cpu' would need a file system that all nodes share.
        super().__init__(collect_device='gpu')
        self.names = [metrics] if isinstance(metrics, str) else list(metrics)
        self.topk = (topk,) if isinstance(topk, int) else tuple(topk)
        unknown = [name for name in self.names if name not in METRIC_NAMES]
        if unknown:
            raise ValueError(f'unknown metric {unknown[0]!r}; choose from {METRIC_NAMES}')
        if not self.topk or any(not isinstance(k, int) or k < 1 for k in self.topk):
            raise ValueError(f'topk must hold positive integers, got {topk!r}')
        self.scores: list[np.ndarray] = []

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        """Keep the scores and labels of a batch."""
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """``top1_acc``, ``top5_acc``, ``mean_class_accuracy``, ``mean_average_precision``, as asked for.

        Nothing is computed for a data set without labels, or with scores a clip (``average_clips=None``).
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
        values: dict[str, float] = {}
        for name in self.names:
            if name == 'top_k_accuracy':
                accuracies = top_k_accuracy(scores, labels, self.topk)
                values.update({f'top{k}_acc': float(v) for k, v in zip(self.topk, accuracies, strict=True)})
            elif name == 'mean_class_accuracy':
                values[name] = float(mean_class_accuracy(scores, labels))
            else:
                values[name] = float(mean_average_precision(scores, labels))
        return values
