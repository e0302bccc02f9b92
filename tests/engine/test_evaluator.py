"""Scores are available even if a metric raises."""

import pytest

from pyskl.engine.evaluator import TestEvaluator


class Count:
    """A metric that counts samples and raises in the step ``fails``."""

    def __init__(self, name, fails=None):
        self.name, self.fails, self.seen = name, fails, 0

    def process(self, batch, samples):
        if self.fails == 'process':
            raise KeyError(self.name)
        self.seen += len(samples)

    def evaluate(self, size):
        if self.fails == 'evaluate':
            raise ZeroDivisionError(self.name)
        return {self.name: self.seen / size}


def evaluated(*metrics):
    evaluator = TestEvaluator([])
    evaluator.metrics = list(metrics)
    for batch in ([{}, {}], [{}]):
        evaluator.process(batch)
    return evaluator, evaluator.evaluate(3)


@pytest.mark.parametrize(('step', 'error'), [('process', KeyError), ('evaluate', ZeroDivisionError)])
def test_the_error_of_a_metric_is_raised_after_the_others_are_computed(step, error):
    evaluator, values = evaluated(Count('a'), Count('b', step), Count('c'))
    assert values == {'a': 1.0, 'c': 1.0}
    with pytest.raises(error):
        evaluator.raise_errors()


def test_without_an_error_nothing_is_raised():
    evaluator, values = evaluated(Count('a'), Count('b'))
    assert values == {'a': 1.0, 'b': 1.0}
    evaluator.raise_errors()


def test_the_first_of_two_errors_is_raised():
    evaluator, values = evaluated(Count('a', 'process'), Count('b', 'evaluate'))
    assert values == {}
    with pytest.raises(KeyError, match='a'):
        evaluator.raise_errors()
