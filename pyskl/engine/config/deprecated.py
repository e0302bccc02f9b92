"""Remove arguments that PYSKL deprecated but still accepts, and report them."""

from collections.abc import Iterable

ARGUMENTS = {'UniformSampleFrames': ('test_mode', 'float_ok'), 'UniformSample': ('test_mode', 'float_ok')}


def drop_deprecated(pipelines: Iterable[tuple[str, dict, str]]) -> list[str]:
    """Remove deprecated arguments from ``pipelines``; idempotent.

    Args:
        pipelines: For each pipeline its name, the dict that contains it, and its key in that dict.

    Returns:
        One line per deprecated argument, and one if joints are masked that older versions of PYSKL did not mask.
    """
    found: set[tuple[str, str]] = set()
    unmasked = False
    for _, holder, key in pipelines:
        transforms = [transform for transform in holder[key] if isinstance(transform, dict)]
        here = {(t['type'], name) for t in transforms for name in ARGUMENTS.get(_kind(t), ()) if name in t}
        for transform in transforms:
            for name in ARGUMENTS.get(_kind(transform), ()):
                transform.pop(name, None)
        if any(_kind(t) == 'PreNormalize2D' and 'threshold' not in t for t in transforms):
            unmasked = unmasked or bool(here)
        found |= here
    lines = [
        f'{kind}: {name} is deprecated and ignored, as in PYSKL; data.val and data.test select test mode'
        for kind, name in sorted(found)
    ]
    if unmasked:
        lines.append(
            'configs with these arguments date from before 2023-02, when PreNormalize2D masked no joints; '
            'PreNormalize2D(threshold=None) reproduces the numbers of that time'
        )
    return lines


def _kind(transform: dict) -> str | None:
    kind = transform.get('type')
    return kind if isinstance(kind, str) else None
