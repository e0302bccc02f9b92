"""Metrics of MMAction2's configs, logged under MMAction2's keys (``acc/top1``)."""

from collections.abc import Sequence

from pyskl.evaluation.metrics import ClassificationMetric, useful_topk
from pyskl.registry import METRICS, nearest

SHORT = {'top_k_accuracy': 'top{k}', 'mean_class_accuracy': 'mean1', 'mean_average_precision': 'mean_average_precision'}


def _topk(metric_options: dict | None) -> Sequence[int]:
    return ((metric_options or {}).get('top_k_accuracy') or {}).get('topk', (1, 5))


def acc_keys(config: dict, num_classes: int | None) -> list[str]:
    """List the names of the values that an ``AccMetric`` with this config logs, in order."""
    names = config.get('metric_list', ('top_k_accuracy', 'mean_class_accuracy'))
    keys = []
    for name in [names] if isinstance(names, str) else names:
        topk = useful_topk(_topk(config.get('metric_options')), num_classes)
        keys += [f'top{k}' for k in topk] if name == 'top_k_accuracy' else [SHORT[name]]
    return [f'{config.get("prefix") or "acc"}/{key}' for key in keys]


@METRICS.register_module()
class AccMetric(ClassificationMetric):
    """MMAction2's ``AccMetric``: ``acc/top1``, ``acc/top5``, ``acc/mean1``.

    Args:
        metric_list: Any of 'top_k_accuracy', 'mean_class_accuracy' and 'mean_average_precision'.
        metric_options: ``dict(top_k_accuracy=dict(topk=(1, 5)))``.
        collect_device: Ignored: scores are gathered through the process group.
        prefix: Prefix of the keys, 'acc' by default.

    Raises:
        ValueError: If a metric is none of these.
    """

    def __init__(
        self,
        metric_list: Sequence[str] | str = ('top_k_accuracy', 'mean_class_accuracy'),
        metric_options: dict | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        names = [metric_list] if isinstance(metric_list, str) else list(metric_list)
        for name in names:
            if name not in SHORT:
                raise ValueError(f'AccMetric.metric_list has {name!r}{nearest(name, SHORT)}')
        super().__init__(names, _topk(metric_options))
        self.prefix = prefix or 'acc'

    def compute_metrics(self, results: list[dict]) -> dict[str, object]:
        """Compute the metrics of :class:`ClassificationMetric`, under MMAction2's names."""
        named = {f'top{k}_acc': f'top{k}' for k in self.topk} | SHORT
        return {named.get(key, key): value for key, value in super().compute_metrics(results).items()}


@METRICS.register_module()
class ConfusionMatrix(ClassificationMetric):
    """MMAction2's ``ConfusionMatrix``: ``confusion_matrix/result``, rows are the labels, K x K counts.

    Args:
        num_classes: Ignored: the number of classes is that of the scores.
        collect_device: Ignored, as in :class:`AccMetric`.
        prefix: Prefix of the key.
    """

    def __init__(self, num_classes: int | None = None, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(['confusion_matrix'])
        self.prefix = prefix or 'confusion_matrix'

    def compute_metrics(self, results: list[dict]) -> dict[str, object]:
        """Return the counts as ``result``."""
        found = super().compute_metrics(results)
        return {'result': found['confusion_matrix']} if found else {}
