#!/usr/bin/env bash
# bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]
# Without GPUs, GPUS is the number of processes. For several machines set NNODES, NODE_RANK, MASTER_ADDR and PORT.
if [ $# -lt 2 ]; then
    echo "usage: bash tools/dist_train.sh CONFIG GPUS [options of tools/train.py]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_python.sh"
exec "$PYTHON" "$ROOT/tools/launch.py" --processes "$2" "$ROOT/tools/train.py" "$1" --launcher pytorch "${@:3}"
