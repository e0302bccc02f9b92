# Sourced by slurm_train.sh and slurm_test.sh: on_slurm JOB TOOL [arguments of TOOL]
source "$(dirname "${BASH_SOURCE[0]}")/_python.sh"
on_slurm() {
    local gpus=${GPUS:-8}
    local per_node=${GPUS_PER_NODE:-$((gpus < 8 ? gpus : 8))}
    exec srun ${PARTITION:+-p "$PARTITION"} --job-name="$1" --gres="gpu:$per_node" --ntasks="$gpus" \
        --ntasks-per-node="$per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
        "$PYTHON" -u "$ROOT/tools/$2" --launcher slurm "${@:3}"
}
