"""Settings of a run, read from its config once: every key is read here, passed on, or rejected.

The keys are read in :mod:`~pyskl.engine.config.data`, :mod:`~pyskl.engine.config.schedule`,
:mod:`~pyskl.engine.config.evaluation` and :mod:`~pyskl.engine.config.hooks`; those of the process are read below.
Keys of PYSKL and mmengine with the same meaning must not differ (:mod:`pyskl.engine.config.conflicts`).
"""

from dataclasses import dataclass, field

from mmengine.config import Config

from pyskl.engine.config.data import LoaderSettings, dataset_config, loader_settings, phases, repeat_times
from pyskl.engine.config.evaluation import EvaluationSettings, evaluation, validates_loss
from pyskl.engine.config.hooks import custom_hooks, default_hooks, log_interval, log_level, log_processor, visualizer
from pyskl.engine.config.schedule import amp, epochs, optim_wrapper, param_scheduler
from pyskl.engine.config.values import check_values
from pyskl.registry import nearest

SCOPES = ('pyskl', 'mmaction', 'mmengine')
WRAPPERS = ('MMDistributedDataParallel', 'DistributedDataParallel')


@dataclass(frozen=True)
class ProcessSettings:
    """Settings of the process, independent of the model.

    Args:
        seed: Random seed; None: a random seed is chosen and logged.
        diff_rank_seed: Whether dropout masks differ between processes.
        deterministic: Whether kernels must be deterministic.
        compile: Whether the recognizer is compiled.
        float32_matmul_precision: Of torch.set_float32_matmul_precision; None: torch's default.
        sync_bn: Whether batch norm statistics are synchronised over the processes.
        find_unused_parameters: Argument of ``DistributedDataParallel``.
        launcher: 'none', 'pytorch', 'slurm' or 'mpi'; the command line takes precedence.
        backend: Backend of the process group; None: chosen by device.
        port: Port of the process group; None: a free one, or the launcher's.
        environment: mmengine's ``env_cfg``: cuDNN benchmark, start method of workers, threads of OpenCV.
        experiment_name: Name of the run in the logs; None: config name and time.
    """

    seed: int | None = None
    diff_rank_seed: bool = False
    deterministic: bool = False
    compile: bool = False
    float32_matmul_precision: str | None = None
    sync_bn: bool = False
    find_unused_parameters: bool = False
    launcher: str = 'none'
    backend: str | None = None
    port: int | None = None
    environment: dict = field(default_factory=dict)
    experiment_name: str | None = None


@dataclass(frozen=True)
class Settings:
    """Settings of a training run.

    Args:
        epochs: Total number of epochs.
        amp: None, 'auto', 'bf16' or 'fp16'.
        validates: Whether to validate during training.
        datasets: Data set config of each phase in the config.
        loaders: Loader options by phase.
        optimizer: Optimizer wrapper config, without loss scaling.
        evaluation: When and how to validate.
        default_hooks: Default hooks of mmengine's runner.
        custom_hooks: Our own hooks, then those of the config.
        log_interval: Iterations between two log lines.
        log_level: Log level of the console.
        log_processor: Log processor of mmengine's runner.
        visualizer: Backends of scalars in addition to the text log.
        load_from: Checkpoint to start from, or None.
        load_from_ignore: Prefix of the weights that are not loaded, or None.
        base_batch_size: Batch size for which the learning rate was chosen, or None.
        scale_lr: Whether to scale the learning rate by batch size / base_batch_size.
        allow_random_frozen: Whether frozen stages may stay random (no ``load_from``).
        process: Settings of the process.
        notes: Lines for the log.
        config: The resolved config, for settings that depend on epoch length and device.
    """

    epochs: int
    amp: str | None
    validates: bool
    datasets: dict[str, dict]
    loaders: dict[str, LoaderSettings]
    optimizer: dict
    evaluation: EvaluationSettings
    default_hooks: dict
    custom_hooks: list[dict]
    log_interval: int
    log_level: str
    log_processor: dict
    visualizer: dict
    load_from: str | None
    load_from_ignore: str | None
    base_batch_size: int | None
    scale_lr: bool
    allow_random_frozen: bool
    process: ProcessSettings
    notes: tuple[str, ...]
    config: Config = field(repr=False, compare=False)

    @classmethod
    def read(cls, cfg: Config, validate: bool | None = None, diff_rank_seed: bool = False) -> 'Settings':
        """Read a resolved config, as ``load_config`` returns it.

        Args:
            cfg: The config.
            validate: Whether to validate; None: if the config has ``evaluation`` or ``val_evaluator``.
            diff_rank_seed: Value of ``--diff-rank-seed``.

        Raises:
            ValueError: If a value is of the wrong type, out of range, or not supported; names the key.
        """
        check_values(cfg, cfg.filename or 'the config')
        validate = validates(cfg) if validate is None else validate
        process = process_settings(cfg, diff_rank_seed)
        scaling = cfg.get('auto_scale_lr') or {}
        measures = evaluation(cfg)
        return cls(
            epochs=epochs(cfg),
            amp=amp(cfg),
            validates=validate,
            datasets={phase: dataset_config(cfg, phase) for phase in phases(cfg)},
            loaders={phase: loader_settings(cfg, phase) for phase in phases(cfg)},
            optimizer=optim_wrapper(cfg),
            evaluation=measures,
            default_hooks=default_hooks(cfg, validate),
            custom_hooks=custom_hooks(cfg, process.diff_rank_seed),
            log_interval=log_interval(cfg),
            log_level=log_level(cfg),
            log_processor=log_processor(cfg),
            visualizer=visualizer(cfg),
            load_from=cfg.get('load_from'),
            load_from_ignore=cfg.get('load_from_ignore'),
            base_batch_size=scaling.get('base_batch_size'),
            scale_lr=bool(scaling.get('enable')),
            allow_random_frozen=bool(cfg.get('allow_random_frozen')),
            process=process,
            notes=(*([measures.note] if measures.note and validate else []), *_notes(cfg)),
            config=cfg,
        )

    @property
    def repeat_times(self) -> int:
        """Repetitions of each training clip per epoch."""
        return repeat_times(self.datasets.get('train'))

    @property
    def lr(self) -> float | None:
        """The learning rate of the config."""
        return (self.optimizer.get('optimizer') or {}).get('lr')

    def schedule(self, iterations: int) -> list[dict]:
        """Return the schedule configs for epochs of this many iterations."""
        return param_scheduler(self.config, iterations)

    def optimizer_for(self, loss_scaling: bool) -> dict:
        """Return the optimizer wrapper config; ``loss_scaling`` is for fp16 on a GPU."""
        return optim_wrapper(self.config, loss_scaling)


def validates(cfg: Config) -> bool:
    """Whether the config has PYSKL's ``evaluation`` or mmengine's ``val_evaluator``."""
    return bool(cfg.get('evaluation') or cfg.get('val_evaluator')) and dataset_config(cfg, 'val') is not None


def process_settings(cfg: Config, diff_rank_seed: bool = False) -> ProcessSettings:
    """Read the keys of the process: seeds, kernels, launcher, data-parallel wrapper, ``env_cfg``.

    Raises:
        ValueError: If a value is not supported.
    """
    randomness, env = cfg.get('randomness') or {}, cfg.get('env_cfg') or {}
    _only(randomness, 'randomness', ('seed', 'deterministic', 'diff_rank_seed'))
    _only(env, 'env_cfg', ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'))
    _only(env.get('mp_cfg') or {}, 'env_cfg.mp_cfg', ('mp_start_method', 'opencv_num_threads'))
    _only(env.get('dist_cfg') or {}, 'env_cfg.dist_cfg', ('backend', 'port'))
    wrapper = cfg.get('model_wrapper_cfg') or {}
    if wrapper.get('type', WRAPPERS[0]) not in WRAPPERS:
        raise ValueError(f'model_wrapper_cfg.type must be one of {WRAPPERS}, got {wrapper["type"]!r}')
    _only(wrapper, 'model_wrapper_cfg', ('type', 'find_unused_parameters'))
    scope = cfg.get('default_scope')
    if scope not in (None, *SCOPES):
        raise ValueError(f'default_scope must be one of {SCOPES}, got {scope!r}')
    dist = {**(env.get('dist_cfg') or {}), **(cfg.get('dist_params') or {})}
    environment = {
        'cudnn_benchmark': bool(cfg.get('cudnn_benchmark', env.get('cudnn_benchmark', False))),
        'mp_cfg': {'mp_start_method': 'fork', 'opencv_num_threads': 0, **(env.get('mp_cfg') or {})},
    }
    if 'resource_limit' in env:
        environment['resource_limit'] = env['resource_limit']
    return ProcessSettings(
        seed=cfg.get('seed', randomness.get('seed')),
        diff_rank_seed=diff_rank_seed or bool(randomness.get('diff_rank_seed')),
        deterministic=bool(cfg.get('deterministic', randomness.get('deterministic', False))),
        compile=bool(cfg.get('compile')),
        float32_matmul_precision=cfg.get('float32_matmul_precision'),
        sync_bn=bool(cfg.get('sync_bn')),
        find_unused_parameters=bool(cfg.get('find_unused_parameters', wrapper.get('find_unused_parameters', False))),
        launcher=cfg.get('launcher') or 'none',
        backend=dist.get('backend'),
        port=dist.get('port'),
        environment=environment,
        experiment_name=cfg.get('experiment_name'),
    )


def _only(section: dict, key: str, known: tuple[str, ...]) -> None:
    for name in section:
        if name not in known:
            raise ValueError(f'{key} has no key {name!r}{nearest(name, known)}')


def _notes(cfg: Config) -> list[str]:
    """Return log lines for keys whose meaning differs from mmcv's."""
    steps = [tuple(step) for step in cfg.get('workflow') or ()]
    if not validates_loss(cfg):
        return [] if steps in ([], [('train', 1)]) else [f'workflow={steps} is ignored: total_epochs counts epochs']
    return ['workflow: the loss on the validation clips is logged as val_loss whenever evaluation validates']
