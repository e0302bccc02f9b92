"""Steps of a pipeline that a store has already taken.

A transform whose class says ``once_a_clip`` gives the same for a clip whenever it runs, and for every stream, so that
its result may be kept in place of the record (``tools/data/pack.py --config``). A store says which steps it has taken,
with all their arguments; a data set on it leaves them out of its pipeline, which has to begin with the same ones.
"""

import inspect
import json
from collections.abc import Callable, Sequence

from pyskl.datasets.pipelines.base import BaseTransform, Compose
from pyskl.registry import TRANSFORMS, lookup

Step = dict  # the name of a transform's class and all its arguments, as JSON has them
Item = dict | Callable[[dict], dict]  # of a pipeline


def step_of(item: Item) -> Step | None:
    """What identifies a step that may be taken once a clip; None for any other item of a pipeline.

    Raises:
        ValueError: If its type or its arguments are unknown.
    """
    if not isinstance(item, dict) or 'type' not in item:
        return None
    cls = lookup(item['type'], TRANSFORMS) if isinstance(item['type'], str) else item['type']
    # Said by the class itself: what holds for a class need not hold for one that is made of it.
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
        return None  # an argument without a text form: nobody could tell whether it is the same


def leading_steps(pipelines: Sequence[Sequence[Item]]) -> list[Step]:
    """The steps that may be taken once a clip, and that all pipelines begin with."""
    common = []
    for items in zip(*pipelines, strict=False):
        steps = [step_of(item) for item in items]
        if steps[0] is None or any(step != steps[0] for step in steps):
            break
        common.append(steps[0])
    return common


def without_steps(pipeline: Sequence[Item], steps: Sequence[Step], path: str) -> Sequence[Item]:
    """The rest of a pipeline that begins with ``steps``.

    Args:
        pipeline: All of it.
        steps: What the store at ``path`` has taken.
        path: The store, for the message.

    Raises:
        ValueError: If the pipeline begins with others; names both.
    """
    if not steps or isinstance(pipeline, dict):  # the latter is refused by Compose
        return pipeline
    own = [step_of(item) for item in pipeline[: len(steps)]]
    if own != list(steps):
        raise ValueError(
            f'{path!r} holds clips after {written(steps)}, but the pipeline begins with '
            f'{written(own, pipeline) or "nothing"}; use the annotation pickle, or pack it with this config: '
            f'python tools/data/pack.py X.pkl X.skl --config CFG'
        )
    return pipeline[len(steps) :]


def written(steps: Sequence[Step | None], pipeline: Sequence[Item] = ()) -> str:
    """Steps for people: types and the arguments that are not as usual; of other items of ``pipeline``, the type."""
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
    """What takes the steps; a new dict comes out."""
    transforms = Compose(steps)
    return lambda record: transforms(dict(record))
