"""The genome commands on files alone: counts, and one sentence for each way a file can be wrong."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

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


def _options(folder: Path, reference: str, annotation: str, variants: str | None = None) -> list[object]:
    """The files of a folder that fit these patterns, as options."""
    patterns = {"--reference": reference, "--annotation": annotation} | ({"--variants": variants} if variants else {})
    return [word for option, pattern in patterns.items() for word in (option, next(folder.glob(pattern)))]


@pytest.fixture
def simulated(simulated_genome: Path) -> list[object]:
    """Options of five simulated genes in 41 phased subjects."""
    return _options(simulated_genome, "genome.fa.gz", "genes.gtf", "phased.vcf.gz")


@pytest.fixture
def comt(real_data: Path) -> list[object]:
    """Options of COMT in 3,202 subjects."""
    return _options(real_data / "genome/grch38_chr22", "*.fa.gz", "*.gtf", "*.vcf.gz")


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


def _uncarried(path: Path, chrom: str, shift: int = 0, name: str | None = None) -> Records:
    """Sites of one contig that two subjects do not carry, moved and renamed."""
    with pysam.VariantFile(str(path), drop_samples=True) as file:
        sites = [record for record in file if record.chrom == chrom and "<DEL>" not in (record.alts or ())]
        return [(name or chrom, r.pos + shift, r.ref, ",".join(r.alts or "."), ["0|0", "0|0"]) for r in sites]


def _assert_counts(answer: Answer, options: list[object], n_subjects: int, n_windows: int) -> dict[str, Any]:
    code, out, _ = answer("windows", *options, "--dry-run", "--json")
    found: dict[str, Any] = json.loads(out)
    assert code == 0
    assert (found["n_subjects"], found["n_haplotype_windows"]) == (n_subjects, 2 * n_subjects * n_windows)
    assert found["n_windows_per_haplotype"] == n_windows
    assert found["gain"] == found["n_haplotype_windows"] / found["n_distinct_windows"]
    assert found["gate"]["share"] == 1.0
    assert {"missing_genotype", "star_allele", "overlapping_skipped", "symbolic_deletion"} <= set(found["events"])
    return found


def _assert_alleles_are_counted_and_said(
    answer: Answer, options: list[object], names: Sequence[str], tmp_path: Path, most_too_many: int
) -> None:
    listed = tmp_path / "subjects.tsv"
    listed.write_text("sample\tpop\n" + "".join(f"{name}\tGBR\n" for name in names))
    chosen = ("--subjects", listed, "--unit", "gene", "--dry-run", "--json")
    code, out, _ = answer("windows", *_without(options, "--reference"), *chosen)
    found = json.loads(out)
    assert (code, found["n_subjects"], found["counted_by"], found["gate"]) == (0, 3, "alleles", None)
    assert "REF was not checked" in found["note"]
    exact = json.loads(answer("windows", *options, *chosen)[1])["n_distinct_windows"]
    assert exact <= found["n_distinct_windows"] <= exact + most_too_many


def _assert_the_table_is_read_back(answer: Answer, options: list[object], tmp_path: Path) -> None:
    from encoders.genome.windows.table import WindowTable

    code, out, _ = answer("windows", *options, "--window", 300, "--output", tmp_path / "made")
    table = WindowTable.load(tmp_path / "made/windows")
    found = json.loads((tmp_path / "made/windows.json").read_text())
    assert (code, table.n_distinct, found["n_haplotype_windows"]) == (
        0,
        found["n_distinct_windows"],
        table.n_sequences_total,
    )
    assert f"{table.n_distinct:,}" in out
    code, _, error = answer("windows", *_without(options, "--reference"), "--output", tmp_path / "none")
    assert (code, "needs the reference" in error, (tmp_path / "none").exists()) == (2, True, False)


@pytest.mark.parametrize("unit", ["exon", "gene"])
def test_counts_are_those_of_bcftools_haplotypes(
    answer: Answer, simulated: list[object], simulated_genome: Path, unit: str
) -> None:
    """All 64 subjects, gene by gene."""
    expected = json.loads((simulated_genome / "windows.json").read_text())[unit]
    options = [*simulated, "--variants", simulated_genome / "mixed.vcf.gz", "--unphased", "as-written"]
    options += ["--unstranded", "forward", "--unit", unit]
    found = _assert_counts(answer, options, 64, sum(gene["n_windows"] for gene in expected.values()))
    assert found["by_gene"] == {name: gene["n_distinct"] for name, gene in expected.items()}


def test_promoters_are_counted(answer: Answer, simulated: list[object]) -> None:
    found = _assert_counts(answer, [*simulated, "--unit", "promoter", "--flank", 510], 41, 5 * 2)
    assert found["skipped_genes"].keys() == {"G5"}


def test_without_a_fasta_alleles_are_counted_and_it_says_so(
    answer: Answer, simulated: list[object], tmp_path: Path
) -> None:
    _assert_alleles_are_counted_and_said(answer, simulated, ("P00", "P07", "P40"), tmp_path, 2)


def test_the_table_is_written_and_read_back(answer: Answer, simulated: list[object], tmp_path: Path) -> None:
    _assert_the_table_is_read_back(answer, simulated, tmp_path)


def test_comt_counts_are_the_published_ones(answer: Answer, comt: list[object], tmp_path: Path) -> None:
    for unit, n_windows, n_distinct in (("gene", 57, 1293), ("exon", 24, 253), ("promoter", 4, None)):
        found = _assert_counts(answer, [*comt, "--unit", unit], 3202, n_windows)
        assert n_distinct in {None, found["n_distinct_windows"]}, unit
    _assert_alleles_are_counted_and_said(answer, comt, ("HG00096", "HG00097", "HG00099"), tmp_path, 2)
    _assert_the_table_is_read_back(answer, comt, tmp_path)


def test_a_folder_stands_for_its_files_and_sex_chromosomes_are_left_out(
    answer: Answer, simulated_genome: Path, tmp_path: Path
) -> None:
    """One file a contig; males have one X, and no record lies in the last gene."""
    folder, samples = tmp_path / "vcf", [f"P{n:02d}" for n in range(41)]
    folder.mkdir()
    with pysam.TabixFile(str(simulated_genome / "phased.vcf.gz")) as lines:
        for chrom in ("20", "22"):
            text = "\n".join([*lines.header, *lines.fetch(chrom), ""])
            (folder / f"{chrom}.vcf").write_text(text)
            pysam.tabix_index(str(folder / f"{chrom}.vcf"), preset="vcf")
    _vcf(folder / "x.vcf", [("X", 150, "A", "C", ["0|1", "1"] + ["0"] * 39)], samples)
    annotation = tmp_path / "genes.gtf"
    body = (simulated_genome / "genes.gtf").read_text()
    for name, chrom, first, last in (("GX", "X", 101, 900), ("GN", "22", 25_990, 25_999)):
        gene = f'gene_id "{name}"; gene_name "{name}"; gene_biotype "protein_coding";'
        for kind in ("gene", "transcript", "exon"):
            text = gene if kind == "gene" else f'{gene} transcript_id "{name}-1";'
            body += f"{chrom}\tsimulated\t{kind}\t{first}\t{last}\t.\t+\t.\t{text}\n"
    annotation.write_text(body)
    options = ["--annotation", annotation, "--variants", folder, "--dry-run", "--json"]
    listed = tmp_path / "two.txt"
    listed.write_text("P07\nP03\n")
    whole = json.loads(answer("windows", *options, "--subjects", listed)[1])
    assert (whole["n_genes"], whole["n_windows_per_haplotype"], whole["n_subjects"]) == (5, 8 + 6 + 6 + 5 + 9, 2)
    reasons = {gene: reason.split()[-1] for gene, reason in whole["skipped_genes"].items()}
    assert reasons == {"G5": "unknown", "GX": "copies", "GN": "it"}
    found = json.loads(answer("windows", *options, "--genes", "G7,G3")[1])
    assert (found["n_subjects"], found["n_genes"], set(found["by_gene"])) == (41, 2, {"G7", "G3"})
    code, _, error = answer("windows", *options, "--genes", "GX")
    assert (code, "lies on X" in error) == (2, True)


def test_a_folder_of_real_files_stands_for_them(answer: Answer, real_data: Path, tmp_path: Path) -> None:
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


MISFITS = [
    (1, "22", "positions are off by one"), (-1, "22", "positions are off by one"),
    (5077, "22", "another genome build"), (0, "chr22", "Contig names must agree"),
]  # fmt: skip


def _assert_the_misfit_is_named(answer: Answer, options: list[object], vcf: Path, chrom: str, sentence: str) -> None:
    code, out, error = answer("windows", *options, "--variants", vcf, "--dry-run", "--json")
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
    if chrom == "chr22":
        assert answer("windows", *options, "--variants", vcf, "--dry-run", "--contig-aliases")[0] == 0


@pytest.mark.parametrize(("shift", "chrom", "sentence"), MISFITS)
def test_positions_builds_and_names_that_do_not_fit_are_named(
    answer: Answer,
    simulated: list[object],
    simulated_genome: Path,
    tmp_path: Path,
    shift: int,
    chrom: str,
    sentence: str,
) -> None:
    vcf = _vcf(tmp_path / "v.vcf", _uncarried(simulated_genome / "phased.vcf.gz", "22", shift, chrom))
    options = [*_without(simulated, "--variants"), "--genes", "G7"]
    _assert_the_misfit_is_named(answer, options, vcf, chrom, sentence)


def _assert_each_fault_has_its_sentence(
    answer: Answer, options: list[object], records: Records, outside: int, tmp_path: Path
) -> None:
    """``options`` end with a gene; no gene lies at ``outside``."""

    def refusal(*variants: Path, options: Sequence[object] = options) -> str:
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
    elsewhere = [("22", outside + 7 * number, "A", "C", ["0|1", "0|0"]) for number in range(5)]
    assert "they have none in 1 places" in refusal(_vcf(tmp_path / "elsewhere.vcf", elsewhere))

    listed = tmp_path / "subjects.txt"
    listed.write_text("S2\nS7\n")
    assert "1 of 2 (first S7; near names: none)" in refusal(whole, options=[*options, "--subjects", listed])
    assert "is not in the annotation" in refusal(whole, options=[*options[:-1], "COMP"])


def test_damaged_and_unfit_variant_files_each_have_their_sentence(
    answer: Answer, simulated: list[object], simulated_genome: Path, tmp_path: Path
) -> None:
    options = [*_without(simulated, "--variants"), "--genes", "G7"]
    records = _uncarried(simulated_genome / "phased.vcf.gz", "22")
    _assert_each_fault_has_its_sentence(answer, options, records, 4_100, tmp_path)


def test_real_variant_files_that_do_not_fit_have_the_same_sentences(
    answer: Answer, real_data: Path, tmp_path: Path
) -> None:
    folder = real_data / "genome/grch37_chr22"
    options = [*_options(folder, "*.fa.gz", "*.gtf"), "--genes", "COMT"]
    source = next(folder.glob("*.vcf.gz"))
    for number, (shift, chrom, sentence) in enumerate(MISFITS):
        vcf = _vcf(tmp_path / f"v{number}.vcf", _uncarried(source, "22", shift, chrom))
        _assert_the_misfit_is_named(answer, options, vcf, chrom, sentence)
    _assert_each_fault_has_its_sentence(answer, options, _uncarried(source, "22"), 17_000_000, tmp_path)


def _assert_relatives_and_ancestry_become_tables(
    answer: Answer, vcf: Path, n_subjects: int, n_fitted: int, tmp_path: Path
) -> None:
    code, out, _ = answer("kinship", "--variants", vcf, "--output", tmp_path / "kin", "--json")
    found = json.loads(out)
    families = pd.read_csv(tmp_path / "kin/families.tsv", sep="\t")
    pairs = pd.read_csv(tmp_path / "kin/kinship.tsv", sep="\t")
    assert (code, len(families), found["n_subjects"]) == (0, n_subjects, n_subjects)
    assert found["n_families"] == families["family"].nunique()
    assert len(pairs) == found["n_pairs"]
    assert pairs["kinship"].min() >= 0.0442
    assert found["n_pairs_of_one_genome"] == (pairs["kinship"] > 0.3536).sum()
    alike, is_thin = found["n_pairs_of_one_genome"] > 0, found["note"].startswith("only ")
    assert ("have one genome: one subject twice" in found["note"]) is (alike and not is_thin)
    assert ("look like one genome, which in so few records" in found["note"]) is (alike and is_thin)
    listed = tmp_path / "fit.txt"
    listed.write_text("\n".join(families["subject_id"][:n_fitted]))
    options = ["--variants", vcf, "--components", 3, "--fit-on", listed, "--output", tmp_path / "pc", "--json"]
    code, out, _ = answer("ancestry", *options)
    found = json.loads(out)
    frame = pd.read_csv(tmp_path / "pc/ancestry.tsv", sep="\t")
    assert (code, found["n_fitted"], found["n_projected"]) == (0, n_fitted, n_subjects - n_fitted)
    assert list(frame.columns) == ["subject_id", "PC1", "PC2", "PC3"]
    assert frame["subject_id"].tolist() == families["subject_id"].tolist()
    assert found["records"]["n_after_linkage"] < found["records"]["n_kept"]
    assert "give genome-wide variants" in found["note"]
    listed.write_text("NOBODY\n")
    assert "(first NOBODY) are not" in answer("ancestry", *options)[2]


def test_relatives_and_ancestry_become_tables(answer: Answer, simulated_genome: Path, tmp_path: Path) -> None:
    _assert_relatives_and_ancestry_become_tables(answer, simulated_genome / "phased.vcf.gz", 41, 30, tmp_path)


def test_relatives_and_ancestry_of_real_subjects_become_tables(answer: Answer, real_data: Path, tmp_path: Path) -> None:
    vcf = next((real_data / "genome/grch37_chr20").glob("*EUR203*.vcf.gz"))
    _assert_relatives_and_ancestry_become_tables(answer, vcf, 203, 150, tmp_path)


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
