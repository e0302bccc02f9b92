import sys

import pytest

from pyskl.lazy import lazy_exports


def test_a_name_imports_its_module_on_first_use(tmp_path, monkeypatch):
    (tmp_path / 'lazily_imported.py').write_text('answer = 42\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    getattribute, names = lazy_exports('package', {'lazily_imported': ('answer', 'absent')})
    assert names == ['absent', 'answer']
    assert 'lazily_imported' not in sys.modules
    assert getattribute('answer') == 42
    with pytest.raises(AttributeError, match="module 'package' has no attribute 'anwser'"):
        getattribute('anwser')
