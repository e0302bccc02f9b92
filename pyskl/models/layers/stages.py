"""The plan that ST-GCN and its descendants share: channels and temporal stride of each block."""

from collections.abc import Sequence
from typing import NamedTuple


class Stage(NamedTuple):
    """One block: ``index`` counts from 1."""

    index: int
    in_channels: int
    out_channels: int
    stride: int


def stage_plan(
    in_channels: int,
    base_channels: int,
    num_stages: int,
    inflate_stages: Sequence[int],
    down_stages: Sequence[int],
    ratio: float = 2,
    skip_fitting: bool = False,
) -> list[Stage]:
    """The stages in order.

    Args:
        in_channels: Channels per joint.
        base_channels: Channels of the first stage.
        num_stages: How many.
        inflate_stages: Stages, from 2, that widen by ``ratio``.
        down_stages: Stages, from 2, that halve the frames.
        ratio: May be fractional; widths are rounded down.
        skip_fitting: Omit the first stage if ``in_channels`` equals ``base_channels``.
    """
    plan = []
    channels = in_channels
    for index in range(1, num_stages + 1):
        if index == 1 and skip_fitting and in_channels == base_channels:
            continue
        width = int(base_channels * ratio ** sum(2 <= s <= index for s in inflate_stages) + 1e-4)
        plan.append(Stage(index, channels, width, 2 if index > 1 and index in down_stages else 1))
        channels = width
    return plan


def per_stage(options: dict, num_stages: int) -> list[dict]:
    """One dict per stage: a tuple of ``num_stages`` items is split, any other value is the same for every stage."""
    return [
        {k: v[i] if isinstance(v, tuple) and len(v) == num_stages else v for k, v in options.items()}
        for i in range(num_stages)
    ]
