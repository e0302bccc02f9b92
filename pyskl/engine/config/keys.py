"""The keys of a config, and of its sections."""

PHASES = ('train', 'val', 'test')

# Keys of PYSKL, of this package, and of mmengine. Any other name in a config is treated as a variable of the user.
PYSKL_KEYS = {
    'model', 'data', 'optimizer', 'optimizer_config', 'lr_config', 'total_epochs', 'checkpoint_config', 'evaluation',
    'log_config', 'log_level', 'work_dir', 'load_from', 'resume_from', 'auto_resume', 'workflow', 'dist_params',
    'find_unused_parameters', 'cudnn_benchmark', 'seed', 'fp16', 'amp', 'custom_hooks', 'momentum_config',
    'train_pipeline', 'val_pipeline', 'test_pipeline', 'dataset_type', 'ann_file', 'memcached', 'mc_cfg',
}  # fmt: skip
OUR_KEYS = {
    'modality', 'layout', 'classes', 'heatmap_on', 'auto_scale_lr', 'load_from_ignore', 'deterministic', 'compile',
    'sync_bn', 'fps', 'window', 'stepwise', 'allow_random_frozen', 'num_classes', 'clip_len', 'num_person',
    'transform_defaults', 'float32_matmul_precision',
}  # fmt: skip
MMENGINE_KEYS = {
    'optim_wrapper', 'param_scheduler', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'val_cfg',
    'test_cfg', 'val_evaluator', 'test_evaluator', 'default_hooks', 'visualizer', 'vis_backends', 'log_processor',
    'env_cfg', 'randomness', 'default_scope', 'launcher', 'resume', 'custom_imports', 'model_wrapper_cfg',
    'experiment_name',
}  # fmt: skip
KNOWN_KEYS = PYSKL_KEYS | OUR_KEYS | MMENGINE_KEYS
DATA_KEYS = {
    'videos_per_gpu', 'workers_per_gpu', 'persistent_workers', 'train', 'val', 'test', 'train_dataloader',
    'val_dataloader', 'test_dataloader', 'prefetch_factor',
}  # fmt: skip
# Transforms that take a skeleton, and the name of that argument.
SKELETON_ARGUMENTS = {
    'GenSkeFeat': 'dataset', 'JointToBone': 'dataset', 'ToMotion': 'dataset', 'PreNormalize3D': 'dataset',
    'AlignPersons': 'dataset', 'Flip': 'layout', 'GeneratePoseTarget': 'layout',
}  # fmt: skip
NTU_BY_DEFAULT = {'PreNormalize3D', 'AlignPersons'}  # transforms whose default in PYSKL is NTU's skeleton
# Keys below other top-level keys; a name that resembles none of them is ignored, as in PYSKL.
SECTION_KEYS = {
    'data': DATA_KEYS,
    'evaluation': {
        'interval', 'start', 'metrics', 'metric', 'metric_options', 'topk', 'save_best', 'key_indicator', 'rule',
        'by_epoch', 'loss',
    },
    'optimizer_config': {'grad_clip', 'cumulative_iters'},
    'lr_config': {
        'policy', 'by_epoch', 'min_lr', 'min_lr_ratio', 'step', 'gamma', 'power', 'warmup', 'warmup_iters',
        'warmup_ratio', 'warmup_by_epoch',
    },
    'checkpoint_config': {
        'type', 'interval', 'by_epoch', 'max_keep_ckpts', 'save_last', 'save_optimizer', 'out_dir', 'create_symlink',
    },
    'log_config': {'interval', 'hooks'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'dist_params': {'backend', 'port'},
}  # fmt: skip
