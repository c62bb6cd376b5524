"""A cohort in several files of one contig: cut anywhere, dealt out in any way, it reads as the one file that it was."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequences
from encoders.genome.intervals import Gene, Interval
from encoders.genome.population.dosages import RecordReport, read_dosages
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.windows.haplotype_windows import make_window_table

SAMPLES = ("S1", "S2", "S3")
REGION = Interval("20", 0, 400)
SEQUENCE = "".join(random.Random(3).choices("ACGT", k=400))
Record = tuple[int, str, str, str, list[str]]


def _records(n_records: int, seed: int) -> list[Record]:
    """Substitutions, insertions and deletions at places of their own, some of which overlap."""
    rng = random.Random(seed)
    found = []
    for position in sorted(rng.sample(range(2, 380), n_records)):
        ref = SEQUENCE[position - 1 : position - 1 + rng.choice([1, 1, 1, 2, 7])]
        alts = {ref[0] + "GATTACA"[: rng.randint(1, 7)], ref[0], "ACGT"["CGTA".index(ref[0])] + ref[1:]} - {ref}
        alleles = sorted(alts)[: rng.randint(1, 2)]
        genotypes = [f"{rng.randint(0, len(alleles))}|{rng.randint(0, len(alleles))}" for _ in SAMPLES]
        found.append((position, ref, ",".join(alleles), ".", genotypes))
    return found


def _rows(blocks: list[GenotypeBlock]) -> list[tuple[object, ...]]:
    return [
        (int(block.positions[row]), block.refs[row], block.alts[row], int(block.info_ends[row]),
         block.alleles[row].tolist(), block.phased[row].tolist())
        for block in blocks
        for row in range(len(block.positions))
    ]  # fmt: skip


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 10**6), n_files=st.integers(2, 4), n_records=st.integers(4, 40), shared=st.booleans())
def test_records_dealt_out_to_files_read_as_the_whole(
    write_vcf: Callable[..., Path], seed: int, n_files: int, n_records: int, shared: bool
) -> None:
    records, rng = _records(n_records, seed), random.Random(seed)
    cuts = sorted(rng.sample(range(n_records), n_files - 1))
    by_place = [records[first:end] for first, end in zip([0, *cuts], [*cuts, n_records], strict=True)]
    by_chance = [
        [record for record in records if random.Random(record[0]).randrange(n_files) == n] for n in range(n_files)
    ]
    hands = [hand for hand in rng.choice([by_place, by_chance]) if hand]
    repeated = rng.sample(records, 3) if shared else []
    hands[0] = sorted(hands[0] + [record for record in repeated if record not in hands[0]])
    n_repeated = sum(map(len, hands)) - n_records
    whole = VariantFiles(write_vcf(records, samples=SAMPLES, name="whole"))
    files = [write_vcf(hand, samples=SAMPLES, name=f"part{n}") for n, hand in enumerate(hands)]
    parts = VariantFiles(rng.sample(files, len(files)))
    (expected,), (found,) = whole.fetch(REGION, SAMPLES), parts.fetch(REGION, SAMPLES)
    assert _rows([found]) == _rows([expected])
    assert found.n_repeated == n_repeated
    for n_at_once in (1, 2, 5):
        chunks = list(parts.chunks("20", SAMPLES, n_records=n_at_once))
        assert _rows(chunks) == _rows([expected])
        assert sum(chunk.n_repeated for chunk in chunks) == n_repeated
        (stream,) = [list(stream) for _, stream in parts.stream(REGION, SAMPLES, n_records=n_at_once)]
        assert _rows(stream) == _rows([expected])


def test_windows_and_haplotypes_of_a_cohort_in_chunks_are_those_of_the_whole(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    """A deletion reaches over the cut; the record at the cut is in both files, and counted as repeated."""
    reference = Reference(write_fasta({"20": SEQUENCE}))
    deletion: Record = (195, SEQUENCE[194:204], SEQUENCE[194], ".", ["0|1", "1|0", "1|1"])
    records = sorted([record for record in _records(31, 8) if abs(record[0] - 195) > 9] + [deletion])
    cut = next(n for n, record in enumerate(records) if record[0] == 195)
    exons = (Interval("20", 100, 300), Interval("20", 350, 390))
    gene = Gene("ENSG1", "ALFA", Interval("20", 100, 390), exons, "T")
    panel = Panel((gene,), "canonical", ("made here",), "test")
    made = {}
    for name, hands in {"whole": [records], "parts": [records[: cut + 1], records[cut:]]}.items():
        files = VariantFiles([write_vcf(hand, samples=SAMPLES, name=f"{name}{n}") for n, hand in enumerate(hands)])
        made[name] = (
            make_window_table(reference, panel, files, window=60),
            haplotype_sequences(reference, files, REGION, SAMPLES),
        )
    (whole, spelled), (parts, respelled) = made["whole"], made["parts"]
    assert respelled == spelled
    assert parts.sequences == whole.sequences
    assert np.array_equal(parts.sequence_index, whole.sequence_index)
    assert parts.events == whole.events | {"repeated_record": 1}


def test_a_substitution_is_applied_before_an_insertion_at_its_base_in_either_order_of_files(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    reference = Reference(write_fasta({"20": "CCCCACCCC"}))
    snps = write_vcf([(5, "A", "G", ".", ["1|0"])], name="snps")
    indels = write_vcf([(5, "A", "ATT", ".", ["1|1"])], name="indels")
    for files in ([snps, indels], [indels, snps]):
        found = haplotype_sequences(reference, VariantFiles(files), Interval("20", 0, 9), ["S1"])
        assert found["S1"] == ("CCCCGTTCCCC", "CCCCATTCCCC")


def test_kinship_reads_every_record_of_all_files_once(write_vcf: Callable[..., Path]) -> None:
    records = [record for record in _records(37, 5) if len(record[1]) == 1 and len(record[2]) == 1]
    files = [write_vcf(hand, samples=SAMPLES, name=f"k{n}") for n, hand in enumerate((records[4:], records[:6]))]
    report, of_whole = RecordReport(), RecordReport()
    found = np.concatenate(list(read_dosages(VariantFiles(files), SAMPLES[::-1], report)))
    whole = VariantFiles(write_vcf(records, samples=SAMPLES, name="whole"))
    assert np.array_equal(found, np.concatenate(list(read_dosages(whole, SAMPLES[::-1], of_whole))))
    assert (report.n_records, report.left_out["in two files"]) == (of_whole.n_records + 2, 2)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ([(150, "A", "C", ".", ["0|1", "0|1", "1|1"])], r"agree; .*150 A>C of .*other.* differ in S3"),
        ([(150, "A", "C", ".", ["0|1", "0/1", "0|0"])], r"agree; .*150 A>C of .*other.* differ in S2"),
        ([(150, "A", "C", ".", ["0|1", "./.", "0|0"])], r"agree; .*150 A>C of .*other.* differ in S2"),
        (
            [(150, "A", "G,C", ".", ["0|2", "0|1", "0|0"])],
            r"in one record of a place only; C is in .* 150 A>G,C|150 A>C",
        ),
    ],
)
def test_files_that_contradict_one_another_are_refused(
    write_vcf: Callable[..., Path], other: list[Record], message: str
) -> None:
    first = write_vcf([(150, "A", "C", ".", ["0|1", "0|1", "0|0"])], samples=SAMPLES, name="first")
    with pytest.raises(InputError, match=message):
        VariantFiles([first, write_vcf(other, samples=SAMPLES, name="other")]).fetch(REGION, SAMPLES)


def test_alleles_without_phase_have_no_order(write_vcf: Callable[..., Path]) -> None:
    rows = [[(150, "A", "C", ".", genotypes)] for genotypes in (["0/1", "1|1", "0|1"], ["1/0", "1/1", "0|1"])]
    files = [write_vcf(row, samples=SAMPLES, name=f"o{n}") for n, row in enumerate(rows)]
    (block,) = VariantFiles(files).fetch(REGION, SAMPLES)
    assert (block.alleles.tolist(), block.n_repeated) == ([[[0, 1], [1, 1], [0, 1]]], 1)


def test_a_subject_whom_one_of_the_chunks_lacks_is_refused_and_not_taken_for_the_reference(
    write_vcf: Callable[..., Path],
) -> None:
    first = write_vcf([(150, "A", "C", ".", ["0|1", "1|1"])], samples=("S1", "S2"), name="first")
    second = write_vcf([(250, "A", "C", ".", ["0|1"])], samples=("S1",), name="second")
    variants = VariantFiles([first, second])
    (block,) = variants.fetch(Interval("20", 200, 300), ["S1"])
    assert block.positions.tolist() == [249]
    with pytest.raises(InputError, match=r"S1 has records in 20:201-300 in .*second.* and S2.*first.*, has none"):
        variants.fetch(Interval("20", 200, 300), ["S1", "S2"])
    with pytest.raises(InputError, match=r"share S1 and differ in 20:101-300: make one file of them"):
        variants.fetch(Interval("20", 100, 300), ["S1", "S2"])
    again = write_vcf([(150, "A", "C", ".", ["0|1", "0|0"])], samples=("S1", "S3"), name="again")
    blocks = VariantFiles([first, again]).fetch(REGION, SAMPLES)
    assert [(block.subjects, block.alleles.tolist()) for block in blocks] == [
        (("S1", "S2"), [[[0, 1], [1, 1]]]), (("S3",), [[[0, 0]]])
    ]  # fmt: skip


def test_files_of_two_builds_are_not_joined(write_vcf: Callable[..., Path], tmp_path: Path) -> None:
    first = write_vcf([(150, "A", "C", ".", ["0|1"])], name="first")
    text = tmp_path / "lifted.vcf"
    with pysam.VariantFile(str(write_vcf([(250, "A", "C", ".", ["0|1"])], name="second"))) as file:
        text.write_text(str(file.header).replace("length=3000000", "length=2999000") + "".join(map(str, file)))
    lifted = Path(pysam.tabix_index(str(text), preset="vcf"))
    with pytest.raises(InputError, match=r"of one build; 20 has 3,000,000 bases in .*first.* and 2,999,000"):
        VariantFiles([first, lifted]).fetch(REGION, ["S1"])
