#!/usr/bin/env bash
# PARTITION=gpu GPUS=8 GPUS_PER_NODE=8 bash tools/slurm_test.sh JOB_NAME CONFIG CHECKPOINT [options of tools/test.py]
if [ $# -lt 3 ]; then
    echo "usage: [PARTITION= GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] bash tools/slurm_test.sh JOB CONFIG CHECKPOINT [options]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_slurm.sh"
on_slurm "$1" test.py "${@:2}"
