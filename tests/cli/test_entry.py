import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def fail_with(statement, **env):
    code = f'from pyskl.cli.entry import run\ndef main():\n    {statement}\nrun(main)'
    env = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(ROOT), **env}
    done = subprocess.run([sys.executable, '-c', code], env=env, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_user_error_is_one_line_and_status_1():
    assert fail_with('raise ValueError("split is\\n  not there")') == (1, 'error: split is not there\n')


def test_os_error_names_the_file():
    status, error = fail_with('open("/nowhere/x.pkl")')
    assert (status, error) == (1, "error: [Errno 2] No such file or directory: '/nowhere/x.pkl'\n")


def test_debug_keeps_the_traceback():
    status, error = fail_with('raise ValueError("why")', PYSKL_DEBUG='1')
    assert status == 1
    assert error.startswith('Traceback') and error.endswith('ValueError: why\n')


def test_ctrl_c_is_130():
    assert fail_with('raise KeyboardInterrupt') == (130, 'error: interrupted\n')


def heed_ctrl_c():
    """Restore the default handler: processes that a shell starts in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted_at(tmp_path, code, **env):
    """Run ``code`` as a tool, and send Ctrl-C after it has printed a line."""
    tmp_path = tmp_path / 'tools'
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / 'slow.py').write_text('import time\nprint("slow", flush=True)\ntime.sleep(60)\n')
    (tmp_path / 'tool.py').write_text(code)
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    tool = subprocess.Popen(
        [sys.executable, str(tmp_path / 'tool.py')], env={**os.environ, **env}, preexec_fn=heed_ctrl_c, **pipes
    )
    assert tool.stdout.readline() == 'slow\n'
    tool.send_signal(signal.SIGINT)
    output = tool.communicate(timeout=30)[1]
    return tool.returncode, output


def test_ctrl_c_during_imports_is_130(tmp_path):
    assert interrupted_at(tmp_path, 'from pyskl.cli.entry import run\nimport slow\n') == (130, 'error: interrupted\n')
    once = {'PYSKL_ERROR_ONCE': str(tmp_path / 'reported')}
    (tmp_path / 'reported').touch()
    assert interrupted_at(tmp_path, 'from pyskl.cli.entry import run\nimport slow\n', **once) == (130, '')


def test_ctrl_c_in_main_runs_finally_blocks(tmp_path):
    code = (
        'from pyskl.cli.entry import run\ndef main():\n    try:\n        import slow\n'
        '    finally:\n        open(__file__ + ".tidy", "w").close()\nrun(main)\n'
    )
    assert interrupted_at(tmp_path, code) == (130, 'error: interrupted\n')
    assert (tmp_path / 'tools/tool.py.tidy').exists()


def test_a_bug_keeps_its_traceback():
    status, error = fail_with('raise TypeError("bug")')
    assert status == 1
    assert 'Traceback' in error


def test_the_status_of_main_is_the_exit_status():
    assert fail_with('return 3') == (3, '')
    assert fail_with('pass') == (0, '')


def test_an_error_from_a_loader_worker_is_the_original_message():
    message = (
        'Caught ValueError in DataLoader worker process 0.\\nOriginal Traceback:\\n  File x\\nValueError: clip a: NaN'
    )
    assert fail_with(f'raise ValueError("{message}")') == (1, 'error: clip a: NaN\n')


def test_only_the_first_of_two_processes_prints_the_error(tmp_path):
    once = str(tmp_path / 'reported')
    assert fail_with('raise ValueError("why")', PYSKL_ERROR_ONCE=once) == (1, 'error: why\n')
    assert fail_with('raise ValueError("why")', PYSKL_ERROR_ONCE=once) == (1, '')


def test_an_invalid_error_once_path_does_not_hide_the_error():
    assert fail_with('raise ValueError("why")', PYSKL_ERROR_ONCE='/nowhere/reported') == (1, 'error: why\n')


def test_a_closed_output_is_not_an_error(tmp_path):
    program = tmp_path / 'pyskl'
    program.write_text(
        'from pyskl.cli.entry import run\ndef main():\n    for i in range(200000):\n        print(i)\nrun(main)\n'
    )
    root = str(Path(__file__).resolve().parents[2])
    command = f'{sys.executable} {program} | head -n 1; exit ${{PIPESTATUS[0]}}'
    environment = {**os.environ, 'PYTHONPATH': root}
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, '0\n', '')
