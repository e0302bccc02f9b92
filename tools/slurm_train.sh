#!/usr/bin/env bash
# PARTITION=gpu GPUS=8 GPUS_PER_NODE=8 bash tools/slurm_train.sh JOB_NAME CONFIG [options of tools/train.py]
if [ $# -lt 2 ]; then
    echo "usage: [PARTITION= GPUS=8 GPUS_PER_NODE=8 CPUS_PER_TASK=5 SRUN_ARGS=] bash tools/slurm_train.sh JOB CONFIG [options]" >&2
    exit 1
fi
source "$(dirname "${BASH_SOURCE[0]}")/_slurm.sh"
on_slurm "$1" train.py "${@:2}"
