# Sourced by the other scripts: sets PYTHON to an interpreter that has pyskl's packages:
# $PYTHON if set, else the active one, else that of the .venv created by tools/setup.sh.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
has_packages() { "$1" -c 'import torch, mmengine, mmcv, scipy' >/dev/null 2>&1; }
if [ -z "${PYTHON:-}" ]; then
    if command -v python >/dev/null && has_packages python; then
        PYTHON=python
    elif [ -x "$ROOT/.venv/bin/python" ]; then
        PYTHON="$ROOT/.venv/bin/python"
    else
        echo "error: no Python with torch, mmengine and mmcv found; run 'bash tools/setup.sh', or set PYTHON" >&2
        exit 1
    fi
fi
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"
