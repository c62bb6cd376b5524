"""What is to be embedded is told: the windows that subjects carry, and the reference's own that nobody does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analyses.genome.windows import describe_sequences
from encoders.genome.annotation.panel import read_panel
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import make_window_table
from tests.analyses.genome.conftest import SEQUENCE

EVERYBODY, SOME = ("1|1", "1|1", "1|1"), ("0|1", "0|0", "1|1")


@pytest.mark.parametrize(
    ("carriers", "said"),
    [
        ([SOME, SOME], []),
        (
            [EVERYBODY, SOME],
            ["10 sequences to read: the 9 distinct windows, and the reference's own of a window in which everybody "
             "differs from it"],
        ),
        (
            [EVERYBODY, EVERYBODY],
            ["10 sequences to read: the 8 distinct windows, and the reference's own of 2 windows in which everybody "
             "differs from it"],
        ),
    ],
)  # fmt: skip
def test_references_that_nobody_carries_are_told(
    small_genome: Callable[..., dict[str, Path]], carriers: list[tuple[str, ...]], said: list[str]
) -> None:
    records = []
    for position, genotypes in zip((150, 250), carriers, strict=True):  # in the first and the second of eight windows
        ref = SEQUENCE[position - 1]
        records.append((position, ref, "A" if ref != "A" else "C", genotypes))
    files = small_genome(records)
    panel = read_panel(files["annotation"])
    table = make_window_table(Reference(files["reference"]), panel, VariantFiles(files["variants"]), window=100)
    assert table.n_windows == 8
    assert describe_sequences(table) == said
