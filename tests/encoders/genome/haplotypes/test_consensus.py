"""The consensus rules against bcftools 1.24: stored answers, and bcftools itself on generated records."""

import csv
import gzip
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pysam.utils
import pytest

from encoders.errors import InputError
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequence, haplotype_sequences
from encoders.genome.intervals import parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles

POLICIES: dict[str, dict[str, Any]] = {
    "H1@1.24": {"haplotype": 1, "unphased": "as-written"},
    "H2@1.24": {"haplotype": 2, "unphased": "as-written"},
    "H1_M_N@1.24": {"haplotype": 1, "unphased": "as-written", "missing": "N"},
    "H2_M_N@1.24": {"haplotype": 2, "unphased": "as-written", "missing": "N"},
    "1pIu@1.24": {"haplotype": 1, "unphased": "iupac-unphased"},
    "2pIu@1.24": {"haplotype": 2, "unphased": "iupac-unphased"},
    "IUPAC_I@1.24": {"unphased": "iupac"},
    "default_applyALT@1.16": {"unphased": "alternate"},
}
MISSING_WITH_CODES: dict[str, dict[str, Any]] = {
    "1pIu_M_N": {"haplotype": 1, "unphased": "iupac-unphased", "missing": "N"},
    "IUPAC_M_N": {"unphased": "iupac", "missing": "N"},
}
EDGE_CASES = (
    "snp_het_phased", "deletion", "complex_indel_no_shared_anchor", "snp_then_insertion_same_pos",
    "two_insertions_same_pos", "deletion_next_to_snp", "star_allele_0|2", "missing_./.", "unphased_0/1", "symbolic_DEL",
    "symbolic_CN0", "deletion_starting_before_region", "insertion_at_last_base",
)  # fmt: skip


def _deviation(case: dict[str, Any], policy: str) -> str | None:
    """What we answer where we differ from bcftools on purpose."""
    if "*" in case["out"][policy]["seq"]:
        return str(case["ref"])
    if case["name"] == "missing_./." and policy.startswith("default"):
        return str(case["ref"])  # 1.16 applies ALT to a subject whose genotype is unknown
    if case["name"] == "deletion_starting_before_region" and policy.endswith("@1.16"):
        return str(case["out"]["H2@1.24"]["seq"])  # applied from 1.24 on
    return None


Cases = dict[str, dict[str, Any]]


def _cases(path: Path) -> Cases:
    return {case["name"]: case for case in json.loads(path.read_text())}


def _records(case: dict[str, Any]) -> list[tuple[int, str, str, str, list[str]]]:
    """Records of a case as ``write_vcf`` takes them; where a <DEL> has no END, the answer says how long it is."""
    if len(case["records"][0]) == 5:
        return [(*record[:4], [record[4]]) for record in case["records"]]
    deleted = len(case["ref"]) - len(case["out"]["H2@1.24"]["seq"])
    return [
        (position, ref, alt, f"END={position + deleted}" if alt == "<DEL>" else ".", [genotype])
        for position, ref, alt, genotype in case["records"]
    ]


def _check_edge_case(reference: Reference, vcf: Path, case: dict[str, Any], policy: str) -> None:
    arguments = (reference, VariantFiles(vcf), parse_region(case["region"]), "S1")
    if case["out"][policy]["rc"]:
        position, ref, alt = case["records"][0][:3]
        with pytest.raises(InputError, match=f"20:{position} {ref}>{alt}"):
            haplotype_sequence(*arguments, **POLICIES[policy])
    else:
        expected = _deviation(case, policy) or case["out"][policy]["seq"]
        assert haplotype_sequence(*arguments, **POLICIES[policy]) == expected, (case["name"], policy)


@pytest.fixture(scope="module")
def simulated_cases(simulated_genome: Path) -> Cases:
    return _cases(simulated_genome / "edge_cases.json")


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", EDGE_CASES)
def test_edge_cases_equal_bcftools_but_for_stated_deviations(
    simulated_cases: Cases, simulated_genome: Path, write_vcf: Callable[..., Path], name: str, policy: str
) -> None:
    case = simulated_cases[name]
    _check_edge_case(Reference(simulated_genome / "genome.fa.gz"), write_vcf(_records(case)), case, policy)


def test_edge_cases_on_real_sequence_equal_bcftools(
    published_data: Path, real_data: Path, write_vcf: Callable[..., Path]
) -> None:
    cases = _cases(published_data / "consensus/edge_cases.json")
    reference = Reference(real_data / "genome/grch37_chr20/GRCh37.chr20_1-2Mb.npad.fa.gz")
    for name in EDGE_CASES:
        vcf = write_vcf(_records(cases[name]))
        for policy in POLICIES:
            _check_edge_case(reference, vcf, cases[name], policy)


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file, delimiter="\t"))


HAPLOTYPE_OPTIONS = {
    "-H 1": ("as-written", 0), "-H 2": ("as-written", 1), "-H 1pIu": ("iupac-unphased", 0),
    "-H 2pIu": ("iupac-unphased", 1), "-I": ("iupac", 0),
}  # fmt: skip
"""Policy and place in the answer for the options of bcftools consensus."""


@pytest.mark.parametrize(("policy", "n_expected"), [("as-written", 768), ("iupac-unphased", 276), ("iupac", 96)])
def test_every_simulated_haplotype_has_the_hash_of_bcftools(
    simulated_genome: Path, policy: str, n_expected: int
) -> None:
    reference = Reference(simulated_genome / "genome.fa.gz")
    variants = VariantFiles([simulated_genome / "phased.vcf.gz", simulated_genome / "mixed.vcf.gz"])
    wanted, n_compared = defaultdict(list), 0
    for row in _rows(simulated_genome / "haplotypes.tsv.gz"):
        if HAPLOTYPE_OPTIONS[row["options"]][0] == policy:
            wanted[row["region"]].append(row)
    for region, expected in wanted.items():
        subjects = list(dict.fromkeys(row["subject"] for row in expected))
        found = haplotype_sequences(reference, variants, parse_region(region), subjects, unphased=policy)
        for row in expected:
            sequence = found[row["subject"]][HAPLOTYPE_OPTIONS[row["options"]][1]]
            assert hashlib.sha256(sequence.encode()).hexdigest() == row["sha256"], row
            n_compared += 1
    assert n_compared == n_expected


def test_every_given_haplotype_has_the_hash_of_bcftools(published_data: Path, real_data: Path) -> None:
    folders = {"chr20_GRCh37_EUR300": "grch37_chr20", "COMT_GRCh38_3202": "grch38_chr22"}
    rows = _rows(published_data / "consensus/consensus_sha256.tsv.gz")
    wanted = defaultdict(list)
    for row in rows:
        wanted[row["dataset"], row["region"]].append(row)
    assert len(rows) == 9801
    for (dataset, region), expected in wanted.items():
        folder = real_data / "genome" / folders[dataset]
        reference = Reference(next(folder.glob("*.fa.gz")))
        variants = VariantFiles(next(folder.glob("*phased*.vcf.gz" if "COMT" in dataset else "*EUR300*.vcf.gz")))
        subjects = list(dict.fromkeys(row["sample"] for row in expected))
        found = haplotype_sequences(reference, variants, parse_region(region), subjects)
        for row in expected:
            sequence = found[row["sample"]][int(row["hap"]) - 1]
            assert hashlib.sha256(sequence.encode()).hexdigest() == row["sha256_upper"], row


def _random_records(
    rng: random.Random, genome: str, start: int, end: int
) -> list[tuple[int, str, str, str, list[str]]]:
    """SNVs, MNVs, indels, complex and symbolic records, overlapping freely; REF always spells the genome."""
    records = []
    for _ in range(rng.randrange(1, 9)):
        position = rng.randrange(start, end)
        ref = genome[position : position + rng.choice([1, 1, 1, 2, 3, 5, 9])]
        if rng.random() < 0.08:
            alts, info, ref = ["<DEL>"], f"END={position + rng.randrange(2, 12)}", ref[0]
        else:
            inserted = "".join(rng.choices("ACGT", k=rng.randrange(1, 5)))
            made = [ref[0] + inserted + ref[1:], ref[: rng.randrange(1, len(ref) + 1)], inserted, ref + inserted]
            made.append("".join(rng.choice([base, rng.choice("ACGT")]) for base in ref))
            alts, info = (
                [alt for alt in dict.fromkeys(rng.choices(made, k=rng.choice([1, 1, 2, 3]))) if alt != ref],
                ".",
            )
        if alts:
            alleles = [str(rng.randrange(len(alts) + 1)) if rng.random() > 0.08 else "." for _ in range(2)]
            records.append((position + 1, ref, ",".join(alts), info, [rng.choice("||/").join(alleles)]))
    return sorted(records, key=lambda record: record[0])


@pytest.mark.parametrize("seed", range(40))
def test_generated_records_equal_bcftools_itself(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path], bcftools_consensus: Callable[..., str], seed: int
) -> None:
    """Records start inside the region: before it bcftools 1.24 may write outside its buffer.

    Where bcftools stops (it compares REF with bases that <DEL> spans for a missing or reference genotype) there is
    no answer to compare with.
    """
    rng = random.Random(seed)
    genome = "".join(rng.choices("ACGT", k=200))
    start, end = 30, 30 + rng.randrange(20, 90)
    while not (records := _random_records(rng, genome, start, end)):
        pass
    vcf = write_vcf(records)
    reference, variants = Reference(write_fasta({"20": genome})), VariantFiles(vcf)
    options = {
        "H1@1.24": "-H 1", "H2@1.24": "-H 2", "H1_M_N@1.24": "-H 1 -M N", "H2_M_N@1.24": "-H 2 -M N",
        "1pIu@1.24": "-H 1pIu", "2pIu@1.24": "-H 2pIu", "IUPAC_I@1.24": "-I", "1pIu_M_N": "-H 1pIu -M N",
        "IUPAC_M_N": "-I -M N",
    }  # fmt: skip
    n_compared = 0
    for policy, text in options.items():
        region = f"20:{start + 1}-{end}"
        try:
            expected = bcftools_consensus(genome[start:end], region, vcf, "-s", "S1", *text.split())
        except pysam.utils.SamtoolsError:
            continue
        found = haplotype_sequence(
            reference, variants, parse_region(region), "S1", **(POLICIES | MISSING_WITH_CODES)[policy]
        )
        assert found == expected, (policy, region, records)
        n_compared += 1
    assert n_compared >= 4


@pytest.mark.parametrize(
    ("records", "policies", "message"),
    [
        ([(105, "N", "G", ".", ["0|1"])], {"haplotype": 2}, "REF must spell the reference; 20:105"),
        ([(105, "A", "C", ".", ["0/1"])], {}, "20:105 A>C of .* is an unphased heterozygote in S1"),
        ([(105, "A", "C", ".", [".|1"])], {"missing": "refuse"}, "20:105 A>C of .* is a missing genotype in S1"),
        ([(105, "A", "<DEL>", ".", ["1|1"])], {}, "<DEL> allele needs INFO/END"),
        ([(105, "A", "A]20:300]", ".", ["1|1"])], {}, "20:105 .* has A\\]20:300\\]"),
        ([(105, "A", "C", ".", ["1"])], {}, "needs two alleles; 20:105 A>C of .* for S1"),
        ([(105, "A", "C", ".", ["0|0|1"])], {}, "needs two alleles; 20:105 A>C of .* for S1"),
    ],
)
def test_refusals_name_record_and_subject(
    write_vcf: Callable[..., Path],
    write_fasta: Callable[..., Path],
    records: list[Any],
    policies: dict[str, Any],
    message: str,
) -> None:
    reference = Reference(write_fasta({"20": "A" * 300}))
    with pytest.raises(InputError, match=message):
        haplotype_sequence(reference, VariantFiles(write_vcf(records)), parse_region("20:101-160"), "S1", **policies)


def test_homozygous_unphased_and_uncarried_bad_records_are_no_obstacle(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    records = [(105, "A", "C", ".", ["1/1"]), (107, "G", "<CN0>", ".", ["0|0"]), (109, "A", "T", ".", ["."])]
    reference = Reference(write_fasta({"20": "A" * 300}))
    found = haplotype_sequence(reference, VariantFiles(write_vcf(records)), parse_region("20:101-110"), "S1")
    assert found == "AAAACAAAAA"


def test_alternate_takes_the_first_alt_a_subject_carries(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    records = [(101, "A", "C,G", ".", ["2|1"]), (103, "A", "C,G", ".", ["2/0"]), (105, "A", "*,T", ".", ["1|2"])]
    records += [(107, "A", "C", ".", ["./1"]), (109, "A", "C", ".", ["./."])]
    arguments = (
        Reference(write_fasta({"20": "A" * 300})), VariantFiles(write_vcf(records)), parse_region("20:101-110"), "S1",
    )  # fmt: skip
    assert haplotype_sequence(*arguments, unphased="alternate") == "CAGATACAAA"
    assert haplotype_sequence(*arguments, unphased="alternate", missing="N") == "CAGATACANA"


def test_an_ambiguous_reference_base_may_be_called_as_any_of_its_bases(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    vcf = write_vcf([(101, "A", "C", ".", ["1|0"])])
    sequences = haplotype_sequences(
        Reference(write_fasta({"20": "T" * 100 + "MTTT"})), VariantFiles(vcf), parse_region("20:101-104"), ["S1"]
    )
    assert sequences == {"S1": ("CTTT", "MTTT")}


@pytest.mark.parametrize("options", ["-H 1", "-H 2", "-H 1 -M N", "-H 2pIu"])
def test_reference_blocks_and_deletions_without_end_equal_bcftools(
    write_vcf: Callable[..., Path],
    write_fasta: Callable[..., Path],
    bcftools_consensus: Callable[..., str],
    options: str,
) -> None:
    """Blocks of a gVCF (called, missing, spanning a variant), a <DEL> of its REF's length, a call without any ALT."""
    genome = "".join(random.Random(7).choices("ACGT", k=120))
    records = [
        (4, genome[3], "<NON_REF>", "END=9", ["0/0"]),
        (10, genome[9], "ACG"[genome[9] == "A"] + ",<NON_REF>", ".", ["1/1"]),
        (12, genome[11], "<*>", "END=15", ["./."]),
        (20, genome[19], "G" if genome[19] != "G" else "C", ".", ["0/1"]),
        (20, genome[19], "<DEL>", "END=22", ["0/1"]),
        (22, genome[21], "<DEL>", "END=24", ["0|1"]),
        (30, genome[29:32], "<DEL>", ".", ["1|0"]),
        (40, genome[39], "<*>", "END=44", ["0|1"]),
    ]
    records += [(50, genome[49], ".", "END=53", ["0/1"])] if options in {"-H 1", "-H 2"} else []
    vcf = write_vcf(records)
    policy = {
        "-H 1": POLICIES["H1@1.24"], "-H 2": POLICIES["H2@1.24"], "-H 1 -M N": POLICIES["H1_M_N@1.24"],
        "-H 2pIu": POLICIES["2pIu@1.24"],
    }[options]  # fmt: skip
    region = parse_region("20:1-120")
    expected = bcftools_consensus(genome, "20:1-120", vcf, "-s", "S1", *options.split())
    assert (
        haplotype_sequence(Reference(write_fasta({"20": genome})), VariantFiles(vcf), region, "S1", **policy)
        == expected
    )


def test_a_call_of_an_allele_that_the_record_lacks_is_named(
    write_vcf: Callable[..., Path], write_fasta: Callable[..., Path]
) -> None:
    vcf = write_vcf([(105, "A", "C", ".", ["0|2"])])
    arguments = (Reference(write_fasta({"20": "A" * 300})), VariantFiles(vcf), parse_region("20:101-160"), "S1")
    assert haplotype_sequence(*arguments) == "A" * 60
    for policies in ({"haplotype": 2}, {"unphased": "iupac"}, {"unphased": "alternate"}):
        with pytest.raises(InputError, match=r"20:105 A>C of .* has 1 ALT and is called with number 2"):
            haplotype_sequence(*arguments, **policies)
