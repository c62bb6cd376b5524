"""The genome commands on files alone: counts on real data, and one sentence for each way a file can be wrong."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pysam
import pytest

from analyses.config.inputs import GenomeConfig
from analyses.genome.windows import genome_files
from tests.analyses.commands import Command

HEADER = (
    '##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description="Passed">\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
)
Records = Sequence[tuple[str, int, str, str, Sequence[str]]]
Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def answer(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Exit code, output and error text of one command."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = genebrain(*arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def comt(real_data: Path) -> list[object]:
    """Options of COMT in 3,202 subjects."""
    folder = real_data / "genome/grch38_chr22"
    options = {"--reference": "*.fa.gz", "--annotation": "*.gtf", "--variants": "*.vcf.gz"}
    return [word for option, pattern in options.items() for word in (option, next(folder.glob(pattern)))]


def _without(options: Sequence[object], name: str) -> list[object]:
    place = list(options).index(name)
    return [*options[:place], *options[place + 2 :]]


def _plain_vcf(path: Path, records: Records, samples: Sequence[str] = ("S1", "S2")) -> Path:
    contigs = dict.fromkeys(record[0] for record in records)
    lines = [HEADER, *(f"##contig=<ID={name}>\n" for name in contigs)]
    lines.append("\t".join(["#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT".replace(" ", "\t"), *samples]) + "\n")
    lines += [
        "\t".join([chrom, str(position), ".", ref, alt, ".", "PASS", ".", "GT", *genotypes]) + "\n"
        for chrom, position, ref, alt, genotypes in records
    ]
    path.write_text("".join(lines))
    return path


def _vcf(path: Path, records: Records, samples: Sequence[str] = ("S1", "S2")) -> Path:
    return Path(pysam.tabix_index(str(_plain_vcf(path, records, samples)), preset="vcf", force=True))


def _real_records(real_data: Path, shift: int = 0, chrom: str = "22") -> Records:
    """Sites of COMT on GRCh37 that two subjects do not carry."""
    with pysam.VariantFile(str(next((real_data / "genome/grch37_chr22").glob("*.vcf.gz"))), drop_samples=True) as file:
        return [(chrom, r.pos + shift, r.ref, ",".join(r.alts or "."), ["0|0", "0|0"]) for r in file]


@pytest.fixture
def grch37(real_data: Path) -> list[object]:
    """Reference and annotation of chromosome 22, build GRCh37; variants to be given."""
    folder = real_data / "genome/grch37_chr22"
    return ["--reference", next(folder.glob("*.fa.gz")), "--annotation", next(folder.glob("*.gtf")), "--genes", "COMT"]


@pytest.mark.parametrize(
    ("unit", "n_windows", "n_distinct"), [("gene", 57, 1293), ("exon", 24, 253), ("promoter", 4, None)]
)
def test_comt_counts_are_the_published_ones(
    answer: Answer, comt: list[object], unit: str, n_windows: int, n_distinct: int | None
) -> None:
    code, out, _ = answer("windows", *comt, "--unit", unit, "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["n_subjects"], found["n_haplotype_windows"]) == (3202, 2 * 3202 * n_windows)
    assert found["n_windows_per_haplotype"] == n_windows
    assert n_distinct in {None, found["n_distinct_windows"]}
    assert found["gain"] == found["n_haplotype_windows"] / found["n_distinct_windows"]
    assert found["gate"]["share"] == 1.0
    assert {"missing_genotype", "star_allele", "overlapping_skipped", "symbolic_deletion"} <= set(found["events"])


def test_without_a_fasta_alleles_are_counted_and_it_says_so(answer: Answer, comt: list[object], tmp_path: Path) -> None:
    listed = tmp_path / "subjects.tsv"
    listed.write_text("sample\tpop\n" + "".join(f"{name}\tGBR\n" for name in ("HG00096", "HG00097", "HG00099")))
    options = _without(comt, "--reference")
    code, out, _ = answer("windows", *options, "--subjects", listed, "--unit", "gene", "--dry-run", "--json")
    found = json.loads(out)
    assert (code, found["n_subjects"], found["counted_by"], found["gate"]) == (0, 3, "alleles", None)
    assert "REF was not checked" in found["note"]
    exact = json.loads(answer("windows", *comt, "--subjects", listed, "--unit", "gene", "--dry-run", "--json")[1])
    assert exact["n_distinct_windows"] <= found["n_distinct_windows"] <= exact["n_distinct_windows"] + 2


def test_the_table_is_written_and_read_back(answer: Answer, comt: list[object], tmp_path: Path) -> None:
    from encoders.genome.windows.table import WindowTable

    code, out, _ = answer("windows", *comt, "--window", 300, "--output", tmp_path / "made")
    table = WindowTable.load(tmp_path / "made/windows")
    found = json.loads((tmp_path / "made/windows.json").read_text())
    assert (code, table.n_distinct, found["n_haplotype_windows"]) == (
        0,
        found["n_distinct_windows"],
        table.n_sequences_total,
    )
    assert f"{table.n_distinct:,}" in out
    code, _, error = answer("windows", *_without(comt, "--reference"), "--output", tmp_path / "none")
    assert (code, "needs the reference" in error, (tmp_path / "none").exists()) == (2, True, False)


def test_a_folder_stands_for_its_files_and_sex_chromosomes_are_left_out(
    answer: Answer, real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "genome/grch38_pgx_vcf"
    options = ["--annotation", folder / "genes.GRCh38.111.pgx.gtf", "--variants", folder, "--dry-run", "--json"]
    listed = tmp_path / "two.txt"
    listed.write_text("HG00097\nHG00096\n")
    whole = json.loads(answer("windows", *options, "--subjects", listed)[1])
    assert (whole["n_genes"], whole["n_windows_per_haplotype"], whole["n_subjects"]) == (56, 1084, 2)
    assert {gene: reason.split()[-1] for gene, reason in whole["skipped_genes"].items()} == {
        "G6PD": "copies", "GSTM1": "it",
    }  # fmt: skip
    found = json.loads(answer("windows", *options, "--genes", "IFNL3,VKORC1")[1])
    assert (found["n_subjects"], found["n_genes"], set(found["by_gene"])) == (3202, 2, {"IFNL3", "VKORC1"})
    code, _, error = answer("windows", *options, "--genes", "G6PD")
    assert (code, "lies on X" in error) == (2, True)


@pytest.mark.parametrize(
    ("shift", "chrom", "sentence"),
    [(1, "22", "positions are off by one"), (-1, "22", "positions are off by one"),
     (5077, "22", "another genome build"),
     (0, "chr22", "Contig names must agree")],
)  # fmt: skip
def test_positions_builds_and_names_that_do_not_fit_are_named(
    answer: Answer, grch37: list[object], real_data: Path, tmp_path: Path, shift: int, chrom: str, sentence: str
) -> None:
    vcf = _vcf(tmp_path / "v.vcf", _real_records(real_data, shift, chrom))
    code, out, error = answer("windows", *grch37, "--variants", vcf, "--dry-run", "--json")
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
    if chrom == "chr22":
        assert answer("windows", *grch37, "--variants", vcf, "--dry-run", "--contig-aliases")[0] == 0


def test_damaged_and_unfit_variant_files_each_have_their_sentence(
    answer: Answer, grch37: list[object], real_data: Path, tmp_path: Path
) -> None:
    records = _real_records(real_data)

    def refusal(*variants: Path, options: Sequence[object] = grch37) -> str:
        given = [word for path in variants for word in ("--variants", path)]
        code, _, error = answer("windows", *options, *given, "--dry-run")
        assert code == 2
        assert error.count("\n") == 1
        return error

    whole = _vcf(tmp_path / "whole.vcf", records)
    data = whole.read_bytes()
    cut = tmp_path / "cut.vcf.gz"
    shutil.copy(f"{whole}.tbi", f"{cut}.tbi")
    cut.write_bytes(data[:-28])
    assert "is truncated (its end-of-file block is missing)" in refusal(cut)
    cut.write_bytes(data[: len(data) // 2])
    assert "is truncated" in refusal(cut)
    middle = len(data) // 2
    cut.write_bytes(data[:middle] + bytes(200) + data[middle + 200 :])
    assert "cut.vcf.gz is damaged" in refusal(cut) or "cannot be read" in refusal(cut)

    unsorted = tmp_path / "unsorted.vcf.gz"
    pysam.tabix_compress(str(_plain_vcf(tmp_path / "u.vcf", [*records[9:], *records[:9]])), str(unsorted))
    assert "is not sorted" in refusal(unsorted)
    unindexed = tmp_path / "unindexed.vcf.gz"
    shutil.copy(whole, unindexed)
    assert "has no index: run tabix -p vcf unindexed.vcf.gz" in refusal(unindexed)

    twice = tmp_path / "twice.vcf.gz"
    pysam.tabix_compress(str(_plain_vcf(tmp_path / "t.vcf", records, ("S1", "S1"))), str(twice))
    assert "twice.vcf.gz" in refusal(twice)
    haploid = [(*record[:4], ["0", "1"]) for record in records]
    assert "needs two alleles" in refusal(_vcf(tmp_path / "haploid.vcf", haploid))
    unphased = [(*record[:4], ["0/1", "0|0"]) for record in records]
    assert "is an unphased heterozygote in S1" in refusal(_vcf(tmp_path / "unphased.vcf", unphased))
    elsewhere = [("22", 17_000_000 + 7 * number, "A", "C", ["0|1", "0|0"]) for number in range(5)]
    assert "they have none in 1 places" in refusal(_vcf(tmp_path / "elsewhere.vcf", elsewhere))

    listed = tmp_path / "subjects.txt"
    listed.write_text("S2\nS7\n")
    assert "1 of 2 (first S7; near names: none)" in refusal(whole, options=[*grch37, "--subjects", listed])
    assert "is not in the annotation" in refusal(whole, options=[*grch37[:-1], "COMP"])


def test_relatives_and_ancestry_become_tables(answer: Answer, real_data: Path, tmp_path: Path) -> None:
    vcf = next((real_data / "genome/grch37_chr20").glob("*EUR203*.vcf.gz"))
    code, out, _ = answer("kinship", "--variants", vcf, "--output", tmp_path / "kin", "--json")
    found = json.loads(out)
    families = pd.read_csv(tmp_path / "kin/families.tsv", sep="\t")
    pairs = pd.read_csv(tmp_path / "kin/kinship.tsv", sep="\t")
    assert (code, len(families), found["n_subjects"]) == (0, 203, 203)
    assert found["n_families"] == families["family"].nunique()
    assert len(pairs) == found["n_pairs"]
    assert pairs["kinship"].min() >= 0.0442
    listed = tmp_path / "fit.txt"
    listed.write_text("\n".join(families["subject_id"][:150]))
    options = ["--variants", vcf, "--components", 3, "--fit-on", listed, "--output", tmp_path / "pc", "--json"]
    code, out, _ = answer("ancestry", *options)
    found = json.loads(out)
    frame = pd.read_csv(tmp_path / "pc/ancestry.tsv", sep="\t")
    assert (code, found["n_fitted"], found["n_projected"]) == (0, 150, 53)
    assert list(frame.columns) == ["subject_id", "PC1", "PC2", "PC3"]
    assert frame["subject_id"].tolist() == families["subject_id"].tolist()
    assert found["records"]["n_after_linkage"] < found["records"]["n_kept"]
    assert "give genome-wide variants" in found["note"]
    listed.write_text("NOBODY\n")
    assert "(first NOBODY) are not" in answer("ancestry", *options)[2]


def test_a_run_follows_every_file_of_its_genotypes(tmp_path: Path) -> None:
    """PGEN with its tables, a Zarr folder with its chunks, a folder of VCF, the BED; FASTA and annotation as before."""
    for name in (
        "a.pgen",
        "a.pvar.zst",
        "a.psam",
        "vcf/b.vcf.gz",
        "z.vcz/zarr.json",
        "z.vcz/x/c/0",
        "z.vcz/y/c/0",
        "t.bed",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    config = GenomeConfig(
        reference=(tmp_path / "r.fa",),
        annotation=(tmp_path / "g.gtf",),
        variants=(tmp_path / "a.pgen", tmp_path / "vcf", tmp_path / "z.vcz"),
        callable_regions=tmp_path / "t.bed",
    )
    found = [path.relative_to(tmp_path).as_posix() for path in genome_files(config).values()]
    assert sorted(found) == [
        "a.pgen", "a.psam", "a.pvar.zst", "g.gtf", "r.fa", "t.bed", "vcf/b.vcf.gz", "z.vcz/x/c/0", "z.vcz/y/c/0",
        "z.vcz/zarr.json",
    ]  # fmt: skip
