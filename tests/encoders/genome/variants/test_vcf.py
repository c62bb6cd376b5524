"""VCF and BCF as people write them: versions 4.1 to 4.5, odd names, odd columns; pysam's sample by sample reading is
the outside answer."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pysam.bcftools
import pytest

from encoders.errors import InputError
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequence, haplotype_sequences
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.calls import ShortRecordError, read_calls
from encoders.genome.variants.files import VariantFiles

REGION = Interval("20", 0, 3_000)
FORMATS = ("GT", "GT:DP", "GT:AD:DP")
GENOTYPES = ("0|0", "0|1", "1|0", "1/2", "./.", ".|1", "0/.", ".", "12|3", "0/10")
Write = Callable[..., Path]


def _as_bcf(vcf: Path) -> Path:
    bcf = vcf.with_name("same.bcf")
    with pysam.VariantFile(str(vcf)) as source, pysam.VariantFile(str(bcf), "wb", header=source.header) as target:
        for record in source:
            target.write(record)
    pysam.tabix_index(str(bcf), preset="bcf", force=True)
    return bcf


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("binary", [False, True])
def test_genotypes_of_any_form_are_what_pysam_reads_one_by_one(write_lines: Write, seed: int, binary: bool) -> None:
    rng = random.Random(seed)
    samples = tuple(f"S{number}" for number in range(rng.randrange(1, 14)))
    values = {"DP": lambda: rng.choice(["7", "."]), "AD": lambda: rng.choice(["1,2", "."])}
    lines = []
    for record in range(23):
        keys = rng.choice(FORMATS) if record % 3 else "GT"
        written = GENOTYPES[:3] if record % 2 else GENOTYPES
        cells = [
            ":".join(rng.choice(written) if key == "GT" else values[key]() for key in keys.split(":")) for _ in samples
        ]
        alts = ",".join("A" + "C" * n for n in range(1, 14))
        lines.append(f"20\t{100 + record}\t.\tA\t{alts}\t.\tPASS\t.\t{keys}\t" + "\t".join(cells))
    vcf = write_lines(lines, samples=samples)
    path = _as_bcf(vcf) if binary else vcf
    subjects = rng.sample(samples, rng.randrange(1, len(samples) + 1))
    (block,) = VariantFiles(path).fetch(REGION, subjects)
    with pysam.VariantFile(str(path)) as file:
        for row, record in enumerate(file):
            for column, subject in enumerate(subjects):
                call = record.samples[subject]
                expected = [-1 if allele is None else allele for allele in call.allele_indices or (None, None)]
                assert block.alleles[row, column].tolist() == (expected * 2)[:2]
                assert block.phased[row, column] == (call.phased and len(expected) == 2)


@pytest.mark.parametrize("lengths", [(9, 4), (4, 9), (-9, -4)])
def test_deletions_of_one_record_have_lengths_of_their_own(
    write_lines: Write, write_fasta: Write, lengths: tuple[int, int]
) -> None:
    genome = "".join(random.Random(5).choices("ACGT", k=400))
    info = "SVLEN={},{}".format(*lengths)
    vcf = write_lines([f"20\t150\t.\t{genome[149]}\t<DEL>,<DEL>\t.\tPASS\t{info}\tGT\t1|2"], version="4.4")
    expected = [genome[139:150] + genome[150 + abs(length) : 170] for length in lengths]
    for path in (vcf, _as_bcf(vcf)):
        found = haplotype_sequences(
            Reference(write_fasta({"20": genome})), VariantFiles(path), parse_region("20:140-170"), ["S1"]
        )
        assert list(found["S1"]) == expected


@pytest.mark.parametrize("version", ["4.1", "4.2", "4.3", "4.4", "4.5"])
@pytest.mark.parametrize("info", ["SVLEN=-9", "SVLEN=9", "END=159", "END=159;SVLEN=9"])
@pytest.mark.parametrize("region", ["20:140-170", "20:155-170"])
def test_a_deletion_has_the_length_that_any_version_writes(
    write_lines: Write, write_fasta: Write, version: str, info: str, region: str
) -> None:
    genome = "".join(random.Random(5).choices("ACGT", k=400))
    vcf = write_lines([f"20\t150\t.\t{genome[149]}\t<DEL>\t.\tPASS\t{info}\tGT\t0|1"], version=version)
    start, end = (int(place) for place in region[3:].split("-"))
    for path in (vcf, _as_bcf(vcf)):
        found = haplotype_sequences(
            Reference(write_fasta({"20": genome})), VariantFiles(path), parse_region(region), ["S1"]
        )
        kept = "".join(genome[base - 1] for base in range(start, end + 1) if not 151 <= base <= 159)
        assert found["S1"] == (genome[start - 1 : end], kept)


@pytest.mark.parametrize(("info", "by_end"), [("END=155;SVLEN=-9", 5), ("SVLEN=9;END=164", 14)])
def test_a_deletion_of_two_lengths_is_refused_where_it_is_carried(
    write_lines: Write, write_fasta: Write, tmp_path: Path, info: str, by_end: int
) -> None:
    genome = "".join(random.Random(5).choices("ACGT", k=400))
    cells = f"20\t150\t.\t{genome[149]}\t<DEL>\t.\tPASS\t{info}\tGT\t0|1\t0|0"
    vcf, bcf = write_lines([cells], samples=["S1", "S2"]), tmp_path / "same.bcf"
    pysam.bcftools.view("-Ob", "-o", str(bcf), str(vcf), catch_stdout=False)  # pysam's own writer would set END
    pysam.tabix_index(str(bcf), preset="bcf", force=True)
    for path in (vcf, bcf):
        read = [Reference(write_fasta({"20": genome})), VariantFiles(path), parse_region("20:140-170")]
        assert haplotype_sequences(*read, ["S2"])["S2"] == (genome[139:170],) * 2  # type: ignore[arg-type]
        with pytest.raises(InputError, match=f"END and SVLEN .* lacks {by_end} bases by END and 9 by SVLEN"):
            haplotype_sequences(*read, ["S1"])  # type: ignore[arg-type]


def test_a_leading_phase_is_that_of_the_first_allele(write_lines: Write, write_fasta: Write) -> None:
    cells = ["|0|1", "/0/1", "|1|1", "/1|1", "|1/1", "|.|.", "/0|1", "|0/1", "|1/."]
    samples = [f"S{number}" for number in range(len(cells))]
    vcf = write_lines(["20\t150\t.\tA\tC\t.\tPASS\t.\tGT\t" + "\t".join(cells)], samples=samples, version="4.4")
    for path in (vcf, _as_bcf(vcf)):
        (block,) = VariantFiles(path).fetch(REGION, samples[:6])
        assert block.alleles[0].tolist() == [[0, 1], [0, 1], [1, 1], [1, 1], [1, 1], [-1, -1]]
        assert block.phased[0].tolist() == [True, False, True, False, False, True]
        for subject in samples[6:]:
            with pytest.raises(InputError, match=f"has one phased and one unphased .* for {subject}"):
                VariantFiles(path).fetch(REGION, [subject])
    reference = Reference(write_fasta({"20": "A" * 400}))
    assert haplotype_sequence(reference, VariantFiles(vcf), parse_region("20:149-151"), "S0", haplotype=2) == "ACA"
    with pytest.raises(InputError, match="unphased heterozygote in S1"):
        haplotype_sequence(reference, VariantFiles(vcf), parse_region("20:149-151"), "S1")


def test_a_leading_phase_before_version_4_4_is_a_line_that_cannot_be_read(write_lines: Write) -> None:
    vcf = write_lines(["20\t150\t.\tA\tC\t.\tPASS\t.\tGT\t|0|1"], version="4.3")
    with pytest.raises(InputError, match=r"v\.vcf\.gz is damaged at 20"):
        VariantFiles(vcf).fetch(REGION, ["S1"])


@pytest.mark.parametrize("wanted", [("Doe,J", "A"), ("^X",), ("-", "A B"), ("A", "0012", "^X", "A B", "Doe,J", "-")])
def test_any_legal_name_names_its_own_column(write_lines: Write, wanted: tuple[str, ...]) -> None:
    names = ("A B", "Doe,J", "^X", "-", "A", "0012", "J", "Doe")
    cells = [f"{number}|{number + 1}" for number in range(len(names))]
    alts = ",".join("A" + "C" * n for n in range(1, 10))
    vcf = write_lines([f"20\t150\t.\tA\t{alts}\t.\tPASS\t.\tGT\t" + "\t".join(cells)], samples=names)
    (block,) = VariantFiles(vcf).fetch(REGION, wanted)
    assert block.alleles[0, :, 0].tolist() == [names.index(name) for name in wanted]


def test_text_in_another_encoding_is_no_obstacle(write_lines: Write) -> None:
    vcf = write_lines(["20\t150\t.\tA\tC\t.\tPASS\tNOTE=caf\xe9;END=160\tGT\t0|1"])
    (block,) = VariantFiles(vcf).fetch(REGION, ["S1"])
    assert (block.alleles[0].tolist(), block.info_ends.tolist()) == ([[0, 1]], [160])


def test_genotypes_may_stand_behind_another_value(write_lines: Write) -> None:
    cells = ["7:0|1", ".:1/0", "7:./."]
    names = tuple(f"S{number}" for number in range(len(cells)))
    vcf = write_lines(["20\t150\t.\tA\tC\t.\tPASS\t.\tDP:GT\t" + "\t".join(cells)], samples=names)
    (block,) = VariantFiles(vcf).fetch(REGION, names)
    assert block.alleles[0].tolist() == [[0, 1], [1, 0], [-1, -1]]
    assert block.phased[0].tolist() == [True, False, False]


@pytest.mark.parametrize("cells", [("0|1", "1", "0|1"), ("0|1", "0|1|1", "1"), ("0|1:.", "0/0/1:7", "0|1:7")])
def test_other_numbers_of_alleles_are_refused_in_any_place(write_lines: Write, cells: tuple[str, ...]) -> None:
    subjects = ("S1", "S2", "S3")
    keys = "GT:DP" if ":" in cells[1] else "GT"
    lines = [f"20\t{position}\t.\tA\tC\t.\tPASS\t.\t" for position in (140, 150)]
    vcf = write_lines(
        [lines[0] + "GT\t" + "\t".join(["0|0"] * 3), f"{lines[1]}{keys}\t" + "\t".join(cells)], samples=subjects
    )
    with pytest.raises(InputError, match=r"needs two alleles; 20:150 A>C of .* for S2"):
        VariantFiles(vcf).fetch(REGION, subjects)
    assert VariantFiles(vcf).fetch(REGION, ["S1"])[0].alleles.tolist() == [[[0, 0]], [[0, 1]]]


@pytest.mark.parametrize("genotype", ["0|32768", "99999/1"])
def test_an_allele_that_no_record_has_is_refused(write_lines: Write, genotype: str) -> None:
    path = write_lines([f"20\t150\t.\tA\tC\t.\tPASS\t.\tGT\t{genotype}"])
    with pytest.raises(InputError, match="an allele that no record has for S1"):
        VariantFiles(path).fetch(REGION, ("S1",))


@pytest.mark.parametrize("suffix", ["vcf.gz", "bcf"])
@pytest.mark.parametrize(("contig", "sample"), [(b"2\xe2", b"S1"), (b"2", b"S\xe2")])
def test_names_that_are_not_in_utf8_are_refused(tmp_path: Path, contig: bytes, sample: bytes, suffix: str) -> None:
    """Before pysam meets them, which leaves an error behind that Python 3.13 prints."""
    path = _named(tmp_path, b"ID=" + contig, sample, suffix)
    with pytest.raises(InputError, match="names in UTF-8"):
        VariantFiles(path)


@pytest.mark.parametrize("suffix", ["vcf.gz", "bcf"])
def test_other_words_of_a_header_may_be_in_another_encoding(tmp_path: Path, suffix: str) -> None:
    """As is legal before VCF 4.3."""
    path = _named(tmp_path, b"ID=2,species=\xe9", "Zoë".encode(), suffix)
    assert VariantFiles(path).samples_on(["20"]) == ("Zoë",)


def _named(folder: Path, contig: bytes, sample: bytes, suffix: str) -> Path:
    plain = folder / "v.vcf"
    plain.write_bytes(
        b"##fileformat=VCFv4.2\n##contig=<ID=20,length=3000>\n##contig=<" + contig + b",length=9>\n"
        b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + sample + b"\n"
        b"20\t150\t.\tA\tC\t.\tPASS\t.\tGT\t0|1\n"
    )
    path = folder / f"v.{suffix}"
    if suffix == "bcf":
        pysam.bcftools.view("-Ob", "-o", str(path), str(plain), catch_stdout=False)
        pysam.bcftools.index(str(path))
        return path
    return Path(pysam.tabix_index(str(plain), preset="vcf", force=True))


@pytest.mark.parametrize("genotype", ["0|1", "0|1:7"])
def test_a_record_with_fewer_samples_than_the_header_is_refused(genotype: str) -> None:
    keys = "GT:DP" if ":" in genotype else "GT"
    with pytest.raises(ShortRecordError, match="a record has 1 samples, fewer than the header"):
        read_calls([(keys, genotype)], np.array([0, 1]))
