import pytest

pytest.importorskip('matplotlib')
pytest.importorskip('jinja2')

from pyskl.cli import test as test_tool  # noqa: E402


def test_test_writes_a_report(trained, called, tmp_path, capsys):
    words = (trained.config, trained.work_dir / 'latest.pth', '--report', tmp_path / 'test.html')
    called(test_tool, *words, '--work-dir', tmp_path / 'elsewhere')
    assert '>Confusion<' in (tmp_path / 'test.html').read_text()
    assert f'wrote {tmp_path / "test.html"}' in capsys.readouterr().out
