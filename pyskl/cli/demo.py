"""Serve a web page to try a model: upload a video or record one, and see who does what, when.

    pip install -e '.[demo]'
    pyskl demo --model stgcn++_ntu60_xsub_hrnet/j
    pyskl demo --model quickstart --port 7860
    pyskl demo --model quickstart --explain gradient    # the page opens with this choice; it offers all three

Only this machine can open the page, unless --host is another address. Uploads are limited in size and length.
They are stored in a temporary folder and deleted after ten minutes, and at the latest when the program ends.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.cli.predict import add_model_options, check_model, make_recognizer
from pyskl.errors import one_line

INSTALL = 'pip install gradio av mediapipe==0.10.14'
COLUMNS = ['person', 'start', 'end', 'label', 'score']
TOP = ['person', 'action', 'mean probability']
EXPLAIN = [('labels only', 'none'), ('response of each joint', 'magnitude'), ('evidence for the label', 'gradient')]
STEPS = {'frames': 'finding people', 'explain': 'explaining the labels', 'film': 'drawing the film'}
SWEEP, AGE = 60, 600  # seconds: interval between deletions, and age at which files are deleted


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_options(parser)
    page = parser.add_argument_group('page')
    page.add_argument('--host', default='127.0.0.1', help='address to listen on (default: this machine only)')
    page.add_argument('--port', type=int, default=7860, help='port to listen on (default: 7860)')
    page.add_argument('--max-mb', type=float, default=100, help='maximal size of an upload (default: 100)')
    page.add_argument('--max-seconds', type=float, default=120, help='maximal length of a video (default: 120)')
    page.add_argument(
        '--explain', nargs='?', const='magnitude', default='none', choices=('magnitude', 'gradient'),
        help='initial choice of what the film shows: the response of each joint, or with gradient the evidence for the '
        'label (default: labels only)',
    )  # fmt: skip
    args = parser.parse_args(argv)
    if not 1 <= args.port <= 65535:
        raise ValueError(f'--port must be 1 to 65535, got {args.port}')
    for name in ('max_mb', 'max_seconds'):
        if not 0 < getattr(args, name) <= 100_000:
            raise ValueError(f'--{name.replace("_", "-")} must be above 0, at most 100000, got {getattr(args, name):g}')
    check_model(args)
    return args


def top_five(events: list) -> list[list]:
    """Return rows of person, action and mean probability: the five likeliest per person, weighted by duration."""
    people: dict[int, dict[str, float]] = {}
    lengths: dict[int, float] = {}
    for event in events:
        length = max(event.end - event.start, 1e-3)
        lengths[event.person] = lengths.get(event.person, 0.0) + length
        held = people.setdefault(event.person, {})
        for name, score in event.top:
            held[name] = held.get(name, 0.0) + length * score
    return [
        [person, name, round(total / lengths[person], 3)]
        for person, held in sorted(people.items())
        for name, total in sorted(held.items(), key=lambda item: -item[1])[:5]
    ]


def explain_choices(recognizer, initial: str) -> list[tuple[str, str]]:
    """Return the entries of :data:`EXPLAIN` that the recognizer supports.

    Raises:
        ValueError: If ``initial`` is not one of them.
    """
    try:
        recognizer.check_explain('magnitude')
    except ValueError as error:
        if initial != 'none':
            raise ValueError(f'--explain {initial}: {error}') from None
        return EXPLAIN[:1]
    return EXPLAIN


def label_upload(
    recognizer, path: str | None, max_seconds: float, folder: str, progress=None, explain: str = 'none'
) -> tuple:
    """Label an upload.

    Args:
        recognizer: The recognizer.
        path: Path of the uploaded video.
        max_seconds: Maximum length of the video.
        folder: Folder for the results.
        progress: Progress bar of gradio.
        explain: What the film shows besides labels: ``none``, ``magnitude`` or ``gradient``.

    Returns:
        The annotated film, the table of intervals, the top five of each person, files to download (events.json, and
        explain.npz if it was asked for), and a line of text.

    Raises:
        ValueError: If there is no video, it is too long, or it cannot be decoded.
    """
    from pyskl.inference.sources import FilmSource

    if not path:
        raise ValueError('upload or record a video first')
    source = FilmSource(path)
    if source.duration > max_seconds:
        raise ValueError(f'the video has {source.duration:.0f} s, but at most {max_seconds:g} s are allowed')
    _delete_old(folder)
    out = Path(tempfile.mkdtemp(prefix='film-', dir=folder))
    lines: list[str] = []

    def bar(frames, total, what):
        for number, frame in enumerate(frames):
            if number / source.fps > max_seconds:
                raise ValueError(f'the video has more than {max_seconds:g} s, which is the maximum')
            if progress is not None and total:
                progress(min(number / total, 1), desc=STEPS[what])
            yield frame

    kind = None if explain == 'none' else explain
    events = list(recognizer.film(source, out, explain=kind, progress=bar, report=lines.append))
    held = json.loads((out / 'events.json').read_text())
    held['source'] = Path(path).name
    (out / 'events.json').write_text(json.dumps(held, indent=2))
    events.sort(key=lambda event: (event.person, event.start))
    rows = [[e.person, round(e.start, 2), round(e.end, 2), e.label, round(e.score, 3)] for e in events]
    people = len({event.person for event in events})
    result = f'{_count(people, "person", "people")}, {_count(len(events), "interval", "intervals")}. {" ".join(lines)}'
    film, files = out / 'film.mp4', [out / 'events.json', out / 'explain.npz']
    found = [str(file) for file in files if file.exists()]
    return (str(film) if film.exists() else None), rows, top_five(events), found, result


def _count(number: int, one: str, many: str) -> str:
    return f'{number} {one if number == 1 else many}'


def _delete_old(folder: str) -> None:
    """Delete results of old uploads; gradio deletes the uploads themselves."""
    for path in Path(folder).glob('film-*'):
        if time.time() - path.stat().st_mtime > AGE:
            shutil.rmtree(path, ignore_errors=True)


def build_page(recognizer, max_seconds: float, folder: str, explain: str = 'none', name: str = ''):
    """Build the page with gradio.

    Args:
        recognizer: The recognizer.
        max_seconds: Maximum length of a video.
        folder: Folder for the results.
        explain: Initial choice of what the film shows, see :func:`label_upload`.
        name: Name of the network; by default its checkpoint.

    Raises:
        ValueError: If gradio is not installed, or the network does not support ``explain``.
    """
    choices = explain_choices(recognizer, explain)
    os.environ.setdefault('GRADIO_ANALYTICS_ENABLED', 'False')
    try:
        import gradio as gr
    except ImportError as error:
        raise ValueError(f'the page needs gradio ({error}); run {INSTALL}') from None

    def label(path, choice, progress=gr.Progress()):  # noqa: B008  (gradio finds it by this default)
        try:
            return label_upload(recognizer, path, max_seconds, folder, progress, choice)
        except (ValueError, OSError) as error:
            line = one_line(error)
            gr.Warning(line)  # gr.Error would write Error over each result
            return None, None, None, None, line

    network = recognizer.network
    with gr.Blocks(title='pyskl: who does what, when', analytics_enabled=False, delete_cache=(SWEEP, AGE)) as page:
        gr.Markdown(
            f'## Who does what, when\n{name or network.name or "network"}: {len(network.classes)} actions, '
            f'layout {network.skeleton.name}. Videos of at most {max_seconds:g} s; deleted after 10 minutes.'
        )
        with gr.Row():
            with gr.Column():
                film = gr.Video(label='video', sources=['upload', 'webcam'], elem_id='film')
                joints = gr.Radio(
                    choices, value=explain, label='show on each joint', visible=len(choices) > 1, elem_id='explain'
                )
                button = gr.Button('Label', variant='primary', elem_id='label')
                result = gr.Textbox(label='result', interactive=False, elem_id='result')
            labelled = gr.Video(label='labelled video', interactive=False, elem_id='labelled')
        with gr.Row():
            table = gr.Dataframe(headers=COLUMNS, label='timeline', interactive=False, elem_id='timeline')
            top = gr.Dataframe(headers=TOP, label='top five per person', interactive=False, elem_id='top')
        file = gr.File(label='results', file_count='multiple', interactive=False, elem_id='json')
        button.click(label, [film, joints], [labelled, table, top, file, result], concurrency_limit=1)
    return page


def main() -> None:
    """Serve the page until Ctrl-C."""
    args = parse_args()
    folder = tempfile.mkdtemp(prefix='pyskl-demo-')
    os.environ['GRADIO_TEMP_DIR'] = folder
    try:
        page = build_page(make_recognizer(args), args.max_seconds, folder, args.explain, args.model[0])
        print(f'open http://{args.host}:{args.port} in a browser; press Ctrl-C to stop', flush=True)
        page.queue(max_size=8).launch(
            server_name=args.host, server_port=args.port, max_file_size=round(args.max_mb * 2**20), quiet=True,
            share=False, allowed_paths=[folder],
        )  # fmt: skip
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    run(main)
