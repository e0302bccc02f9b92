#!/usr/bin/env bash
# bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]
# Without GPUs, GPUS is the number of processes. For several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT.
if [ $# -lt 3 ]; then
    echo "usage: bash tools/dist_test.sh CONFIG CHECKPOINT GPUS [options of tools/test.py]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_python.sh"
exec "$PYTHON" "$ROOT/tools/launch.py" --processes "$3" "$ROOT/tools/test.py" "$1" "$2" --launcher pytorch "${@:4}"
