"""Keys of ``data``: the data set and the loader of each phase."""

from dataclasses import asdict, dataclass

from mmengine.config import Config

from pyskl.registry import nearest

PHASES = ('train', 'val', 'test')
LOADER_KEYS = (
    'videos_per_gpu', 'workers_per_gpu', 'persistent_workers', 'prefetch_factor', 'shuffle', 'drop_last',
)  # fmt: skip


@dataclass(frozen=True)
class LoaderSettings:
    """Loader options of a phase.

    Args:
        batch_size: Clips per process.
        workers: Processes that read and prepare clips.
        prefetch_factor: Batches that each worker prepares ahead; None: torch's default.
        shuffle: Whether to reshuffle every epoch.
        drop_last: Whether to drop an incomplete last batch.
        persistent_workers: Whether workers persist between epochs.
    """

    batch_size: int
    workers: int
    prefetch_factor: int | None
    shuffle: bool
    drop_last: bool
    persistent_workers: bool


def loader_options(cfg: Config, phase: str) -> dict:
    """Convert ``data.videos_per_gpu``, ``workers_per_gpu`` and ``{phase}_dataloader`` to ``build_loader`` arguments.

    Raises:
        ValueError: If ``data.{phase}_dataloader`` has an unknown key, or would reorder or drop clips to be scored.
    """
    return asdict(loader_settings(cfg, phase))


def loader_settings(cfg: Config, phase: str) -> LoaderSettings:
    """Read the loader options of a phase; see :func:`loader_options`."""
    data = cfg.get('data') or {}
    own = data.get(f'{phase}_dataloader') or {}
    for key in own:
        if key not in LOADER_KEYS:
            raise ValueError(f'data.{phase}_dataloader has no key {key!r}{nearest(key, LOADER_KEYS)}')
    options = {key: data[key] for key in LOADER_KEYS if key in data} | dict(own)
    if phase != 'train':
        for key, why in (
            ('shuffle', 'scores are written in the order of the data set'),
            ('drop_last', 'every clip is scored'),
        ):
            if own.get(key):
                raise ValueError(f'data.{phase}_dataloader.{key} must be False, because {why}')
    return LoaderSettings(
        batch_size=options.get('videos_per_gpu', 1),
        workers=options.get('workers_per_gpu', 0),
        prefetch_factor=options.get('prefetch_factor'),
        shuffle=bool(options.get('shuffle', phase == 'train')),
        drop_last=bool(options.get('drop_last', False)),
        persistent_workers=bool(options.get('persistent_workers', True)),
    )


def dataset_config(cfg: Config, phase: str) -> dict | None:
    """Return the data set config of ``phase``, ``data.{phase}``; a list becomes a ``ConcatDataset``."""
    section = (cfg.get('data') or {}).get(phase)
    if isinstance(section, list | tuple):
        return {'type': 'ConcatDataset', 'datasets': list(section)}
    return section


def repeat_times(dataset: dict | None) -> int:
    """Return the repetitions of each clip per epoch: ``times`` of a ``RepeatDataset``, else 1."""
    return dataset.get('times', 1) if dataset and dataset.get('type') == 'RepeatDataset' else 1


def phases(cfg: Config) -> list[str]:
    """List the phases for which the config has a data set."""
    return [phase for phase in PHASES if dataset_config(cfg, phase)]
