"""The figures of one alignment, which take a second, are drawn once in a session and copied from then on.

Most reports of these tests show the same few alignments. What a drawing is made from is its key, as in the product;
`tests/analyses/report/test_drawn.py` proves the key, and draws for itself.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from analyses.report import drawings
from analyses.report.drawn import alignment_key
from analyses.results.folder import Results
from analyses.results.headlines import Headline


@contextmanager
def drawn_once(kept: Path) -> Iterator[None]:
    """Within: drawings of alignments come from `kept` where one of the same key is there, whichever process drew it."""
    draw = drawings._draw_alignment

    def draw_or_copy(results: Results, headline: Headline) -> dict[str, Path]:
        source, figures = kept / alignment_key(results, headline), results.path / "figures"
        if not source.is_dir():
            drawn = draw(results, headline)
            _keep(drawn, source)
            return drawn
        figures.mkdir(parents=True, exist_ok=True)
        for path in source.iterdir():
            shutil.copyfile(path, figures / path.name)
        return {path.stem: figures / path.name for path in source.iterdir() if path.suffix != ".csv"}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(drawings, "_draw_alignment", draw_or_copy)
        yield


def _keep(drawn: dict[str, Path], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(dir=folder.parent))
    for name, path in drawn.items():
        assert path.stem == name
        for file in (path, path.with_suffix(".csv")):
            shutil.copyfile(file, made / file.name)
    try:
        os.rename(made, folder)
    except OSError:  # another process was first
        shutil.rmtree(made)
