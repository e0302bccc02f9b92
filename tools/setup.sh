#!/usr/bin/env bash
# Makes .venv with the tested packages, unless the Python at hand has them. Pass extra packages or -r files as arguments.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
if [ ! -x .venv/bin/python ]; then
    "${PYTHON3:-python3}" -m venv .venv
fi
stamp=".venv/.installed-$(cat requirements.txt setup.py pyproject.toml <(echo "$@") | cksum | cut -d' ' -f1)"
if [ ! -f "$stamp" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt "$@"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
    touch "$stamp"
fi
