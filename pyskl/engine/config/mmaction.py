"""Translate configs of mmengine and MMAction2 1.x to PYSKL's keys.

Loaders become ``data``; arguments of heads, backbones and transforms are renamed. Options without a counterpart raise.
Keys with the same meaning in both (``optim_wrapper``, ``param_scheduler``, ``train_cfg``, ``val_evaluator``,
``default_hooks``, ``env_cfg``, ...) are unchanged, and are read by the module of that setting.
"""

from mmengine.config import Config

from pyskl.registry import nearest

PHASES = ('train', 'val', 'test')
LOADER_KEYS = {
    'batch_size': 'videos_per_gpu',
    'num_workers': 'workers_per_gpu',
    'persistent_workers': 'persistent_workers',
    'prefetch_factor': 'prefetch_factor',
    'drop_last': 'drop_last',
}
OTHER_LOADER_KEYS = ('dataset', 'sampler', 'collate_fn', 'pin_memory', 'batch_sampler', 'shuffle')
LOOPS = {'train_cfg': 'EpochBasedTrainLoop', 'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop'}
LOOP_KEYS = {
    'train_cfg': ('type', 'by_epoch', 'max_epochs', 'val_begin', 'val_interval'),
    'val_cfg': ('type',),
    'test_cfg': ('type',),
}


def to_pyskl_keys(cfg: Config) -> list[str]:
    """Rewrite ``cfg`` in place; idempotent.

    Returns:
        Log lines.

    Raises:
        ValueError: If a key requests something that is not supported.
    """
    for phase in PHASES:
        if cfg.get(f'{phase}_dataloader') is not None:
            _loader(cfg, phase)
        elif f'{phase}_dataloader' in cfg:
            cfg.pop(f'{phase}_dataloader')  # mmengine: None disables the phase
    for key, loop in LOOPS.items():
        _check_loop(cfg, key, loop)
    _model(cfg.get('model'))
    return _mmaction_transforms(cfg) if cfg.get('default_scope') == 'mmaction' else []


def _loader(cfg: Config, phase: str) -> None:
    """Convert ``{phase}_dataloader`` to ``data.{phase}`` and ``data.{phase}_dataloader``."""
    name = f'{phase}_dataloader'
    own = cfg.pop(name)
    known = (*LOADER_KEYS, *OTHER_LOADER_KEYS)
    if not isinstance(own, dict):
        raise ValueError(f'{name} must be a dict with batch_size and dataset, got {own!r}')
    for key in own:
        if key not in known:
            raise ValueError(f'{name} has no key {key!r}{nearest(key, known)}')
    options = {ours: own[key] for key, ours in LOADER_KEYS.items() if key in own}
    shuffle = _sampler(own.get('sampler'), name)
    if own.get('batch_sampler') is not None:
        raise ValueError(f'{name}.batch_sampler is not supported; use batch_size')
    collate = own.get('collate_fn')
    if collate is not None and (not isinstance(collate, dict) or collate.get('type') not in _COLLATES):
        raise ValueError(f'{name}.collate_fn must have one of the types {_COLLATES}, got {collate!r}')
    shuffle = own.get('shuffle') if shuffle is None else shuffle
    if shuffle is not None:
        options['shuffle'] = shuffle
    if cfg.get('data') is None:
        cfg.data = {}
    if own.get('dataset') is not None:
        cfg.data[phase] = own['dataset']
    cfg.data[name] = options


_COLLATES = ('pseudo_collate', 'default_collate')


def _sampler(sampler: object, name: str) -> bool | None:
    """Whether a sampler shuffles; None if unspecified."""
    if sampler is None:
        return None
    if not isinstance(sampler, dict) or sampler.get('type') != 'DefaultSampler':
        raise ValueError(
            f"{name}.sampler must be dict(type='DefaultSampler', shuffle=...), got {sampler!r}; to balance classes, "
            'set class_prob of the data set'
        )
    for key, value in sampler.items():
        if key not in ('type', 'shuffle', 'round_up', 'seed'):
            raise ValueError(f'{name}.sampler has no key {key!r}{nearest(key, ("type", "shuffle"))}')
        if (key, value) in (('round_up', False), ('seed', 0)) or (key == 'seed' and value is not None):
            raise ValueError(f'{name}.sampler.{key}={value!r} is not supported; remove it')
    return sampler.get('shuffle')


def _check_loop(cfg: Config, key: str, loop: str) -> None:
    given = cfg.get(key)
    if given is None:
        return
    if not isinstance(given, dict):
        raise ValueError(f"{key} must be a dict such as dict(type='{loop}'), got {given!r}")
    if 'average_clips' in given:
        raise ValueError(f"{key}.average_clips is not read; set model = dict(test_cfg=dict(average_clips='prob'))")
    for name, value in given.items():
        if name not in LOOP_KEYS[key]:
            raise ValueError(f'{key} has no key {name!r}{nearest(name, LOOP_KEYS[key])}')
        if (name == 'type' and value != loop) or (name == 'by_epoch' and value is not True):
            raise ValueError(f'{key}.{name} must be {loop if name == "type" else True!r}, got {value!r}')


def _model(model: dict | None) -> None:
    """Rename arguments of MMAction2's recognizers, heads and backbones to ours."""
    if not isinstance(model, dict):
        return
    preprocessor = model.pop('data_preprocessor', None)
    for key in ('mean', 'std'):
        if isinstance(preprocessor, dict) and preprocessor.get(key) is not None:
            raise ValueError(f'model.data_preprocessor.{key} applies to images; the pipeline normalises joints')
    head, backbone = model.get('cls_head'), model.get('backbone')
    if isinstance(head, dict):
        if 'dropout_ratio' in head:
            head.setdefault('dropout', head.pop('dropout_ratio'))
        if head.pop('spatial_type', 'avg') != 'avg':
            raise ValueError("model.cls_head.spatial_type must be 'avg'")
        if 'average_clips' in head:
            model['test_cfg'] = {'average_clips': head.pop('average_clips'), **(model.get('test_cfg') or {})}
        _drop_init(head, 'model.cls_head')
    if isinstance(backbone, dict):
        _drop_init(backbone, 'model.backbone')
        stages = backbone.pop('stage_cfgs', None) or {}
        for key, value in stages.items():
            backbone.setdefault(key, tuple(value) if isinstance(value, list | tuple) else value)
        for part in ('conv1', 'pool1'):
            time, space = backbone.pop(f'{part}_stride_t', None), backbone.pop(f'{part}_stride_s', None)
            if time is not None or space is not None:
                backbone.setdefault(f'{part}_stride', (time or 1, space or 2))
        if any(dilation != 1 for dilation in backbone.pop('dilations', ())):
            raise ValueError('model.backbone.dilations must be 1 in every stage')


def _drop_init(component: dict, key: str) -> None:
    """Remove ``init_cfg``, since networks initialise themselves; a checkpoint in it becomes ``pretrained``."""
    init = component.pop('init_cfg', None)
    for item in init if isinstance(init, list | tuple) else [init]:
        if isinstance(item, dict) and item.get('type') == 'Pretrained':
            component['pretrained'] = item.get('checkpoint')
        elif item:
            raise ValueError(f"{key}.init_cfg must be of type 'Pretrained', got {item!r}")


def _mmaction_transforms(cfg: Config) -> list[str]:
    """Adapt transforms whose defaults differ in MMAction2."""
    normalised = False
    for transform in _transforms(dict(cfg.items())):
        if transform.get('type') in ('UniformSampleFrames', 'UniformSample'):
            transform.pop('test_mode', None)  # already selected by data.val and data.test
        if transform.get('type') == 'PreNormalize2D' and 'threshold' not in transform:
            transform.update(threshold=None, allow_3d=True)
            normalised = True
    if not normalised:
        return []
    return [
        "default_scope='mmaction': PreNormalize2D uses threshold=None and masks no joints, as in MMAction2; "
        'PYSKL masks joints with a score of at most 0.01'
    ]


def _transforms(value: object) -> list[dict]:
    """Find every dict with a type in the pipelines below ``value``."""
    if isinstance(value, dict):
        inner = [found for item in value.values() for found in _transforms(item)]
        return [value, *inner] if isinstance(value.get('type'), str) else inner
    return [found for item in value for found in _transforms(item)] if isinstance(value, list | tuple) else []
