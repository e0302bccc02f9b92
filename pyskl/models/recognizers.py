"""A backbone and a head: loss in training, scores in testing.

N samples, S clips, M persons, T frames, V joints, C channels, K classes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from pyskl.models.call_forms import CallForms
from pyskl.models.heatmaps import pose_heatmaps
from pyskl.registry import MODELS, build_component, check_arguments, lookup


def input_key(model: Mapping) -> str:
    """The argument in which a config's ``model`` takes clips: ``'keypoint'``, or ``'imgs'`` for heatmap volumes.

    A recognizer states it as its class attribute ``input_key``; ``'keypoint'`` by default. An instance that
    generates its heatmaps itself takes ``'keypoint'`` and sets the attribute on the instance.

    Raises:
        ValueError: If ``model.type`` is not a known model.
    """
    kind = model.get('type')
    return getattr(lookup(kind, MODELS) if isinstance(kind, str) else kind, 'input_key', 'keypoint')


def average_clips(logits: Tensor, how: str | None) -> Tensor:
    """``(N, S, K)`` logits -> ``(N, K)`` by ``'prob'`` or ``'score'``; ``None`` returns them unchanged."""
    if how is None:
        return logits
    return (logits.softmax(-1) if how == 'prob' else logits).mean(1)


def check_test_cfg(test_cfg: dict | None, known: tuple[str, ...]) -> dict:
    """A copy of ``test_cfg`` as a dict.

    Raises:
        ValueError: If it holds other keys than ``known``, or ``average_clips`` is unknown.
    """
    test_cfg = dict(test_cfg or {})
    unknown = sorted(set(test_cfg) - set(known))
    if unknown:
        raise ValueError(f'model.test_cfg may hold {", ".join(map(repr, known))} only, got {unknown}')
    how = test_cfg.get('average_clips', 'prob')
    if how not in ('prob', 'score', None):
        raise ValueError(f"model.test_cfg.average_clips must be 'prob', 'score' or None, got {how!r}")
    return test_cfg


def check_views(most: int | None) -> int | None:
    """``test_cfg.max_testing_views``.

    Raises:
        ValueError: If it is neither a positive integer nor None.
    """
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise ValueError(f'model.test_cfg.max_testing_views must be a positive integer or None, got {most!r}')
    return most


def check_call(mode: str, label: Tensor | None, num_clips: int) -> None:
    """Reject an unknown mode, and a loss without labels or with several clips per sample.

    Raises:
        ValueError: If the call is invalid.
    """
    if mode not in ('tensor', 'loss', 'predict'):
        raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")
    if mode == 'loss' and (label is None or num_clips != 1):
        found = 'no label' if label is None else f'num_clips={num_clips}'
        raise ValueError(f'the loss needs a label and one clip per sample (num_clips=1), got {found}')


@MODELS.register_module()
class RecognizerGCN(CallForms):
    """Key points -> class scores.

    Args:
        backbone: Config of a backbone, ``(N, M, T, V, C) -> (N, M, C', ...)``.
        cls_head: Config of a head, ``(N, M, C', ...) -> (N, K)``.
        train_cfg: Nothing is read from it; PYSKL's configs may carry it.
        test_cfg: ``average_clips``: how the clips of a sample become one row: ``'prob'`` (mean of the softmax, the
            default), ``'score'`` (mean of the logits) or ``None`` (all rows, ``(N, S, K)``). ``feat_ext``: whether
            ``'predict'`` returns the backbone's maps instead of scores; ``score_ext``: whether it returns the
            classifier's scores at each position of these maps; ``pool_opt``: the axes averaged first, letters of
            ``'nmtv'`` (clips, persons, frames, joints or cells), ``'all'`` (the default) or ``'none'``;
            ``max_testing_views``: clips per forward pass of the backbone in evaluation, all by default.

    Raises:
        ValueError: If ``test_cfg`` holds anything else.
    """

    input_key = 'keypoint'
    # In (N, S, M, C', T', V...): PYSKL calls the clips n.
    POOLED = {'n': 1, 'm': 2, 't': 4, 'v': 5}

    def __init__(
        self, backbone: dict, cls_head: dict, train_cfg: dict | None = None, test_cfg: dict | None = None
    ) -> None:
        super().__init__()
        self.backbone = build_component(backbone, MODELS)
        self.cls_head = build_component(cls_head, MODELS)
        self.train_cfg = dict(train_cfg or {})
        self.test_cfg = check_test_cfg(
            test_cfg, ('average_clips', 'feat_ext', 'score_ext', 'pool_opt', 'max_testing_views')
        )
        self.average_clips = self.test_cfg.get('average_clips', 'prob')
        self.feat_ext = bool(self.test_cfg.get('feat_ext'))
        self.score_ext = bool(self.test_cfg.get('score_ext'))
        self.max_testing_views = check_views(self.test_cfg.get('max_testing_views'))
        pool = self.test_cfg.get('pool_opt', 'all')
        letters = {'all': 'nmtv', 'none': ''}.get(pool, pool) if isinstance(pool, str) else '?'
        if len(set(letters)) < len(letters) or not set(letters) <= set(self.POOLED):
            raise ValueError(f"model.test_cfg.pool_opt must be letters of 'nmtv', 'all' or 'none', got {pool!r}")
        self.pooled = [self.POOLED[letter] for letter in letters]

    def extra_repr(self) -> str:
        return f'input_key={self.input_key!r}, average_clips={self.average_clips!r}'

    def extract_feat(self, keypoint: Tensor) -> Tensor:
        """``(N, S, M, T, V, C) -> (N * S, M, C', ...)``, the backbone's maps."""
        if keypoint.ndim != 6:
            raise ValueError(f'keypoint must be (N, clips, M, T, V, C), got {tuple(keypoint.shape)}')
        rows = keypoint.flatten(0, 1)
        if self.max_testing_views is None or self.training or len(rows) <= self.max_testing_views:
            return self.backbone(rows)
        return torch.cat([self.backbone(turn) for turn in rows.split(self.max_testing_views)])

    def features(self, feature: Tensor) -> Tensor:
        """``(N, S, M, C', T', V...)`` -> the same, pooled axes of size 1; with ``score_ext`` K in place of C'."""
        feature = feature.to(torch.promote_types(feature.dtype, torch.float32))
        cells = tuple(range(5, feature.ndim))
        for axis in self.pooled:
            feature = feature.mean(cells if axis == 5 else axis, keepdim=True)
        if not self.score_ext:
            return feature
        places = feature.movedim(3, -1)
        return self.cls_head.classify(places.flatten(0, -2)).unflatten(0, places.shape[:-1]).movedim(-1, 3)

    def forward(
        self, keypoint: Tensor, label: Tensor | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor]:
        """Scores or losses of a batch.

        Args:
            keypoint: ``(N, S, M, T, V, C)``.
            label: ``(N,)`` or ``(N, 1)`` indices, or ``(N, K)`` soft; needed in mode ``'loss'``.
            mode: ``'tensor'``: logits ``(N * S, K)``; ``'loss'``: a dict of ``loss_cls``, ``top1_acc``, ``top5_acc``;
                ``'predict'``: scores ``(N, K)``, or what ``test_cfg`` selects instead.

        Raises:
            ValueError: If the input does not fit the network, the mode is unknown, or a loss is requested for
                several clips per sample or without labels.
        """
        check_call(mode, label, keypoint.shape[1])
        feature = self.extract_feat(keypoint)
        if mode == 'loss':
            return self.cls_head.loss_of(feature, label)
        if mode == 'predict' and (self.feat_ext or self.score_ext):
            return self.features(feature.unflatten(0, keypoint.shape[:2]))
        logits = self.cls_head(feature)
        if mode == 'tensor':
            return logits
        return average_clips(logits.unflatten(0, keypoint.shape[:2]), self.average_clips)


@MODELS.register_module()
class Recognizer3D(CallForms):
    """Heatmap volumes -> class scores.

    With ``heatmaps`` the volumes are generated here, on the device, from the joints that the loader sends: the pipeline
    ends with FormatHeatmapInput and Collect(keys=['keypoint', 'label']) instead of GeneratePoseTarget and FormatShape.
    The config key ``heatmap_on='device'`` sets both.

    Args:
        backbone: Config of a backbone, ``(B, C, T, H, W) -> (B, C', T', H', W')``.
        cls_head: Config of a head that takes such maps, ``-> (B, K)``.
        train_cfg: Nothing is read from it; PYSKL's configs may carry it.
        test_cfg: ``average_clips``: as in :class:`RecognizerGCN`; ``max_testing_views``: views per forward pass in
            evaluation, all by default; ``feat_ext``: whether ``'predict'`` returns the pooled features, averaged over
            the views, instead of scores.
        heatmaps: Arguments of :func:`pose_heatmaps`.

    Raises:
        ValueError: If ``test_cfg`` or ``heatmaps`` holds anything else.
    """

    input_key = 'imgs'

    def __init__(
        self,
        backbone: dict,
        cls_head: dict,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        heatmaps: dict | None = None,
    ) -> None:
        super().__init__()
        self.backbone = build_component(backbone, MODELS)
        self.cls_head = build_component(cls_head, MODELS)
        self.train_cfg = dict(train_cfg or {})
        self.test_cfg = check_test_cfg(test_cfg, ('average_clips', 'max_testing_views', 'feat_ext'))
        self.average_clips = self.test_cfg.get('average_clips', 'prob')
        self.max_testing_views = check_views(self.test_cfg.get('max_testing_views'))
        self.feat_ext = bool(self.test_cfg.get('feat_ext'))
        self.heatmaps = None
        if heatmaps is not None:
            check_arguments(pose_heatmaps, heatmaps, 'model.heatmaps')
            self.heatmaps = pose_heatmaps(**heatmaps)
            self.input_key = 'keypoint'

    def extra_repr(self) -> str:
        return f'input_key={self.input_key!r}, average_clips={self.average_clips!r}'

    def volumes(self, views: Tensor) -> list[Tensor]:
        """Inputs of the backbone for ``(B, C, T, H, W)`` volumes or ``(B, M, T, V, 3)`` joints: B volumes each."""
        if self.heatmaps is None:
            return [views]
        volume = self.heatmaps(views)
        return [volume, self.heatmaps.mirror(volume)] if self.heatmaps.double and not self.training else [volume]

    def forward(
        self,
        imgs: Tensor | None = None,
        label: Tensor | None = None,
        mode: str = 'tensor',
        keypoint: Tensor | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Scores or losses of a batch.

        Args:
            imgs: ``(N, S, C, T, H, W)``: S views (clips, and their mirror images) of each sample.
            label: ``(N,)`` or ``(N, 1)`` indices, or ``(N, K)`` soft; needed in mode ``'loss'``.
            mode: ``'tensor'``: logits ``(N * S, K)``; ``'loss'``: a dict of ``loss_cls``, ``top1_acc``, ``top5_acc``;
                ``'predict'``: scores ``(N, K)``, as ``test_cfg`` says.
            keypoint: ``(N, S, M, T, V, 3)``, x, y, score; instead of ``imgs`` if the model has ``heatmaps``.

        Raises:
            ValueError: If the input does not fit the network, the mode is unknown, or a loss is requested for
                several views per sample or without labels.
        """
        views, other = (imgs, keypoint) if self.heatmaps is None else (keypoint, imgs)
        if views is None or other is not None or views.ndim != 6:
            wanted = 'imgs (N, views, C, T, H, W)' if self.heatmaps is None else 'keypoint (N, clips, M, T, V, 3)'
            given = {'imgs': imgs, 'keypoint': keypoint}
            found = {key: tuple(value.shape) for key, value in given.items() if value is not None}
            raise ValueError(
                f'Recognizer3D with model.heatmaps {"unset" if self.heatmaps is None else "set"} takes {wanted}, got '
                f'{found}'
            )
        check_call(mode, label, views.shape[1])
        if mode == 'loss':
            return self.cls_head.loss(self.cls_head(self.backbone(self.volumes(views[:, 0])[0])), label)
        finish = self.cls_head.pool if mode == 'predict' and self.feat_ext else self.cls_head
        rows = views.flatten(0, 1)
        at_once = None if self.training else self.max_testing_views
        turns = rows.split(at_once) if at_once else [rows]
        scores = [torch.stack([finish(self.backbone(volume)) for volume in self.volumes(turn)]) for turn in turns]
        scores = torch.cat(scores, 1).unflatten(1, views.shape[:2])  # (1 or 2, N, S, K): as they are, mirrored
        scores = scores.transpose(0, 1).flatten(1, 2)
        if mode == 'tensor':
            return scores.flatten(0, 1)
        return scores.mean(1) if self.feat_ext else average_clips(scores, self.average_clips)
