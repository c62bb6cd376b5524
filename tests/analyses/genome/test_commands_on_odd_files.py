"""The commands on files as they lie about: stale indexes, pieces of a contig, accessions, two mitochondria."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.analyses.commands import Command
from tests.analyses.genome.conftest import SEQUENCE, Records

SmallGenome = Callable[..., dict[str, Path]]


@pytest.fixture
def answer(genebrain: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Exit code, output and error text of one command."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = genebrain(*arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


Answer = Callable[..., tuple[int, str, str]]


def _options(files: dict[str, Path], *names: str) -> list[object]:
    return [word for name in names or files for word in (f"--{name}", files[name])]


def test_a_stale_index_hides_nothing_from_any_command(
    answer: Answer, small_genome: SmallGenome, snps: Records, tmp_path: Path
) -> None:
    files, former = small_genome(snps), small_genome(snps[:3], name="former")
    region = ["--region", "20:700-800", "--subject", "S1"]
    place = ["--reference", files["reference"], "--variants", files["variants"]]
    right = answer("haplotypes", *place, *region)
    counts = answer("windows", *_options(files), "--dry-run", "--json")
    shutil.copy(f"{former['variants']}.tbi", f"{files['variants']}.tbi")
    assert right[0] == counts[0] == 0
    assert answer("haplotypes", *place, *region) == right
    assert answer("windows", *_options(files), "--dry-run", "--json") == counts
    code, out, _ = answer("kinship", "--variants", files["variants"], "--output", tmp_path / "k", "--json")
    assert (code, json.loads(out)["records"]["n_records"]) == (0, len(snps))


def test_pieces_of_a_contig_are_one_cohort_and_their_repeats_are_counted(
    answer: Answer, small_genome: SmallGenome, snps: Records
) -> None:
    whole = small_genome(snps)
    pieces = [small_genome(hand, name=f"p{n}")["variants"] for n, hand in enumerate((snps[9:], snps[:11]))]
    common = _options(whole, "reference", "annotation")
    expected = json.loads(answer("windows", *common, "--variants", whole["variants"], "--dry-run", "--json")[1])
    code, out, _ = answer("windows", *common, "--variants", pieces[0], "--variants", pieces[1], "--dry-run", "--json")
    found = json.loads(out)
    assert (code, found["events"].pop("repeated_record"), expected["events"].pop("repeated_record")) == (0, 2, 0)
    assert {key: found[key] for key in found if key != "gate"} == {key: expected[key] for key in found if key != "gate"}


@pytest.mark.parametrize(("chrom", "sex"), [("NC_000023.11", "X"), ("NC_012920.1", "MT"), ("chrY", "Y")])
def test_no_command_takes_a_sex_chromosome_for_an_autosome(
    answer: Answer, small_genome: SmallGenome, snps: Records, tmp_path: Path, chrom: str, sex: str
) -> None:
    files = small_genome(snps, chrom=chrom)
    region = ["--region", f"{chrom}:148-152", "--subject", "S1"]
    code, out, error = answer("haplotypes", *_options(files, "reference", "variants"), *region)
    assert (code, out) == (2, "")
    assert f"{chrom}:148-152 lies on {sex} ({chrom})" in error
    for genes in ([], ["--genes", "ALFA"]):
        code, out, error = answer("windows", *_options(files), *genes, "--dry-run")
        assert (code, out) == (2, "")
        assert "lies on" in error
    assert answer("kinship", "--variants", files["variants"], "--output", tmp_path / "k")[0] == 2


def test_a_second_mitochondrion_stops_no_chromosome(answer: Answer, small_genome: SmallGenome, snps: Records) -> None:
    files = small_genome(snps)
    with files["reference"].open("a") as fasta:
        fasta.write(">chrM\nACGT\n>chrMT\nACGA\n")
    position, ref, alt, _ = snps[4]
    region = ["--region", f"20:{position - 2}-{position + 2}", "--subject", "S3", "--haplotype", 1]
    code, out, _ = answer("haplotypes", *_options(files, "reference", "variants"), *region)
    around = SEQUENCE[position - 3 : position + 2]
    assert (code, out.splitlines()[1]) == (0, around[:2] + (alt if snps[4][3][2][0] == "1" else ref) + around[3:])
