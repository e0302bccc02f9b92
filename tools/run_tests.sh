#!/usr/bin/env bash
# Sets up .venv, lints, runs the tests. Options go to pytest: bash tools/run_tests.sh -m slow
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
bash tools/setup.sh '.[dev,report,film,docs,completion,onnx]'
PY=.venv/bin/python
$PY -m ruff check .
$PY -m ruff format --check .
exec $PY -m pytest "$@"
