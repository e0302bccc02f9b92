"""The record cache: entries are built once, rebuilt when needed, and only then."""

import multiprocessing
import os
import time

import pytest

from pyskl.datasets.records import cache as record_cache
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.cache import cache_folders, is_own_folder, open_records
from pyskl.datasets.records.store_format import TornStoreError


def entries(folder):
    return sorted(path.name for path in folder.glob('*.records'))


def unreadable(path, file, alive=None):
    raise AssertionError('the annotation file was read again')


def test_the_second_opening_does_not_read_the_pickle(tmp_path, make_record, cache_folder, monkeypatch):
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    open_records(tmp_path / 'x.pkl')
    monkeypatch.setattr(record_cache, 'pack_annotations', unreadable)
    assert open_records(tmp_path / 'x.pkl').names == ['a']
    monkeypatch.chdir(tmp_path)
    assert open_records('x.pkl').names == ['a']
    assert len(entries(cache_folder)) == 1


def test_a_changed_file_replaces_its_entry(tmp_path, make_record, cache_folder):
    path = tmp_path / 'x.pkl'
    write_annotations(path, [make_record('a')])
    old = open_records(path)
    write_annotations(path, [make_record('b')])
    assert open_records(path).names == ['b']
    assert len(entries(cache_folder)) == 1
    assert old.record(0)['frame_dir'] == 'a'  # an open old entry remains readable


def test_an_incomplete_entry_is_rebuilt(tmp_path, make_record, cache_folder):
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    open_records(tmp_path / 'x.pkl')
    (entry,) = cache_folder.glob('*.records')
    entry.write_bytes(entry.read_bytes()[:-5])
    assert open_records(tmp_path / 'x.pkl').names == ['a']


@pytest.mark.parametrize('table', ['labels', 'names', 'rows', 'shapes', 'problem_rows'])
def test_a_damaged_entry_is_rebuilt(tmp_path, make_record, cache_folder, table):
    write_annotations(tmp_path / 'x.pkl', [make_record('a', label=3), make_record('b', label=4)])
    found = open_records(tmp_path / 'x.pkl')
    (entry,) = cache_folder.glob('*.records')
    place, data = found._tables_at[table], bytearray(entry.read_bytes())
    if place.nbytes == 0:
        return
    data[place.offset] ^= 1
    entry.unlink()
    entry.write_bytes(data)
    assert open_records(tmp_path / 'x.pkl').labels.tolist() == [3, 4]


def test_an_entry_that_turns_out_to_be_damaged_is_removed(tmp_path, make_record, cache_folder):
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    found = open_records(tmp_path / 'x.pkl')
    (entry,) = cache_folder.glob('*.records')
    os.truncate(entry, 200)
    with pytest.raises(TornStoreError, match='the cache entry .* it was removed, run the same command again'):
        found.record(0)
    assert open_records(tmp_path / 'x.pkl').record(0)['frame_dir'] == 'a'


@pytest.mark.parametrize('how', ['written', 'moved'])
def test_a_file_of_equal_size_and_date_gets_its_own_entry(tmp_path, make_record, cache_folder, how):
    for name, label in (('x', 3), ('y', 4)):
        write_annotations(tmp_path / f'{name}.pkl', [make_record('a', label=label)])
        os.utime(tmp_path / f'{name}.pkl', ns=(10**18, 10**18))
    assert open_records(tmp_path / 'x.pkl').labels.tolist() == [3]
    assert (tmp_path / 'x.pkl').stat().st_size == (tmp_path / 'y.pkl').stat().st_size
    if how == 'moved':
        (tmp_path / 'y.pkl').replace(tmp_path / 'x.pkl')
    else:
        (tmp_path / 'x.pkl').write_bytes((tmp_path / 'y.pkl').read_bytes())
        os.utime(tmp_path / 'x.pkl', ns=(10**18, 10**18))
    assert open_records(tmp_path / 'x.pkl').labels.tolist() == [4]


def test_cache_entries_are_private(tmp_path, make_record, cache_folder):
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    open_records(tmp_path / 'x.pkl')
    assert len(list(cache_folder.iterdir())) == 2  # the entry and its lock
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in cache_folder.iterdir())


def test_a_lock_file_is_not_opened_through_a_symlink(tmp_path, make_record, cache_folder):
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    open_records(tmp_path / 'x.pkl')
    (lock,) = cache_folder.glob('*.lock')
    (tmp_path / 'mine').write_text('text')
    lock.unlink()
    lock.symlink_to(tmp_path / 'mine')
    for entry in cache_folder.glob('*.records'):
        entry.unlink()
    with pytest.raises(OSError):
        open_records(tmp_path / 'x.pkl')
    assert (tmp_path / 'mine').read_text() == 'text'


def test_symlinks_of_other_users_are_rejected(tmp_path, monkeypatch):
    (tmp_path / 'folder').mkdir(mode=0o700)
    (tmp_path / 'link').symlink_to('folder')
    assert is_own_folder(tmp_path / 'link') and is_own_folder(tmp_path / 'link' / 'below')
    kind = type(tmp_path)
    real = kind.lstat

    def of_another_user(path):
        found = real(path)
        return os.stat_result((*found[:4], 12345, *found[5:10])) if path.name == 'link' else found

    monkeypatch.setattr(kind, 'lstat', of_another_user)
    assert not is_own_folder(tmp_path / 'link') and not is_own_folder(tmp_path / 'link' / 'below')


def test_leftovers_of_killed_builds_are_removed(tmp_path, make_record, cache_folder):
    cache_folder.mkdir(mode=0o700)
    old, new = (cache_folder / f'.pyskl-{digit * 16}.tmp' for digit in '01')
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    open_records(tmp_path / 'x.pkl')
    assert not old.exists() and new.exists()


def test_entries_of_deleted_files_are_removed(tmp_path, make_record, cache_folder):
    for name in ('gone', 'fresh', 'there'):
        write_annotations(tmp_path / f'{name}.pkl', [make_record(name)])
        open_records(tmp_path / f'{name}.pkl')
    by_name = {record_cache.RecordStore(path).names[0]: path for path in cache_folder.glob('*.records')}
    for name in ('gone', 'there'):
        os.utime(by_name[name], (0, 0))
    for name in ('gone', 'fresh'):
        (tmp_path / f'{name}.pkl').unlink()
    write_annotations(tmp_path / 'new.pkl', [make_record('new')])
    open_records(tmp_path / 'new.pkl')
    assert not by_name['gone'].exists() and by_name['fresh'].exists() and by_name['there'].exists()


def open_and_count(path, folder, barrier, queue):
    os.environ['PYSKL_CACHE'] = folder
    build = record_cache.pack_annotations
    count = []
    record_cache.pack_annotations = lambda path, file, alive: count.append(1) or build(path, file, alive=alive)
    barrier.wait()
    names = open_records(path).names
    queue.put((len(count), names))


def test_one_of_several_concurrent_processes_builds(tmp_path, make_record):
    write_annotations(tmp_path / 'x.pkl', [make_record(str(i), frames=100) for i in range(50)])
    context = multiprocessing.get_context('fork')
    barrier, queue = context.Barrier(4), context.Queue()
    arguments = (str(tmp_path / 'x.pkl'), str(tmp_path / 'together'), barrier, queue)
    processes = [context.Process(target=open_and_count, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    found = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sum(count for count, _ in found) == 1
    assert all(names == [str(i) for i in range(50)] for _, names in found)


def test_the_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'a'))
    assert cache_folders()[0] == tmp_path / 'a'
    monkeypatch.delenv('PYSKL_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'b'))
    assert cache_folders()[0] == tmp_path / 'b' / 'pyskl'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', str(tmp_path / 'c'))
    assert cache_folders()[0] == tmp_path / 'c' / '.cache' / 'pyskl'


def test_without_a_usable_folder_the_temporary_folder_is_used(tmp_path, make_record, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'file' / 'below'))
    monkeypatch.setattr(record_cache.tempfile, 'gettempdir', lambda: str(tmp_path / 'temporary'))
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    assert (tmp_path / 'temporary') in open_records(tmp_path / 'x.pkl').path.parents


def test_without_any_folder_the_error_names_the_variable_to_set(tmp_path, make_record, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setattr(record_cache, 'cache_folders', lambda: [tmp_path / 'file' / 'below'])
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    with pytest.raises(OSError, match='no folder can hold the cached records of .*set PYSKL_CACHE'):
        open_records(tmp_path / 'x.pkl')


def test_a_full_disk_falls_back_to_the_next_folder(tmp_path, make_record, monkeypatch, cache_folder):
    real = record_cache.pack_annotations

    def write(path, file, alive):
        if cache_folder.name in file.name:
            raise OSError(28, 'No space left on device')
        real(path, file)

    monkeypatch.setattr(record_cache, 'pack_annotations', write)
    monkeypatch.setattr(record_cache, 'cache_folders', lambda: [cache_folder, tmp_path / 'other'])
    write_annotations(tmp_path / 'x.pkl', [make_record('a')])
    assert open_records(tmp_path / 'x.pkl').path.parent == tmp_path / 'other'
    assert entries(cache_folder) == [] and not list(cache_folder.glob('.*.tmp'))


def test_a_missing_annotation_file_raises_with_its_path(tmp_path):
    with pytest.raises(FileNotFoundError, match="ann_file 'nothing.pkl' cannot be read"):
        open_records('nothing.pkl')


def test_only_a_private_folder_is_used(tmp_path):
    folder = tmp_path / 'deep' / 'folder'
    assert is_own_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert not is_own_folder(folder)
    (tmp_path / 'file').touch()
    assert not is_own_folder(tmp_path / 'file' / 'below')


def hold(path, ready, signs):
    with record_cache.locked(path, 'x.pkl') as alive:
        record_cache.ALIVE_SECONDS = 0
        ready.set()
        for _ in range(signs):
            time.sleep(0.05)
            alive()
        time.sleep(30)


@pytest.mark.parametrize('signs', [0, 12])
def test_waiting_ends_some_time_after_the_last_sign_of_life(tmp_path, monkeypatch, signs):
    monkeypatch.setattr(record_cache, 'WAIT_SECONDS', 0.3)
    context = multiprocessing.get_context('fork')
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path / 'x.lock', ready, signs), daemon=True)
    process.start()
    ready.wait()
    start = time.monotonic()
    words = rf"process {process.pid} is reading 'y.pkl' for all processes but made no progress .*PYSKL_CACHE"
    with pytest.raises(TimeoutError, match=words), record_cache.locked(tmp_path / 'x.lock', 'y.pkl'):
        pass
    assert time.monotonic() - start > 0.3 + 0.05 * signs * 0.5
    process.terminate()
    process.join()
    with record_cache.locked(tmp_path / 'x.lock', 'y.pkl'):  # the lock of an ended process is free
        pass
