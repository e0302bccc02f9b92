"""Write an annotation pickle: ``python -m my_package.converter OUT.pkl``."""

import sys
from pathlib import Path

from my_package.dataset import CLASSES, stick
from pyskl.datasets.records.annotations import write_annotations


def main() -> None:
    out = Path(sys.argv[1])
    if out.exists():
        sys.exit(f'error: {out} exists; choose another name')
    records = [stick(seed % len(CLASSES), seed) for seed in range(24)]
    names = [record['frame_dir'] for record in records]
    write_annotations(out, records, {'train': names[:16], 'val': names[16:]})
    print(f'wrote {out}: {len(records)} clips')


if __name__ == '__main__':
    main()
