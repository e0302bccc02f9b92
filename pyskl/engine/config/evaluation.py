"""Keys of ``evaluation``: when to validate, which metrics, and how to select the best epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.config import Config

from pyskl.engine.config.errors import error_context
from pyskl.evaluation.metrics import build_metrics, metric_configs, useful_topk
from pyskl.evaluation.mmaction_metrics import acc_keys
from pyskl.registry import nearest

LESS_IS_BETTER = ('val_loss',)


@dataclass(frozen=True)
class EvaluationSettings:
    """Validation settings of a run.

    Args:
        interval: Epochs between two validations.
        begin: The first epoch that is validated, from 1.
        offset: Epoch ``e`` is validated if ``(e - offset) % interval == 0``: ``start`` in mmcv, 0 in mmengine.
        metrics: Configs of the metrics; the first is a ``ClassificationMetric`` and stores all scores.
        save_best: Metric that selects the best checkpoint; None: no best checkpoint is saved.
        rule: 'greater' or 'less'.
        note: A log line about a metric that is not computed, or None.
    """

    interval: int
    begin: int
    offset: int
    metrics: tuple[dict, ...]
    save_best: str | None
    rule: str
    note: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the metrics of this package, and val_loss if requested."""
        return [*self.metrics[0]['metrics'], *(['val_loss'] if self.metrics[0]['loss'] else [])]


def evaluation(cfg: Config) -> EvaluationSettings:
    """Read ``evaluation`` (or mmengine's ``train_cfg``, ``val_evaluator`` and ``default_hooks.checkpoint``).

    Raises:
        ValueError: If a metric is unknown, or ``save_best`` is not among the metrics.
    """
    config = dict(cfg.get('evaluation') or {})
    loop = cfg.get('train_cfg') or {}
    start = config.get('start')
    metrics = metrics_of(cfg)
    names = measured(metrics, _num_classes(cfg))
    classes = _num_classes(cfg)
    first = metrics[0]
    trivial = sorted(set(first['topk']) - set(useful_topk(first['topk'], classes)))
    note = None
    if trivial and 'top_k_accuracy' in first['metrics']:
        note = f'top-{trivial[0]} accuracy is not computed: with {classes} classes it is always 1'
    checkpoint = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    save_best = config.get('save_best', config.get('key_indicator', checkpoint.get('save_best', 'auto')))
    save_best = _save_best(save_best, names, metrics)
    rule = config.get('rule') or checkpoint.get('rule') or ('less' if save_best in LESS_IS_BETTER else 'greater')
    return EvaluationSettings(
        interval=config.get('interval', loop.get('val_interval', 1)),
        begin=max(1, start if start is not None else loop.get('val_begin', 1)),
        offset=start or 0,
        metrics=tuple(metrics),
        save_best=save_best,
        rule=rule,
        note=note,
    )


def metrics_of(cfg: Config, phase: str = 'val') -> list[dict]:
    """Return the metric configs of ``evaluation.metrics`` or ``val_evaluator``; in testing of ``test_evaluator``.

    Raises:
        ValueError: If a metric is unknown.
    """
    config = dict(cfg.get('evaluation') or {})
    own = cfg.get('test_evaluator') if phase == 'test' else None
    choices = (own, config.get('metrics'), config.get('metric'), cfg.get('val_evaluator'), ['top_k_accuracy'])
    given = next(value for value in choices if value is not None)
    topk = config.get('topk', ((config.get('metric_options') or {}).get('top_k_accuracy') or {}).get('topk', (1, 5)))
    loss = bool(config.get('loss')) or validates_loss(cfg)
    items = [given] if isinstance(given, str | dict) else list(given)
    with error_context('evaluation.metrics'):
        metrics = metric_configs(items, [topk] if isinstance(topk, int) else list(topk), loss)
        build_metrics(metrics)
    return metrics


def validates_loss(cfg: Config) -> bool:
    """Whether ``workflow`` has a validation step, for which mmcv logs the loss on the validation clips."""
    return any(step[0] == 'val' for step in cfg.get('workflow') or ())


def measured(metrics: Sequence[dict], num_classes: int | None) -> list[str] | None:
    """Names of the values that ``metrics`` log, in order; None if a custom metric may log any."""
    names = []
    for metric in metrics:
        topk = useful_topk(metric.get('topk', (1, 5)), num_classes)
        if metric['type'] == 'ClassificationMetric':
            for name in metric['metrics']:
                names += [f'top{k}_acc' for k in topk] if name == 'top_k_accuracy' else [name]
            names += ['val_loss'] if metric.get('loss') else []
        elif metric['type'] == 'AccMetric':
            names += acc_keys(metric, num_classes)
        elif metric['type'] != 'ConfusionMatrix':
            return None
    return [name for name in names if name not in ('per_class_accuracy', 'confusion_matrix')]


def _save_best(best: object, names: list[str] | None, metrics: Sequence[dict]) -> str | None:
    if isinstance(best, list | tuple):
        if len(best) != 1:
            raise ValueError(f'evaluation.save_best must be the name of one metric, got {best!r}')
        best = best[0]
    if best is False:
        return None
    if best == 'auto':
        if names is not None:
            return names[0] if names else None
        ours = measured([metric for metric in metrics if metric['type'] == 'ClassificationMetric'], None)
        if not ours:
            raise ValueError(
                "evaluation.save_best='auto' needs a metric of this package; set it to the name of a value that your "
                'metric returns'
            )
        return ours[0]
    if best and names is not None and best not in names:
        raise ValueError(f'evaluation.save_best={best!r} is not one of the metrics{nearest(best, names)}')
    return best


def _num_classes(cfg: Config) -> int | None:
    model = cfg.get('model')
    head = model.get('cls_head') if isinstance(model, dict) else None
    return head.get('num_classes') if isinstance(head, dict) else None
