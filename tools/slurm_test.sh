#!/usr/bin/env bash
# PARTITION=gpu GPUS=8 GPUS_PER_NODE=8 bash tools/slurm_test.sh JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
if [ $# -lt 3 ]; then
    echo "usage: [PARTITION= GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] bash tools/slurm_test.sh JOB CONFIG CHECKPOINT [options]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_python.sh"
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-$((GPUS < 8 ? GPUS : 8))}
exec srun ${PARTITION:+-p "$PARTITION"} --job-name="$1" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "$PYTHON" -u "$ROOT/tools/test.py" "$2" "$3" --launcher slurm "${@:4}"
