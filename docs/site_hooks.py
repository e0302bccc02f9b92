"""mkdocs hooks that add pages outside ``docs/``: the READMEs of the configs, and the configs they link to."""

import re
from pathlib import Path

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
_OUTSIDE = re.compile(r'\]\(\.\./(configs/[^)\s]*|README\.md|CONTRIBUTING\.md|CHANGELOG\.md)')


def on_files(files: Files, config) -> Files:
    """Add the READMEs and configs under ``configs/``, as if that folder were in ``docs/``."""
    for path in sorted((ROOT / 'configs').rglob('*')):
        if path.suffix in ('.md', '.py', '.yaml') and '__pycache__' not in path.parts:
            name = path.relative_to(ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Rewrite links between ``docs/`` and ``configs/`` to the pages of the site."""
    if page.file.src_uri.startswith('configs/'):
        return markdown.replace('](../docs/', '](../').replace('](../../docs/', '](../../')
    return _OUTSIDE.sub(r'](\1', markdown)
