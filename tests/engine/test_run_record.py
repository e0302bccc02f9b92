import json
import os
import subprocess

import pytest

from pyskl.engine.run_record import RunRecord, git_commit, plain, surroundings


@pytest.fixture
def record(tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    return RunRecord(folder)


def test_a_run_removes_only_checkpoints_that_it_wrote(record):
    for name in ('epoch_1.pth', 'best_mine.pth', 'notes.txt', 'best_ours.pth'):
        (record.folder / name).touch()
    for name in ('epoch_1.pth', 'best_ours.pth', 'notes.txt'):
        record.add(name)
    names = ['epoch_1.pth', 'best_mine.pth', 'notes.txt', 'best_ours.pth']
    assert RunRecord(record.folder).remove(names) == ['epoch_1.pth', 'best_ours.pth']
    assert sorted(os.listdir(record.folder)) == ['best_mine.pth', 'notes.txt', 'run.json']


@pytest.mark.parametrize('name', ['../epoch_1.pth', '/tmp/epoch_1.pth', 'best_x/../../epoch_1.pth', 'best_folder.pth'])
def test_paths_in_a_record_that_are_not_checkpoints_of_the_folder_are_not_removed(record, name):
    outside = record.folder.parent / 'epoch_1.pth'
    outside.touch()
    (record.folder / 'best_folder.pth').mkdir()
    record.path.write_text(json.dumps({'pyskl_run': 1, 'files': [name]}))
    assert RunRecord(record.folder).remove([name]) == []
    assert outside.exists() and (record.folder / 'best_folder.pth').is_dir()


@pytest.mark.parametrize('text', ['', '[]', '{"files": []}', '{"pyskl_run": 1, "files": 3}', '[' * 100000])
def test_a_run_json_of_another_program_raises_and_is_not_changed(record, text):
    record.path.write_text(text)
    with pytest.raises(ValueError, match='run.json is damaged or not the record of a run; move it elsewhere'):
        RunRecord(record.folder)
    assert record.path.read_text() == text


def test_plain_configs_are_equal_after_json():
    value = {'topk': (1, 5), 'type': RunRecord, 'lr': 0.1, 'none': None}
    expected = {'topk': [1, 5], 'type': 'pyskl.engine.run_record.RunRecord', 'lr': 0.1, 'none': None}
    assert plain(value) == expected == plain(json.loads(json.dumps(plain(value))))


def test_surroundings_describe_versions_and_machine(tmp_path):
    found = surroundings()
    assert set(found) == {'started', 'versions', 'git', 'machine'} and found['versions']['torch']
    assert git_commit(tmp_path) is None


def test_the_commit_tells_whether_files_differ_from_it(tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(['git', '-c', 'user.name=a', '-c', 'user.email=a@b', *words], cwd=tmp_path, check=True)

    git('init', '-q')
    (tmp_path / 'a.py').write_text('a = 1')
    git('add', 'a.py')
    git('commit', '-qm', 'a')
    commit = git_commit(tmp_path)
    assert len(commit) == 40 and int(commit, 16)
    (tmp_path / 'new.py').write_text('')  # not of the repository
    assert git_commit(tmp_path) == commit
    (tmp_path / 'a.py').write_text('a = 2')
    assert git_commit(tmp_path) == f'{commit}+changes'
    monkeypatch.setenv('GIT_CEILING_DIRECTORIES', str(tmp_path))
    (tmp_path / 'below').mkdir()
    assert git_commit(tmp_path / 'below') is None
