"""Write an HTML report about one or more runs.

    pyskl report work_dirs/stgcn++/mine
    pyskl report work_dirs/a work_dirs/b --out a_against_b.html

The page has curves, the confusion matrix, results per class, calibration, the hardest clips, the grid of a
Ske2Grid, and a comparison of the runs. A run without test scores is tested first (its best checkpoint, on
data.test of its config). The page is self-contained: it loads no other files.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.errors import one_line
from pyskl.files import check_output

MARK = b'<!-- pyskl report -->'  # at the top of every page, so that a new report may replace an old one
RESPONSES = 16  # number of clips over which the response of the grid is averaged


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folders of training runs')
    parser.add_argument('--out', type=Path, metavar='X.html', help='default: report.html in the first WORK_DIR')
    parser.add_argument('--checkpoint', help='for a single run: path or quoted glob (default: the best)')
    parser.add_argument('--scores', help='for a single run: score file of `pyskl test --dump`, instead of testing')
    parser.add_argument('--again', action='store_true', help='test again even if there are scores of an earlier report')
    parser.add_argument('--no-test', action='store_true', help='only curves, config and grid')
    parser.add_argument('--title', help='title of the page')
    parser.add_argument('--overwrite', action='store_true', help='replace an --out that is not a report')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    args = parser.parse_args(argv)
    if len(args.work_dirs) > 1 and (args.checkpoint or args.scores):
        parser.error('--checkpoint and --scores need a single WORK_DIR')
    if args.no_test and (args.scores or args.again):
        parser.error('--no-test excludes --scores and --again')
    return args


def names_of(folders: list[str]) -> list[str]:
    """Return short unique names: the last parts of each path, as many as necessary."""
    parts = [Path(folder).resolve().parts for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ['/'.join(part[-count:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError('a WORK_DIR is given twice; remove one')


def gather(work_dir, name: str, scores: str | None = None, test: bool = True, again: bool = False):
    """Collect the :class:`pyskl.reports.page.Run` of a :class:`pyskl.cli.run_facts.WorkDir`.

    Args:
        work_dir: The run.
        name: Name on the page.
        scores: A score file; None: test.
        test: Whether the page has test results.
        again: Whether to test again even if there are scores of an earlier report.
    """
    from pyskl.reports.films import clip_film
    from pyskl.reports.page import Run, wanted_films
    from pyskl.reports.scalars import read_scalars

    found = Run(name, facts=work_dir.facts(), config=work_dir.cfg.pretty_text)
    try:
        found.curves = read_scalars(work_dir.folder)
    except FileNotFoundError as error:
        tell(f'{error}; the page has no curves')
    if test:
        predicted = work_dir.predictions(scores, again)
        found.scores, found.labels = predicted.scores, predicted.labels
        found.clips = predicted.names or [f'clip {number}' for number in range(len(predicted.labels))]
    clips = None
    try:
        clips = work_dir.clips()
    except (OSError, ValueError, KeyError) as error:
        tell(f'{one_line(error)}; the page shows no clips')
    for clip in wanted_films(found) if clips else ():
        try:
            found.films[clip] = clip_film(*clips.joints(clip), clips.skeleton)
        except ValueError as error:
            tell(f'clip {clip} is not shown: {one_line(error)}')
    found.grid = grid_of(work_dir, clips)
    return found


def grid_of(work_dir, clips) -> tuple[str, list] | None:
    """Return the grids of a Ske2Grid as SVG and as tables, with the responses to some test clips."""
    stages = work_dir.grid()
    if stages is None:
        return None
    from pyskl.reports.charts import svg
    from pyskl.reports.grid import cell_table, grid_chart

    skeleton = work_dir.skeleton
    pose = None if clips is None else pose_of(clips)
    responses = None if clips is None else responses_of(work_dir)
    chart = svg(grid_chart(stages, skeleton, pose, responses))
    return chart, [(f'{stage.shape[0]} x {stage.shape[1]}', cell_table(stage, skeleton)) for stage in stages]


def pose_of(clips) -> np.ndarray | None:
    """Return a pose in which every joint is visible, from the first clips; None if there is none."""
    from pyskl.reports.films import upright_pose

    for name in clips.store.names[:50]:
        try:
            pose = upright_pose(*clips.joints(name), clips.skeleton)
        except ValueError:
            continue
        if pose is not None:
            return pose
    return None


def responses_of(work_dir) -> np.ndarray:
    """Return the mean magnitude ``(H', W')`` of the last block's features over some test clips."""
    import torch

    from pyskl.engine.build import build_dataset

    dataset = build_dataset(work_dir.cfg, 'test')
    chosen = np.unique(np.linspace(0, len(dataset) - 1, RESPONSES).round().astype(int)).tolist()
    total = 0
    with torch.no_grad():
        for index in chosen:
            clip = torch.as_tensor(np.asarray(dataset[index]['keypoint']))[:1]
            total = total + work_dir.model.backbone(clip).abs().mean((0, 1, 2, 3))
    return (total / len(chosen)).numpy()


def tell(line: str) -> None:
    """Print a line on stderr."""
    print(line, file=sys.stderr, flush=True)


def checked_out(out: Path, overwrite: bool = False) -> Path:
    """Check that the page can be written and replaces only a report; return its path."""
    if out.suffix not in ('.html', '.htm'):
        raise ValueError(f'--out {out} must end in .html')
    ours = out.is_file() and MARK in out.read_bytes()[:200]
    check_output(out, overwrite or ours)
    return out


def default_scores(cfg) -> str:
    """Return the default path for the scores of a report."""
    import pyskl.reports.charts  # noqa: F401 - raises without matplotlib
    from pyskl.cli.run_facts import SCORES

    return f'{cfg.work_dir}/{SCORES}'


def report_of_test(cfg, checkpoint: str, scores: str, out: str | None, trust: bool) -> Path:
    """Write the page of a test whose scores were just written, and return its path."""
    from pyskl.cli.run_facts import WorkDir
    from pyskl.reports.page import write_page

    path = checked_out(Path(out or f'{cfg.work_dir}/report.html'))
    work_dir = WorkDir(cfg.work_dir, checkpoint, trust, cfg)
    name = Path(cfg.work_dir).name
    write_page(path, [gather(work_dir, name, scores)], work_dir.classes, f'Report: {name}')
    return path


def main() -> None:
    """Write the page."""
    args = parse_args()
    out = checked_out(args.out or Path(args.work_dirs[0], 'report.html'), args.overwrite)
    names = names_of(args.work_dirs)
    from pyskl.cli.run_facts import WorkDir
    from pyskl.reports.page import write_page

    folders = [WorkDir(folder, args.checkpoint, args.trust_checkpoint) for folder in args.work_dirs]
    for folder, name in zip(folders[1:], names[1:], strict=True):
        if folder.classes != folders[0].classes:
            raise ValueError(f'{name} and {names[0]} have different classes; write a report for each')
    runs = [
        gather(folder, name, args.scores, not args.no_test, args.again)
        for folder, name in zip(folders, names, strict=True)
    ]
    write_page(out, runs, folders[0].classes, args.title or f'Report: {", ".join(names)}')
    print(f'wrote {out} ({out.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    run(main)
