#!/usr/bin/env bash
# From a fresh clone to a trained Ske2Grid: sets up .venv, makes the bundled data, trains D5 and grows D6 out of it,
# tests, prints the table. The same command again goes on where it stopped. Options go to tools/train.py.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
echo "== setting up .venv"
bash tools/setup.sh
PY="$ROOT/.venv/bin/python"
if [ ! -f data/synthetic/coco.pkl ]; then
    echo "== making the bundled data"
    $PY tools/data/synthetic.py --layout coco --out data/synthetic/coco.pkl
fi
start=$SECONDS
$PY tools/progressive.py configs/quickstart/d5.py configs/quickstart/d5tod6.py -- --seed 0 "$@"
echo "== testing D6 with 10 clips"
$PY tools/test.py configs/quickstart/d5tod6.py 'work_dirs/quickstart/d5tod6/best_top1_acc_epoch_*.pth' \
    --out work_dirs/quickstart/results_d6.pkl --overwrite --eval top_k_accuracy mean_class_accuracy
echo "training and testing took $((SECONDS - start)) s"
