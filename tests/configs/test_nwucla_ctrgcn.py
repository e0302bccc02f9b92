"""CTR-GCN's own recipe on NW-UCLA is the published one."""

from pyskl.engine.config.load import PHASES, datasets_in
from tests.configs.tree import STREAMS, pipelines, step


def test_the_recipe_is_the_published_one(configs):
    for stream in STREAMS:
        cfg = configs[f'ctrgcn/ctrgcn_nwucla/{stream}.py']
        assert cfg.model.backbone.variant == 'original'
        assert (cfg.total_epochs, cfg.data.train.times, cfg.data.videos_per_gpu) == (65, 5, 16)
        optimizer = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 1e-4, 'nesterov': True}
        assert cfg.optimizer.to_dict() == optimizer
        assert cfg.lr_config == {'policy': 'step', 'step': [50], 'warmup': 'stairs', 'warmup_iters': 5}
        for phase, pipeline in pipelines(cfg).items():
            kinds = [transform.type for transform in pipeline[:-3]]
            rotated = ['RotateWholeDegrees'] if phase == 'train' else []
            assert kinds == [*rotated, 'FillBox', 'SampleSorted', 'GenSkeFeat'], phase
            assert step(pipeline, 'SampleSorted').clip_len == 52
            assert list(step(pipeline, 'GenSkeFeat').feats) == [stream]
        assert [datasets_in(cfg.data[phase])[0].split for phase in PHASES] == ['xview_train', 'xview_val', 'xview_val']
