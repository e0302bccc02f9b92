"""Pipeline steps that a store has precomputed.

A transform whose class sets ``once_a_clip`` returns the same result for a clip every time and for every stream, so its
result can be stored instead of the record (``pyskl pack --config``). A store lists its precomputed steps with
all their arguments; a dataset that reads it skips them, and its pipeline must begin with the same steps.
"""

import inspect
import json
from collections.abc import Callable, Sequence

from pyskl.datasets.pipelines.base import BaseTransform, Compose
from pyskl.registry import TRANSFORMS, lookup

Step = dict  # the name of a transform's class and all its arguments, as JSON has them
Item = dict | Callable[[dict], dict]  # of a pipeline


def step_of(item: Item) -> Step | None:
    """Identify a step that can be precomputed per clip; None for any other item of a pipeline.

    Raises:
        ValueError: If its type or its arguments are unknown.
    """
    if not isinstance(item, dict) or 'type' not in item:
        return None
    cls = lookup(item['type'], TRANSFORMS) if isinstance(item['type'], str) else item['type']
    # Read from the class itself, not inherited: a subclass may depend on more than its base class does.
    if not isinstance(cls, type) or not issubclass(cls, BaseTransform) or not vars(cls).get('once_a_clip'):
        return None
    given = {key: value for key, value in item.items() if key != 'type'}
    try:
        bound = inspect.signature(cls).bind(**given)
    except TypeError as error:
        raise ValueError(f'{cls.__name__}: {error}') from None
    bound.apply_defaults()
    try:
        return json.loads(json.dumps({'type': cls.__name__, **bound.arguments}))
    except TypeError:
        return None  # an argument that cannot be serialised cannot be compared either


def leading_steps(pipelines: Sequence[Sequence[Item]]) -> list[Step]:
    """Steps that can be precomputed per clip and that all pipelines begin with."""
    common = []
    for items in zip(*pipelines, strict=False):
        steps = [step_of(item) for item in items]
        if steps[0] is None or any(step != steps[0] for step in steps):
            break
        common.append(steps[0])
    return common


def without_steps(pipeline: Sequence[Item], steps: Sequence[Step], path: str) -> Sequence[Item]:
    """Return the rest of a pipeline that begins with ``steps``.

    Args:
        pipeline: The whole pipeline.
        steps: The precomputed steps of the store at ``path``.
        path: The store, for the message.

    Raises:
        ValueError: If the pipeline begins with others; names both.
    """
    if not steps or isinstance(pipeline, dict):  # the latter is refused by Compose
        return pipeline
    own = [step_of(item) for item in pipeline[: len(steps)]]
    if own != list(steps):
        raise ValueError(
            f'the clips of {path!r} were stored after {written(steps)}, but the pipeline begins with '
            f'{written(own, pipeline) or "nothing"}; use the annotation pickle, or pack it with this config: '
            'pyskl pack X.pkl X.skl --config CFG'
        )
    return pipeline[len(steps) :]


def written(steps: Sequence[Step | None], pipeline: Sequence[Item] = ()) -> str:
    """Human-readable form: type and non-default arguments; for other items of ``pipeline`` the type only."""
    texts = []
    for number, step in enumerate(steps):
        if step is None:
            item = pipeline[number]
            texts.append(str(item.get('type')) if isinstance(item, dict) else type(item).__name__)
            continue
        usual = step_of({'type': step['type'], **_required(step)}) or {}
        unusual = [f'{key}={value!r}' for key, value in step.items() if value != usual.get(key)]
        texts.append(f'{step["type"]}({", ".join(unusual)})')
    return ', '.join(texts)


def _required(step: Step) -> dict:
    parameters = inspect.signature(lookup(step['type'], TRANSFORMS)).parameters.values()
    return {p.name: step.get(p.name) for p in parameters if p.default is p.empty}


def runner(steps: Sequence[Step]) -> Callable[[dict], dict]:
    """Build a callable that applies the steps and returns a new dict."""
    transforms = Compose(steps)
    return lambda record: transforms(dict(record))
