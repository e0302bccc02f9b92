"""A run ended by EarlyStoppingHook is finished; more epochs or --resume continue it."""

import json
from pathlib import Path

from pyskl.engine.config.load import load_config
from pyskl.engine.train import train

# No accuracy improves by 2, so the second validation ends the run.
STOP = {'custom_hooks': [{'type': 'EarlyStoppingHook', 'monitor': 'top1_acc', 'patience': 1, 'min_delta': 2.0}]}


def run(tiny, epochs=4, **how):
    cfg = load_config(tiny.config, {'total_epochs': epochs, **STOP})
    cfg.work_dir = str(tiny.work_dir)
    return train(cfg, seed=3, **how)


def test_the_same_command_reports_that_the_run_is_finished(tiny, capsys):
    first = run(tiny)
    assert Path(first.last_checkpoint).name == 'epoch_2.pth'
    assert 'ended the run after 2 of 4 epochs; --resume or more total_epochs continue it' in capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in tiny.work_dir.iterdir()}
    again = run(tiny)
    output = capsys.readouterr().out
    assert output.startswith('finished already: a hook (EarlyStoppingHook) ended the run after 2 of 4 epochs in ')
    assert (again.last_checkpoint, again.best, again.metrics) == (first.last_checkpoint, first.best, first.metrics)
    assert {path.name: path.read_bytes() for path in tiny.work_dir.iterdir()} == before
    # The patience starts again, so each attempt runs one more epoch.
    assert Path(run(tiny, resume=True).last_checkpoint).name == 'epoch_3.pth'
    assert Path(run(tiny, epochs=6).last_checkpoint).name == 'epoch_4.pth'
    assert json.loads((tiny.work_dir / 'run.json').read_text())['ended_early'] == 4
    assert Path(run(tiny, epochs=6).last_checkpoint).name == 'epoch_4.pth'
