"""Log lines that describe a training run."""

from types import SimpleNamespace

import pytest

from pyskl.engine.run_summary import effective_batch, log_batch, network_name


def test_the_effective_batch_size_counts_all_processes(monkeypatch):
    loader = SimpleNamespace(batch_size=16)
    assert effective_batch(loader) == 16
    monkeypatch.setattr('pyskl.engine.run_summary.world', lambda: (3, 8))
    assert effective_batch(loader) == 128


@pytest.mark.parametrize(
    ('base', 'scale', 'level', 'text'),
    [
        (None, False, None, ''),
        (64, False, None, ''),
        (16, False, 'warning', 'the effective batch size is 64; --auto-scale-lr would set lr 0.4'),
        (16, True, 'info', 'lr 0.1 for batch size 16 becomes 0.4 for batch size 64'),
    ],
)
def test_another_batch_size_is_logged(base, scale, level, text):
    lines = []
    logger = SimpleNamespace(
        info=lambda line: lines.append(('info', line)), warning=lambda line: lines.append(('warning', line))
    )
    log_batch(SimpleNamespace(logger=logger), 0.1, 64, base, scale)
    assert [found for found, _ in lines] == ([level] if level else [])
    assert text in ''.join(line for _, line in lines)


def test_network_names_are_those_of_the_papers():
    plain = {'type': 'STGCN'}
    assert network_name(plain) == 'ST-GCN'
    assert network_name({**plain, 'gcn_adaptive': 'init', 'gcn_with_res': True, 'tcn_type': 'mstcn'}) == 'ST-GCN++'
    assert network_name({'type': 'AAGCN', 'gcn_attention': False}) == '2s-AGCN'
    assert network_name({'type': 'Ske2Grid'}) == 'Ske2Grid'
