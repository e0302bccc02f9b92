#!/usr/bin/env bash
# From a fresh clone to a trained Ske2Grid: sets up .venv, generates synthetic data, trains D5 and grows it to D6, tests
# it and writes a report. The same command resumes an interrupted run. Options are passed to tools/train.py.
set -euo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
echo "== 1/4 .venv: downloads torch and the packages of requirements.txt (0.2 to 3 GB), once"
bash tools/setup.sh 'matplotlib>=3.8' 'jinja2>=3.1' 'av>=12'
PY="$ROOT/.venv/bin/python"
if [ ! -f data/synthetic/coco.pkl ]; then
    echo "== 2/4 data: 1000 synthetic clips of ten actions, nothing to download (seconds)"
    $PY tools/data/synthetic.py --layout coco --out data/synthetic/coco.pkl
fi
if [ ! -f data/synthetic/scene.jsonl ]; then
    $PY tools/data/scene.py --out data/synthetic/scene.jsonl > /dev/null
fi
start=$SECONDS
echo "== 3/4 training: a 5x5 grid, then grown to 6x6 (4 to 8 minutes on one core)"
$PY tools/progressive.py configs/quickstart/d5.py configs/quickstart/d5tod6.py -- --seed 0 "$@"
echo "== 4/4 testing D6 with 10 clips"
RUN=work_dirs/quickstart/d5tod6
$PY tools/test.py configs/quickstart/d5tod6.py "$RUN/best_top1_acc_epoch_*.pth" \
    --out work_dirs/quickstart/results_d6.pkl --overwrite --eval top_k_accuracy mean_class_accuracy --report
$PY tools/analysis/grid.py "$RUN" --out work_dirs/quickstart/grid.png --overwrite
echo "training and testing took $((SECONDS - start)) s"
cat <<NEXT

Look at   $RUN/report.html          curves, confusion, the hardest clips, the grid
          work_dirs/quickstart/grid.png                 which joints contribute to which cell

Try next  source .venv/bin/activate
          pyskl predict data/synthetic/scene.jsonl --model quickstart --out work_dirs/quickstart/scene
                                                        label two people; film.mp4 shows them
          pyskl predict VIDEO --model quickstart --out out
                                                        label your own video, after pip install -e '.[film,mediapipe]'
          pyskl train quickstart/stgcn++ --validate     another network on the same clips; docs/data.md for your own
NEXT
