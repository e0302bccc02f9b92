"""A backbone and a head: loss in training, scores in testing.

N samples, S clips, M persons, T frames, V joints, C channels, K classes.
"""

from torch import Tensor, nn

from pyskl.registry import MODELS, build_component


def average_clips(logits: Tensor, how: str | None) -> Tensor:
    """``(N, S, K)`` logits -> ``(N, K)`` by ``'prob'`` or ``'score'``; ``None`` leaves them."""
    if how is None:
        return logits
    return (logits.softmax(-1) if how == 'prob' else logits).mean(1)


@MODELS.register_module()
class RecognizerGCN(nn.Module):
    """Key points -> class scores.

    Args:
        backbone: Config of a backbone, ``(N, M, T, V, C) -> (N, M, C', ...)``.
        cls_head: Config of a head, ``(N, M, C', ...) -> (N, K)``.
        train_cfg: Nothing is read from it; PYSKL's configs may carry it.
        test_cfg: ``average_clips``: how the clips of a sample become one row: ``'prob'`` (mean of the softmax, the
            default), ``'score'`` (mean of the logits) or ``None`` (all rows, ``(N, S, K)``).

    Raises:
        ValueError: If ``test_cfg`` holds anything else.
    """

    def __init__(
        self, backbone: dict, cls_head: dict, train_cfg: dict | None = None, test_cfg: dict | None = None
    ) -> None:
        super().__init__()
        self.backbone = build_component(backbone, MODELS)
        self.cls_head = build_component(cls_head, MODELS)
        self.train_cfg = dict(train_cfg or {})
        self.test_cfg = dict(test_cfg or {})
        unknown = sorted(set(self.test_cfg) - {'average_clips'})
        if unknown:
            raise ValueError(f"model.test_cfg may hold 'average_clips' only, got {unknown}")
        self.average_clips = self.test_cfg.get('average_clips', 'prob')
        if self.average_clips not in ('prob', 'score', None):
            raise ValueError(
                f"model.test_cfg.average_clips must be 'prob', 'score' or None, got {self.average_clips!r}"
            )

    def extract_feat(self, keypoint: Tensor) -> Tensor:
        """``(N, S, M, T, V, C) -> (N * S, M, C', ...)``, the backbone's maps."""
        if keypoint.ndim != 6:
            raise ValueError(f'keypoint must be (N, clips, M, T, V, C), got {tuple(keypoint.shape)}')
        return self.backbone(keypoint.flatten(0, 1))

    def forward(
        self, keypoint: Tensor, label: Tensor | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor]:
        """Scores or losses of a batch.

        Args:
            keypoint: ``(N, S, M, T, V, C)``.
            label: ``(N,)`` or ``(N, 1)`` indices, or ``(N, K)`` soft; needed in mode ``'loss'``.
            mode: ``'tensor'``: logits ``(N * S, K)``; ``'loss'``: a dict of ``loss_cls``, ``top1_acc``, ``top5_acc``;
                ``'predict'``: scores ``(N, K)``, as ``test_cfg.average_clips`` says.

        Raises:
            ValueError: If the input does not fit the network, the mode is unknown, or a loss is asked for several
                clips a sample or without labels.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"mode must be 'tensor', 'loss' or 'predict', got {mode!r}")
        if mode == 'loss' and (label is None or keypoint.shape[1] != 1):
            found = 'no label' if label is None else f'num_clips={keypoint.shape[1]}'
            raise ValueError(f'the loss needs a label and one clip a sample (num_clips=1), got {found}')
        logits = self.cls_head(self.extract_feat(keypoint))
        if mode == 'loss':
            return self.cls_head.loss(logits, label)
        if mode == 'tensor':
            return logits
        return average_clips(logits.unflatten(0, (len(keypoint), -1)), self.average_clips)
