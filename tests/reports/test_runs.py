import json

import pytest

from pyskl.reports.runs import find_runs, table


def write_record(folder, **content):
    folder.mkdir(parents=True)
    (folder / 'run.json').write_text(json.dumps({'pyskl_run': 1, 'files': [], 'config': {}, **content}))


@pytest.fixture
def work_dirs(tmp_path):
    config = {'model': {'backbone': {'type': 'STGCN'}}}
    best = {'metric': 'top1_acc', 'value': 0.8617, 'epoch': 15, 'file': 'best.pth'}
    last = {'epoch': 16, 'top1_acc': 0.86}
    write_record(tmp_path / 'stgcn/j', config=config, best=best, last=last, epoch=16, epochs=16, seconds=5400,
          started='2026-01-02T03:04:05+0000')  # fmt: skip
    write_record(tmp_path / 'stgcn/b', config=config, best={**best, 'value': 0.5}, epoch=3, epochs=16)
    write_record(tmp_path / 'new/j', config=config, network='ST-GCN++')
    return tmp_path


def test_the_table_of_runs_marks_the_best(work_dirs):
    runs, problems = find_runs([work_dirs])
    header, *lines, legend = table(runs).splitlines()
    assert legend == '* best result of its metric'
    assert problems == [] and header.split()[:4] == ['run', 'network', 'epochs', 'metric']
    assert [line.split()[1:] for line in lines] == [
        ['ST-GCN++', '-/-', '-', '-', '-', '-', '-', '-'],
        ['STGCN', '3/16', 'top1_acc', '0.5000', '15', '-', '-', '-'],
        ['STGCN', '16/16', 'top1_acc', '0.8617*', '15', '0.8600', '1:30:00', '2026-01-02', '03:04'],
    ]
    assert lines[2].index('0.8617*') == header.index('best')


@pytest.mark.parametrize('content', ['{', '[]', '{"config": 3, "best": [1], "last": "x", "seconds": "y", "epoch": {}}'])
def test_a_damaged_record_does_not_hide_other_runs(work_dirs, content):
    (work_dirs / 'new/j/run.json').write_text(content)
    runs, problems = find_runs([work_dirs])
    assert len(runs) + len(problems) >= 2
    assert 'stgcn/j' in table(runs)
