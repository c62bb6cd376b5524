"""Phase sets: what is phased within two sets is not phased between them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequences
from encoders.genome.intervals import Gene, Interval, parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table

Write = Callable[..., Path]
REGION = parse_region("20:101-160")


def _lines(*records: tuple[int, Sequence[str]], key: str = "PS") -> list[str]:
    return [f"20\t{place}\t.\tA\tC\t.\tPASS\t.\tGT:{key}\t" + "\t".join(cells) for place, cells in records]


@pytest.fixture
def reference(write_fasta: Write) -> Reference:
    return Reference(write_fasta({"20": "A" * 400}))


@pytest.mark.parametrize(
    ("cells", "refused"),
    [
        (("0|1:105", "1|0:105"), False),
        (("0|1:105", "1|0:115"), True),
        (("0|1:105", "1|1:115"), False),  # a homozygote has no phase
        (("0|1:105", "0|0:115"), False),
        (("0|1:.", "1|0:."), False),  # phased without a set: one set (VCF specification)
        (("0|1:105", "1|0:."), True),
        (("0|1:.", "1|0:105"), True),
        (("0|1", "1|0:105"), True),
        (("0|1:105", ".|.:115"), False),
        (("0|1:105", ".|1:115"), False),
        (("0|1:0", "0|1:0"), False),
    ],
)
def test_two_sets_in_one_region_are_refused(
    write_lines: Write, reference: Reference, cells: tuple[str, str], refused: bool
) -> None:
    vcf = write_lines(_lines((105, [cells[0], "0|1:1"]), (115, [cells[1], "1|0:1"])), samples=("S1", "S2"))
    variants = VariantFiles(vcf)
    assert len(haplotype_sequences(reference, variants, REGION, ["S2"])) == 1
    if refused:
        with pytest.raises(InputError, match=r"20:115 A>C of .* of S1 is of (phase set|no name)"):
            haplotype_sequences(reference, variants, REGION, ["S2", "S1"])
    else:
        haplotype_sequences(reference, variants, REGION, ["S2", "S1"])
    for policy in ("as-written", "iupac-unphased", "iupac", "alternate"):
        haplotype_sequences(reference, variants, REGION, ["S1"], unphased=policy)


@pytest.mark.parametrize(("second", "refused"), [("105,105", False), ("115,115", True), (".,.", True)])
def test_lists_of_phase_sets_count_too(
    write_lines: Write, reference: Reference, second: str, refused: bool
) -> None:  # PSL of VCF 4.4 names a set for each allele
    vcf = write_lines(_lines((105, ["0|1:105,105"]), (115, [f"0|1:{second}"]), key="PSL"), version="4.4")
    if refused:
        with pytest.raises(InputError, match="phased with one another"):
            haplotype_sequences(reference, VariantFiles(vcf), REGION, ["S1"])
    else:
        assert haplotype_sequences(reference, VariantFiles(vcf), REGION, ["S1"])["S1"][0] == "A" * 60


def _windows(reference: Reference, vcf: Path, strand: str, window: int, unphased: str) -> WindowTable:
    place = Interval("20", 100, 160, strand)
    panel = Panel((Gene("G", "G", place, (place,), "by hand"),), "canonical", ("by hand",), "none")
    return make_window_table(reference, panel, VariantFiles(vcf), window=window, unphased=unphased)


@pytest.mark.parametrize("strand", ["+", "-"])
def test_a_set_for_each_window_is_enough(write_lines: Write, reference: Reference, strand: str) -> None:
    vcf = write_lines(_lines((105, ["0|1:1"]), (110, ["1|0:1"]), (125, ["0|1:2"]), (128, ["0|1:2"]), (141, ["0|1:3"])))
    found, free = (_windows(reference, vcf, strand, 20, policy) for policy in ("phased", "as-written"))
    assert found.sequences == free.sequences
    assert "phase_sets_joined" not in free.events
    with pytest.raises(InputError, match=r"20:125 A>C of .* of S1 is of phase set 2, an earlier .* of 1:"):
        _windows(reference, vcf, strand, 30, "phased")
    assert _windows(reference, vcf, strand, 30, "as-written").events["phase_sets_joined"] == 1
    assert _windows(reference, vcf, strand, 60, "as-written").events["phase_sets_joined"] == 1


def test_a_record_across_a_border_belongs_to_both_windows(write_lines: Write, reference: Reference) -> None:
    deletion = "20\t118\t.\tAAAAAA\tA\t.\tPASS\t.\tGT:PS\t0|1:2"
    vcf = write_lines([*_lines((105, ["0|1:1"])), deletion, *_lines((135, ["0|1:3"]))])
    assert _windows(reference, vcf, "+", 20, "as-written").events["phase_sets_joined"] == 2


@pytest.mark.parametrize("seed", range(5))
def test_joined_windows_are_those_that_counting_by_hand_finds(
    write_lines: Write, reference: Reference, seed: int
) -> None:
    rng = random.Random(seed)
    names = tuple(f"S{number}" for number in range(6))
    calls = {
        place: [rng.choice(["0|1", "1|0", "0|0", "1|1", "0/1", ".|."]) + f":{rng.choice('12.')}" for _ in names]
        for place in sorted(rng.sample(range(101, 161), 14))
    }
    joined = 0
    for column in range(len(names)):
        for start in range(101, 161, 12):
            sets = {
                cells[column].split(":")[1]
                for place, cells in calls.items()
                if start <= place < start + 12 and cells[column][:3] in {"0|1", "1|0"}
            }
            joined += len(sets) > 1
    vcf = write_lines(_lines(*calls.items()), samples=names)
    assert _windows(reference, vcf, "+", 12, "as-written").events.get("phase_sets_joined", 0) == joined
