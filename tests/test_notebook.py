"""The notebook runs from beginning to end."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_notebook_runs_and_ends_with_a_film(tmp_path):
    nbformat = pytest.importorskip('nbformat')
    nbclient = pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    pytest.importorskip('matplotlib')
    notebook = nbformat.read(ROOT / 'examples/clips_to_film.ipynb', as_version=4)
    assert not any(cell.get('outputs') for cell in notebook.cells), 'outputs are not committed'
    nbclient.NotebookClient(notebook, timeout=900, resources={'metadata': {'path': str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == 'code' for output in cell.outputs]
    kinds = {kind for output in outputs for kind in output.get('data', {})}
    assert {'image/svg+xml', 'image/gif'} <= kinds or {'image/svg+xml', 'image/png'} <= kinds
