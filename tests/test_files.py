import errno
import os
import stat

import pytest

from pyskl.files import (
    WriteError,
    check_output,
    remove_leftovers,
    replace_link,
    replacing,
    replacing_path,
    write_json,
    write_text,
)  # fmt: skip


def test_the_name_appears_when_the_file_is_complete(tmp_path):
    path = tmp_path / 'new' / 'a.bin'
    with replacing(path) as file:
        file.write(b'half')
        assert not path.exists()
        file.write(b' and half')
    assert path.read_bytes() == b'half and half'
    assert os.listdir(path.parent) == ['a.bin']


@pytest.mark.parametrize('writer', [replacing, replacing_path])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, writer):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(KeyError), writer(path):
        raise KeyError
    assert os.listdir(tmp_path) == ['a.txt'] and path.read_text() == 'old'


def test_a_link_is_replaced_and_its_target_unchanged(tmp_path):
    target, link = tmp_path / 'target', tmp_path / 'link'
    target.write_text('mine')
    link.symlink_to(target)
    write_text(link, 'new')
    assert target.read_text() == 'mine' and link.read_text() == 'new' and not link.is_symlink()


def test_a_file_under_the_temporary_name_is_never_opened(tmp_path, monkeypatch):
    monkeypatch.setattr('secrets.token_hex', lambda size: '0' * 16)
    other = tmp_path / 'other'
    other.write_text('mine')
    (tmp_path / '.pyskl-0000000000000000.tmp').symlink_to(other)
    for writer in (replacing, replacing_path):
        with pytest.raises(WriteError, match='File exists'), writer(tmp_path / 'a'):
            pass
    assert other.read_text() == 'mine'


def test_permissions_follow_the_umask_or_are_private(tmp_path):
    mask = os.umask(0o027)
    try:
        for name, private, mode in (('a', False, 0o640), ('b', True, 0o600)):
            with replacing(tmp_path / name, private):
                pass
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    finally:
        os.umask(mask)


@pytest.mark.parametrize(('code', 'reason'), [(errno.ENOSPC, 'no space left'), (errno.EDQUOT, 'the quota is used up')])
def test_a_full_disk_raises_with_file_and_folder_and_leaves_no_partial_file(tmp_path, code, reason):
    for writer in (replacing, replacing_path):
        with pytest.raises(WriteError) as raised, writer(tmp_path / 'a.bin'):
            raise OSError(code, os.strerror(code))
        assert str(raised.value) == f'cannot write a.bin to {tmp_path}: {reason}'
        assert raised.value.errno == code
        assert os.listdir(tmp_path) == []


def test_an_unrelated_os_error_passes_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing'), replacing(tmp_path / 'a'):
        (tmp_path / 'missing').read_bytes()


def test_a_folder_that_is_a_file_is_named_in_the_error(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(WriteError, match=f'cannot write a to {tmp_path}/file: '):
        write_text(tmp_path / 'file' / 'a', '')


def test_replacing_path_has_the_suffix_and_removes_other_files(tmp_path):
    with replacing_path(tmp_path / 'film.mp4') as name:
        assert name.suffix == '.mp4' and not name.exists()
        name.write_bytes(b'film')
        name.with_suffix('.log').write_text('noise')
    assert os.listdir(tmp_path) == ['film.mp4']


def test_leftovers_are_removed_and_other_files_are_not(tmp_path):
    (tmp_path / '.pyskl-0123456789abcdef.tmp').touch()
    (tmp_path / '.pyskl-fedcba9876543210.tmp').mkdir()
    (tmp_path / '.pyskl-fedcba9876543210.tmp' / 'a').touch()
    for name in ('notes.tmp', '.pyskl-mine.tmp'):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ['.pyskl-mine.tmp', 'notes.tmp']


def test_an_output_is_new_or_overwritten_on_request_and_never_an_input(tmp_path):
    path = tmp_path / 'scores.pkl'
    check_output(path)
    path.touch()
    with pytest.raises(FileExistsError, match='--out .*scores.pkl exists already; pass --overwrite to replace it'):
        check_output(path)
    check_output(path, overwrite=True)
    (tmp_path / 'link.pkl').symlink_to(path)
    with pytest.raises(ValueError, match='--dump .*link.pkl would overwrite .*scores.pkl, which is an input'):
        check_output(tmp_path / 'link.pkl', overwrite=True, inputs=[path], option='--dump')
    with pytest.raises(ValueError, match='--out .* is a folder; name a file in it'):
        check_output(tmp_path)
    with pytest.raises(ValueError, match='cannot write to .*scores.pkl; choose another folder'):
        check_output(path / 'below.pkl')


def test_replace_link_changes_the_target_atomically(tmp_path):
    for name in ('a', 'b'):
        replace_link(tmp_path / 'latest', name)
        assert os.readlink(tmp_path / 'latest') == name
    assert os.listdir(tmp_path) == ['latest']


def test_json_is_indented(tmp_path):
    write_json(tmp_path / 'a.json', {'seed': 3})
    assert (tmp_path / 'a.json').read_text() == '{\n  "seed": 3\n}\n'
