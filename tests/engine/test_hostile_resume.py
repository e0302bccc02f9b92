"""A run resumed from a hostile checkpoint works or ends in one line, and removes nothing outside its work_dir."""

import io
import shutil
from pathlib import Path

import pytest
import torch

from pyskl.engine.config.load import load_config
from pyskl.engine.train import train
from tests.conftest import TinyExperiment

NAN, INF = float('nan'), float('inf')
WEIGHT = 'cls_head.fc.weight'
STATE, HUB = ('optimizer', 'state'), ('message_hub', 'runtime_info')
GONE = object()


def of(*path, to):
    """A mutation that replaces the entry at ``path`` by ``to``, a value or a function of the old one."""

    def change(checkpoint):
        *keys, last = path
        for key in keys:
            checkpoint = checkpoint[key]
        if to is GONE:
            del checkpoint[last]
        else:
            checkpoint[last] = to(checkpoint.get(last)) if callable(to) else to

    return change


def weight(to):
    return of('state_dict', WEIGHT, to=to)


def momentum(to):
    return of(*STATE, 0, 'momentum_buffer', to=to)


MUTATIONS = {
    'no weights': of('state_dict', to=GONE),
    'weights of no kind': of('state_dict', to=[1, 2]),
    'empty weights': of('state_dict', to={}),
    'a weight missing': weight(GONE),
    'a weight of another shape': weight(torch.ones(3, 3)),
    'a weight without elements': weight(torch.ones(0)),
    'a weight of NaN': weight(lambda w: w * NAN),
    'an infinite weight': weight(lambda w: w * INF),
    'a weight of text': weight('x'),
    'a weight of whole numbers': weight(lambda w: w.long()),
    'a complex weight': weight(lambda w: w.to(torch.complex64)),
    'a sparse weight': weight(lambda w: w.to_sparse()),
    'a weight of one number': weight(lambda w: torch.ones(()).expand(w.shape)),
    'a weight without storage': weight(lambda w: w.to('meta')),
    'a weight more': of('state_dict', 'more', to=torch.ones(2)),
    'a weight by number': of('state_dict', 7, to=torch.ones(2)),
    'no meta': of('meta', to=GONE),
    'meta of no kind': of('meta', to=[1]),
    'no epoch': of('meta', 'epoch', to=GONE),
    'a negative epoch': of('meta', 'epoch', to=-1),
    'a huge epoch': of('meta', 'epoch', to=2**70),
    'an epoch that would take for ever to replay': of('meta', 'epoch', to=2**39),
    'an epoch of NaN': of('meta', 'epoch', to=NAN),
    'an epoch of text': of('meta', 'epoch', to='1'),
    'an epoch True': of('meta', 'epoch', to=True),
    'no iteration': of('meta', 'iter', to=GONE),
    'a huge iteration': of('meta', 'iter', to=2**39),
    'an iteration of another epoch': of('meta', 'iter', to=1),
    'a negative seed': of('meta', 'seed', to=-1),
    'a huge seed': of('meta', 'seed', to=2**40),
    'a config that would run': of('meta', 'cfg', to='import os\nos.remove("victim.pth")'),
    'no optimizer': of('optimizer', to=GONE),
    'an optimizer of no kind': of('optimizer', to=[1]),
    'no optimizer state': of(*STATE, to=GONE),
    'a state of a parameter that is not there': of(*STATE, 2**30, to={}),
    'momentum of NaN': momentum(lambda m: m * NAN),
    'momentum of another shape': momentum(torch.ones(9)),
    'momentum of text': momentum('x'),
    'no groups': of('optimizer', 'param_groups', to=GONE),
    'groups of no kind': of('optimizer', 'param_groups', to='x'),
    'a rate of NaN': of('optimizer', 'param_groups', to=[{'lr': NAN, 'params': [0]}]),
    'no hub': of('message_hub', to=GONE),
    'a hub of no kind': of('message_hub', to=3),
    'no facts in the hub': of(*HUB, to=None),
    'the best checkpoint is the victim': of(*HUB, 'best_ckpt', to=lambda _: VICTIM[0]),
    'the best checkpoint is a folder': of(*HUB, 'best_ckpt', to=lambda _: str(Path(VICTIM[0]).parent)),
    'the best checkpoint is above': of(*HUB, 'best_ckpt', to='../victim.pth'),
    'the best checkpoint is nothing': of(*HUB, 'best_ckpt', to=''),
    'the best checkpoint has a zero byte': of(*HUB, 'best_ckpt', to='a\0b'),
    'a best score of NaN': of(*HUB, 'best_score', to=NAN),
    'an infinite best score': of(*HUB, 'best_score', to=INF),
    'epochs to keep that are huge': of(*HUB, 'keep_ckpt_ids', to=[2**39, 1]),
    'epochs to keep that are paths': of(*HUB, 'keep_ckpt_ids', to=['../victim']),
    'a huge validated epoch': of(*HUB, 'epoch_validated', to=2**39),
    'scalars of no kind': of('message_hub', 'log_scalars', to='x'),
    'schedules of no kind': of('param_schedulers', to='x'),
    'schedules far ahead': of('param_schedulers', to=[{'last_step': 2**60, '_global_step': 2**60}]),
    'no schedules': of('param_schedulers', to=GONE),
    'held state of no kind': of('resume', to='x'),
    'gradients of nothing': of('resume', to={'gradients': {'x': torch.ones(1)}}),
    'patience of text': of('resume', to={'early_stopping': ['x'], 'plateau': [{'a': 'b'}]}),
    'averages of no kind': of('ema_state_dict', to='x'),
}  # fmt: skip
FILES = {
    'cut to a third': lambda data: data[: len(data) // 3],
    'cut by one byte': lambda data: data[:-1],
    'empty': lambda data: b'',
    'text': lambda data: b'hello',
    'a byte turned': lambda data: data[:-200] + bytes([data[-200] ^ 255]) + data[-199:],
    'zeros in the middle': lambda data: data[: len(data) // 2] + bytes(2000) + data[len(data) // 2 + 2000 :],
    'twice': lambda data: data + data,
    'a pickle': lambda data: b'\x80\x04cos\nsystem\n(X\x01\x00\x00\x00xtR.',
}
QUICK = (
    'a weight missing', 'a weight of NaN', 'a sparse weight', 'no meta', 'an epoch that would take for ever to replay',
    'an iteration of another epoch', 'momentum of another shape', 'a hub of no kind',
    'the best checkpoint is the victim', 'epochs to keep that are huge', 'patience of text', 'groups of no kind',
    'cut to a third',
)  # fmt: skip
VICTIM = ['']


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A tiny experiment with a run of two epochs."""
    tiny = TinyExperiment(tmp_path_factory.mktemp('hostile'))
    cfg = load_config(tiny.config, {'total_epochs': 2})
    cfg.work_dir = str(tiny.folder / 'A')
    train(cfg, seed=3)
    return tiny


def hostile(content, name):
    """The bytes of a checkpoint with the mutation ``name``."""
    if name in FILES:
        return FILES[name](content)
    checkpoint = torch.load(io.BytesIO(content), weights_only=False)
    MUTATIONS[name](checkpoint)
    data = io.BytesIO()
    torch.save(checkpoint, data)
    return data.getvalue()


def resumed(run, name, tmp_path):
    """Resume from the mutation; return the error, or None if the run finished."""
    VICTIM[0] = str(tmp_path / 'mine' / 'victim.pth')
    shutil.copytree(run.folder / 'A', tmp_path / 'mine', symlinks=True)
    for victim in (tmp_path / 'mine' / 'victim.pth', tmp_path / 'victim.pth'):
        victim.write_text('mine')
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    source = tmp_path / 'mine' / 'hostile.pth'
    source.write_bytes(hostile((run.folder / 'A/epoch_2.pth').read_bytes(), name))
    cfg = load_config(run.config, {'total_epochs': 3, 'checkpoint_config': {'max_keep_ckpts': 1}})
    cfg.work_dir = str(tmp_path / 'B')
    error = None
    try:
        train(cfg, seed=3, resume=str(source))
    except (ValueError, OSError) as raised:  # any other one would be a traceback
        error = str(raised)
        assert error and '\n' not in error and len(error) < 600
    assert {path: path.read_bytes() for path in before} == before
    return error


@pytest.mark.parametrize('name', QUICK)
def test_a_malicious_checkpoint(run, name, tmp_path):
    resumed(run, name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted({*MUTATIONS, *FILES} - set(QUICK)))
def test_every_other_malicious_checkpoint(run, name, tmp_path):
    resumed(run, name, tmp_path)
