"""Evaluator that stores all scores even if a metric raises."""

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric, Evaluator


class TestEvaluator(Evaluator):
    """Delay exceptions of metrics, so that the scores of a long test can be written first.

    Args:
        metrics: The metrics; the first collects the scores and must not raise.
    """

    __test__ = False  # not a test for pytest

    def __init__(self, metrics: Sequence[BaseMetric]) -> None:
        super().__init__(list(metrics))
        self._errors: dict[int, Exception] = {}

    def process(self, data_samples: Sequence[dict], data_batch: object = None) -> None:
        """Pass a batch to each metric that has not failed."""
        for i, metric in enumerate(self.metrics):
            if i not in self._errors:
                try:
                    metric.process(data_batch, data_samples)
                except Exception as error:  # a custom metric may raise any exception
                    self._errors[i] = error

    def evaluate(self, size: int) -> dict:
        """Return the values of all metrics that have not failed."""
        values: dict = {}
        for i, metric in enumerate(self.metrics):
            if i in self._errors:
                continue
            try:
                found = metric.evaluate(size)
            except Exception as error:
                self._errors[i] = error
                continue
            values.update(found)
        return values

    def raise_errors(self) -> None:
        """Raise the first error of a metric.

        Raises:
            Exception: The exception of the metric.
        """
        for error in self._errors.values():
            raise error
