"""Names of contigs: the assemblies' table against their published sizes, and what is never an autosome."""

from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from encoders.errors import InputError
from encoders.genome.assemblies import chromosomes, names_by_length
from encoders.genome.contigs import check_autosome, check_spelling, contig_aliases, find_contig, unequal_ploidy
from encoders.genome.intervals import Interval
from encoders.genome.population.dosages import RecordReport, read_dosages
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.reference_check import check_reference_alleles

AUTOSOMES = {str(number) for number in range(1, 23)}


@pytest.mark.parametrize(
    ("assembly", "n_bases"), [("GRCh37", 3_095_677_412), ("GRCh38", 3_088_269_832), ("T2T-CHM13v2.0", 3_117_275_501)]
)
def test_chromosomes_sum_to_the_published_sizes(assembly: str, n_bases: int) -> None:
    """Chromosomes 1 to 22, X and Y; the mitochondrion of all three has the 16,569 bases of the Cambridge reference."""
    found = {one.name: one.length for one in chromosomes() if one.assembly == assembly}
    assert found.pop("MT") == 16_569
    assert (set(found), sum(found.values())) == (AUTOSOMES | {"X", "Y"}, n_bases)


def test_no_length_and_no_accession_is_of_two_chromosomes() -> None:
    mitochondria = {"NC_012920.1", "J01415.2"}  # GRCh37 and GRCh38 share theirs
    accessions = [name for one in chromosomes() for name in one.accessions if name not in mitochondria]
    assert len(set(accessions)) == len(accessions) == 2 * 3 * 24 + 2
    lengths = {(one.length, one.name) for one in chromosomes()}
    assert len({length for length, _ in lengths}) == len(lengths) == len(names_by_length())


def test_a_real_header_states_the_lengths_of_the_table(real_data: Path) -> None:
    known = {one.name: one.length for one in chromosomes() if one.assembly == "GRCh37"}
    with pysam.VariantFile(str(next((real_data / "genome/grch37_chr20").glob("*EUR203*.vcf.gz")))) as file:
        stated = {name: contig.length for name, contig in file.header.contigs.items()}
    assert stated == {name: known[name] for name in AUTOSOMES}


def test_accessions_have_the_ploidy_of_their_chromosome() -> None:
    for one in chromosomes():
        expected = "" if one.name in AUTOSOMES else one.name
        for name in (one.name, f"chr{one.name}", *one.accessions, *(a.partition(".")[0] for a in one.accessions)):
            assert unequal_ploidy(name) == expected, name
        assert unequal_ploidy("contig_0815", one.length) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chrx", "X"), ("CHRX", "X"), ("23", "X"), ("chr24", "Y"), ("25", "XY"), ("PAR1", "XY"), ("chr26", "MT"),
        ("NC_000023.9", "X"), ("gi|568815575|ref|NC_000023.11|", "X"), ("GRCh38#0#chrY", "Y"), ("rCRS", "MT"),
        ("chrX_KI270880v1_alt", "X"), ("CHR_HSCHRX_1_CTG3", "X"), ("chrY_KI270740v1_random", "Y"), ("chrMT", "MT"),
        ("chr1_KI270706v1_random", ""), ("HSCHR17_1", ""), ("chrUn_KI270302v1", ""), ("MTOR", ""), ("XIST", ""),
        ("22", ""), ("GL000209.1", ""), ("NC_0000231.1", ""),
        ("GRCh38.chrX", "X"), ("chrX.1", "X"), ("X.1", "X"), ("chrom_Y", "Y"), ("HSCHRX", "X"), ("PAR", "XY"),
        ("PAR1_X", "XY"),
        ("mitochondrion_genome", "MT"), ("scaffold.24", ""), ("chrom_7", ""), ("GRCh38.chr7", ""), ("HSCHR7", ""),
    ],
)  # fmt: skip
def test_names_of_every_convention(name: str, expected: str) -> None:
    assert unequal_ploidy(name) == expected


def test_an_accession_is_never_an_alias_of_another_build() -> None:
    aliases = contig_aliases("NC_000020.10")
    assert {"20", "chr20", "CM000682.1"} < set(aliases)
    assert not {"NC_000020.11", "CM000682.2", "NC_060944.1"} & set(aliases)
    assert find_contig("NC_000020.10", ["NC_000020.11"]) is None
    assert find_contig("chr20", ["19", "NC_000020.11"]) == "NC_000020.11"
    with pytest.raises(InputError, match=r"'20', the reference 'NC_000020\.11'"):
        check_spelling(["20"], ["NC_000020.11"], of="reference")


def test_files_that_are_joined_spell_a_contig_in_one_way() -> None:
    check_spelling(["20"], ["20", "chr20"], of="reference")
    with pytest.raises(InputError, match="'20', the variant files 'chr20'"):
        check_spelling(["20"], ["20", "chr20"], of="variant files", joined=True)


def test_of_two_aliases_none_is_taken_for_the_contig() -> None:
    assert find_contig("20", ["20", "chr20"]) == "20"
    with pytest.raises(InputError, match="chrM may be MT or chrMT"):
        find_contig("chrM", ["MT", "chrMT"])


def test_a_known_length_names_the_chromosome(write_fasta: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"on MT \(scaffold_7, which has the 16,569 bases of MT\)"):
        check_autosome("scaffold_7", "GENE", 16_569)
    check_autosome("scaffold_7", "GENE", 16_568)


@pytest.mark.parametrize(("chrom", "sex"), [("NC_000023.11", "X"), ("NC_000024.9", "Y"), ("NC_012920.1", "MT")])
def test_sex_chromosomes_and_mitochondria_by_accession_are_refused_and_in_no_kinship(
    write_vcf: Callable[..., Path], chrom: str, sex: str
) -> None:
    samples = ("S1", "S2", "S3")
    sexed = write_vcf([(150, "C", "A", ".", ["1|1", "0|1", "0|0"])], samples=samples, chrom=chrom, name="sexed")
    other = write_vcf(
        [(150, "C", "A", ".", ["0|1", "0|1", "1|0"])], samples=samples, chrom="NC_000020.11", name="other"
    )
    with pytest.raises(InputError, match=rf"lies on {sex} \({chrom}\)"):
        VariantFiles(sexed).fetch(Interval(chrom, 147, 152), ["S1"])
    report = RecordReport()
    (found,) = read_dosages(VariantFiles([sexed, other]), samples, report)
    assert (found.tolist(), report.n_records) == ([[1, 1, 1]], 1)
    assert report.left_out["contig that is no autosome"] == 1


def test_a_reference_tells_a_sex_chromosome_by_its_length(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    vcf = write_vcf([(150, "A", "C", ".", ["0|1"])], chrom="scaffold_7")
    reference = Reference(write_fasta({"scaffold_7": "A" * 16_571}))
    with pytest.raises(InputError, match="16,571 bases of MT"):
        check_reference_alleles(reference, VariantFiles(vcf), [Interval("scaffold_7", 100, 200)])


def test_kinship_refuses_one_contig_under_two_names(write_vcf: Callable[..., Path]) -> None:
    rows = [(150, "C", "A", ".", ["0|1"])]
    files = [write_vcf(rows, name="a", chrom="20"), write_vcf(rows, name="b", chrom="chr20")]
    with pytest.raises(InputError, match="one says '20' and another 'chr20'"):
        list(read_dosages(VariantFiles(files), ["S1"], RecordReport()))
