#!/usr/bin/env bash
# Creates .venv with the tested packages and this checkout. Pass extra packages or -r files as arguments.
# pip prints what it downloads; calling it again does nothing.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
if [ ! -x .venv/bin/python ]; then
    "${PYTHON3:-python3}" -m venv .venv
fi
stamp=".venv/.installed-$(cat requirements.txt setup.py pyproject.toml <(echo "$@") | cksum | cut -d' ' -f1)"
if [ ! -f "$stamp" ]; then
    .venv/bin/python -m pip install --disable-pip-version-check -r requirements.txt "$@" | grep -v 'already satisfied' || test "${PIPESTATUS[0]}" -eq 0
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
    touch "$stamp"
fi
