#!/usr/bin/env bash
# PARTITION=gpu GPUS=8 GPUS_PER_NODE=8 bash tools/slurm_train.sh JOB_NAME CONFIG [options of tools/train.py]
if [ $# -lt 2 ]; then
    echo "usage: [PARTITION= GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] bash tools/slurm_train.sh JOB CONFIG [options]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_python.sh"
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
exec srun ${PARTITION:+-p "$PARTITION"} --job-name="$1" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "$PYTHON" -u "$ROOT/tools/train.py" "$2" --launcher slurm "${@:3}"
