"""Variant files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest

from encoders.errors import InputError
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.reference_check import check_build

REGION = Interval("20", 100, 200)


def test_subjects_come_in_the_order_asked_for_across_files(write_vcf: Callable[..., Path]) -> None:
    first = write_vcf([(150, "A", "C,T", ".", ["0|1", "2|."])], samples=("S1", "S2"), name="a")
    second = write_vcf([(150, "A", "C", ".", ["1/1"]), (160, "G", "T", ".", ["0|0"])], samples=("S3",), name="b")
    variants = VariantFiles([first, second])
    assert variants.samples == ("S1", "S2", "S3")
    assert variants.contigs == ("20",)
    blocks = {block.subjects: block for block in variants.fetch(REGION, ["S2", "S3", "S1"])}
    assert set(blocks) == {("S2", "S1"), ("S3",)}
    assert blocks["S2", "S1"].alleles.tolist() == [[[2, -1], [0, 1]]]
    assert blocks["S2", "S1"].alts == (("C", "T"),)
    assert blocks[("S3",)].positions.tolist() == [149, 159]
    assert blocks[("S3",)].phased.tolist() == [[False], [True]]


def test_a_deletion_that_starts_before_the_region_is_fetched(write_vcf: Callable[..., Path]) -> None:
    vcf = write_vcf([(98, "AAAA", "A", ".", ["0|1"]), (99, "A", "<DEL>", "END=120", ["0|1"])])
    (block,) = VariantFiles(vcf).fetch(REGION, ["S1"])
    assert block.positions.tolist() == [97, 98]
    assert block.info_ends.tolist() == [101, 120]


def test_files_that_repeat_one_another_count_once_and_others_are_refused(write_vcf: Callable[..., Path]) -> None:
    records = [(150, "A", "C", ".", ["0|1"]), (160, "A", "C", ".", ["1|1"])]
    whole, part = write_vcf(records, name="whole"), write_vcf(records[:1], name="part")
    (block,) = VariantFiles([part, whole]).fetch(REGION, ["S1"])
    assert (block.positions.tolist(), block.alleles.tolist(), block.n_repeated) == ([149, 159], [[[0, 1]], [[1, 1]]], 1)
    different = write_vcf([(150, "A", "C", ".", ["1|1"])], name="different")
    with pytest.raises(InputError, match=r"150 A>C of .*whole.* and .*different.* differ in S1"):
        VariantFiles([whole, different]).fetch(REGION, ["S1"])


def test_bcf_reads_as_vcf(write_vcf: Callable[..., Path], tmp_path: Path) -> None:
    vcf = write_vcf([(150, "A", "C", ".", ["0|1", "1/0"])], samples=("S1", "S2"))
    bcf = tmp_path / "v.bcf"
    with pysam.VariantFile(str(vcf)) as source, pysam.VariantFile(str(bcf), "wb", header=source.header) as target:
        for record in source:
            target.write(record)
    with pytest.raises(InputError, match=r"run bcftools index v\.bcf"):
        VariantFiles(bcf)
    pysam.tabix_index(str(bcf), preset="bcf")
    expected, found = (VariantFiles(path).fetch(REGION, ["S2", "S1"])[0] for path in (vcf, bcf))
    assert np.array_equal(expected.alleles, found.alleles)
    assert np.array_equal(expected.phased, found.phased)


def test_bad_files_and_regions_are_refused(write_vcf: Callable[..., Path], tmp_path: Path) -> None:
    vcf = write_vcf([(150, "A", "C", ".", ["0|1"])])
    variants = VariantFiles(vcf)
    with pytest.raises(InputError, match=r"Contig 7 has no records .* contigs are 20"):
        variants.fetch(Interval("7", 0, 10), ["S1"])
    with pytest.raises(InputError, match=r"1 of 2 \(first S9\) are in none of"):
        variants.fetch(REGION, ["S1", "S9"])
    for chrom in ("X", "chrY", "MT", "chrM"):
        with pytest.raises(InputError, match="Haplotypes need an autosome"):
            variants.fetch(Interval(chrom, 0, 10), ["S1"])
    truncated = tmp_path / "truncated.vcf.gz"
    truncated.write_bytes(vcf.read_bytes()[:-40])
    with pytest.raises(InputError, match="is truncated"):
        VariantFiles(truncated)
    Path(f"{vcf}.tbi").unlink()
    with pytest.raises(InputError, match=r"run tabix -p vcf v\.vcf\.gz"):
        VariantFiles(vcf)
    plain = tmp_path / "plain.vcf"
    plain.write_text("##fileformat=VCFv4.2\n")
    with pytest.raises(InputError, match="run bgzip"):
        VariantFiles(plain)
    with pytest.raises(InputError, match="does not exist"):
        VariantFiles(tmp_path / "none.vcf.gz")


def test_haploid_males_of_a_real_sex_chromosome_are_refused(real_data: Path) -> None:
    variants = VariantFiles(real_data / "genome/grch38_pgx_vcf/G6PD.bcf")
    with pytest.raises(InputError, match="lies on X"):
        variants.fetch(parse_region("chrX:154528395-154549890"), variants.samples)


def test_haploid_males_of_a_sex_chromosome_are_refused(write_vcf: Callable[..., Path]) -> None:
    variants = VariantFiles(write_vcf([(150, "A", "C", ".", ["1", "0|1"])], samples=("S1", "S2"), chrom="X"))
    for region in (Interval("X", 100, 200), Interval("chrX", 100, 200)):
        with pytest.raises(InputError, match="lies on X"):
            variants.fetch(region, variants.samples)


def test_records_spread_over_a_contig_tell_another_build_of_a_region_without_any(
    real_data: Path, write_vcf: Callable[..., Path]
) -> None:
    genome = real_data / "genome"
    reference = Reference(next((genome / "grch37_chr22").glob("*.fa.gz")))
    check_build(reference, VariantFiles(next((genome / "grch37_chr22").glob("*.vcf.gz"))), "22")
    with pytest.raises(InputError, match=r"\d of \d+ records spread over 22 do, as by chance"):
        check_build(reference, VariantFiles(next((genome / "grch38_chr22").glob("*.vcf.gz"))), "22")
    padded = Reference(next((genome / "grch38_chr22").glob("*.fa.gz")))
    check_build(padded, VariantFiles(next((genome / "grch38_chr22").glob("*.vcf.gz"))), "chr22")
    check_build(padded, VariantFiles(write_vcf([(5, "A", "C", ".", ["0|1"])] * 9, chrom="chr22")), "chr22")


def _assert_damage_is_named(source: Path, tmp_path: Path, chrom: str, middle: Interval, n_records: int) -> None:
    """Bytes of the middle are overwritten, the index is whole: no reading may end there as if the file did."""
    data, damaged = source.read_bytes(), tmp_path / "damaged.vcf.gz"
    damaged.write_bytes(data[: len(data) // 2] + bytes(300) + data[len(data) // 2 + 300 :])
    Path(f"{damaged}.tbi").write_bytes(Path(f"{source}.tbi").read_bytes())
    subjects = VariantFiles(source).samples[:5]
    whole = VariantFiles(source).chunks(chrom, subjects, n_records=100)
    assert sum(len(chunk.positions) for chunk in whole) == n_records
    with pytest.raises(InputError, match=rf"damaged\.vcf\.gz is damaged at {chrom}"):
        list(VariantFiles(damaged).chunks(chrom, subjects, n_records=100))
    with pytest.raises(InputError, match=rf"damaged\.vcf\.gz is damaged at {chrom}"):
        VariantFiles(damaged).fetch(middle, subjects)


def test_damage_in_the_middle_of_a_file_never_shortens_it_silently(
    write_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    """611 records of 503 subjects: more than ten blocks of bgzip."""
    rng = np.random.default_rng(5)
    records = []
    for number in range(611):
        carried = rng.random((503, 2)) < rng.uniform(0.01, 0.5)
        records.append((100 + 7 * number, "A", "C", ".", [f"{int(one)}|{int(two)}" for one, two in carried]))
    vcf = write_vcf(records, samples=[f"S{number}" for number in range(503)])
    _assert_damage_is_named(vcf, tmp_path, "20", Interval("20", 2_000, 2_600), 611)


def test_damage_in_the_middle_of_a_real_file_never_shortens_it_silently(real_data: Path, tmp_path: Path) -> None:
    source = next((real_data / "genome/grch37_chr22").glob("*.vcf.gz"))
    _assert_damage_is_named(source, tmp_path, "22", Interval("22", 19_900_000, 20_000_000), 608)
