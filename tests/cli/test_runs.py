import json

import pytest

from pyskl.cli import runs


def test_the_command_sorts_runs_and_reports_if_there_are_none(called, capsys, tmp_path):
    for name, best in (('a', 0.5), ('b', 0.9)):
        (tmp_path / name).mkdir()
        content = {'pyskl_run': 1, 'files': [], 'config': {}, 'best': {'metric': 'top1_acc', 'value': best, 'epoch': 1}}
        (tmp_path / name / 'run.json').write_text(json.dumps(content))
    for words, order in (([], ['a', 'b']), (['--sort', 'best'], ['b', 'a'])):
        called(runs, tmp_path, *words)
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0].removeprefix(f'{tmp_path}/') for line in lines[1:3]] == order
    (tmp_path / 'empty').mkdir()
    called(runs, tmp_path / 'empty')
    assert 'no runs in' in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match='folder .*nowhere does not exist'):
        called(runs, tmp_path / 'nowhere')
