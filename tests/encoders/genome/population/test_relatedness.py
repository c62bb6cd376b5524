"""Kinship and ancestry from genotypes: plink2 as the outside answer, formulas by hand, known families."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encoders.errors import InputError
from encoders.genome.population.ancestry import LinkageThinner, ancestry_components, thin_linked
from encoders.genome.population.dosages import RecordReport, read_dosages
from encoders.genome.population.kinship import THIRD_DEGREE, KingCounts, count_pairs, make_families, pairs_frame
from encoders.genome.variants.files import VariantFiles


def _random_dosages(n_records: int, n_subjects: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.1, 0.9, size=(n_records, 1))
    dosages = rng.binomial(2, p, size=(n_records, n_subjects)).astype(np.int8)
    dosages[rng.random(dosages.shape) < 0.03] = -1
    return dosages


def _family(n_records: int = 20_000) -> np.ndarray:
    """Columns: father, mother, two children, a grandchild with column 6, and three strangers (5, 6, 7)."""
    rng = np.random.default_rng(1)
    p = rng.uniform(0.1, 0.9, size=n_records)
    haplotypes = {n: rng.binomial(1, p, size=(2, n_records)) for n in (0, 1, 5, 6, 7)}

    def child(a: int, b: int) -> np.ndarray:
        return np.stack([np.where(rng.random(n_records) < 0.5, *haplotypes[parent]) for parent in (a, b)])

    haplotypes[2], haplotypes[3] = child(0, 1), child(0, 1)
    haplotypes[4] = child(2, 6)
    return np.stack([haplotypes[n].sum(axis=0) for n in range(8)], axis=1).astype(np.int8)


def test_kinship_is_the_published_formula_pair_by_pair() -> None:
    """Equation 11 of Manichaikul et al. (2010), written out with counts over jointly known records."""
    dosages = _random_dosages(731, 13)
    counts = count_pairs([dosages[:300], dosages[300:]], 13)
    assert np.allclose(counts.call_rates(), (dosages >= 0).mean(axis=0))
    kinship = counts.kinship()
    for i in range(13):
        for j in range(13):
            known = (dosages[:, i] >= 0) & (dosages[:, j] >= 0)
            a, b = dosages[known, i], dosages[known, j]
            both, opposite = ((a == 1) & (b == 1)).sum(), (abs(a - b) == 2).sum()
            n_a, n_b = (a == 1).sum(), (b == 1).sum()
            few = min(n_a, n_b)
            expected = (both - 2 * opposite) / (2 * few) + 0.5 - 0.25 * (n_a + n_b) / few
            assert kinship[i, j] == pytest.approx(expected, abs=1e-12)


def test_degrees_of_kinship_and_families_of_a_simulated_pedigree() -> None:
    subjects = [f"S{number}" for number in range(8)]
    counts = count_pairs([_family()], 8)
    kinship = counts.kinship()
    assert np.allclose(np.diag(kinship), 0.5)
    for pair, expected in {(0, 2): 0.25, (2, 3): 0.25, (2, 4): 0.25, (0, 4): 0.125, (0, 1): 0.0, (5, 7): 0.0}.items():
        assert kinship[pair] == pytest.approx(expected, abs=0.03), pair
    pairs = pairs_frame(counts, subjects, THIRD_DEGREE)
    families = make_families(pairs, subjects)
    assert families["family"].tolist() == [1, 1, 1, 1, 1, 2, 1, 3]
    assert families["n_in_family"].tolist() == [6, 6, 6, 6, 6, 1, 6, 1]
    with pytest.raises(InputError, match="columns subject_1 and subject_2; it has ID1"):
        make_families(pd.DataFrame({"ID1": ["S1"]}), subjects)


def _assert_kinship_equals(table: Path, vcf: Path) -> None:
    variants = VariantFiles(vcf)
    n = len(variants.samples)
    report = RecordReport()
    kinship = count_pairs(read_dosages(variants, variants.samples, report), n).kinship()
    row_of = {name: row for row, name in enumerate(variants.samples)}
    with table.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == n * (n - 1) // 2
    found = np.array([kinship[row_of[row["#IID1"]], row_of[row["IID2"]]] for row in rows])
    expected = np.array([float(row["KINSHIP"]) for row in rows])
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert max(int(row["NSNP"]) for row in rows) <= report.n_kept


def _assert_components_equal(prefix: Path, vcf: Path) -> None:
    variants = VariantFiles(vcf)
    chunks = read_dosages(variants, variants.samples, RecordReport(), min_maf=0.05)
    found = ancestry_components(np.concatenate(list(chunks)), 5)
    expected = np.loadtxt(prefix.with_suffix(".eigenvec"), skiprows=1, usecols=range(1, 6))
    assert np.allclose(found.eigenvalues, np.loadtxt(prefix.with_suffix(".eigenval")), rtol=1e-5)
    signs = np.sign((found.scores * expected).sum(axis=0))
    assert np.allclose(found.scores * signs, expected, atol=1e-5)


def test_kinship_and_components_equal_plink2(simulated_genome: Path) -> None:
    """Kinship with missing genotypes (each pair counts the records that both know), components without."""
    _assert_kinship_equals(simulated_genome / "king.kin0", simulated_genome / "mixed.vcf.gz")
    _assert_components_equal(simulated_genome / "pca", simulated_genome / "phased.vcf.gz")


def test_kinship_and_components_equal_plink2_on_real_genotypes(real_data: Path, plink2: Callable[..., Path]) -> None:
    vcf = next((real_data / "genome/grch37_chr20").glob("*EUR203*.vcf.gz"))
    snps = ("--vcf", vcf, "--max-alleles", 2, "--snps-only", "just-acgt")
    table = plink2(*snps, "--make-king-table").with_suffix(".kin0")
    _assert_kinship_equals(table, vcf)
    with table.open() as file:
        n_kept = {int(row["NSNP"]) for row in csv.DictReader(file, delimiter="\t")}
    report = RecordReport()
    for _ in read_dosages(VariantFiles(vcf), VariantFiles(vcf).samples, report):
        pass
    assert n_kept == {report.n_kept}
    _assert_components_equal(plink2(*snps, "--maf", 0.05, "--pca", 5), vcf)


def test_components_are_eigenvectors_of_the_dense_matrix_and_projection_repeats_the_fit() -> None:
    dosages = _random_dosages(501, 37)
    found = ancestry_components(dosages, 4)
    p = np.array([row[row >= 0].mean() / 2 for row in dosages])
    z = np.where(dosages >= 0, (dosages - 2 * p[:, None]) / np.sqrt(2 * p * (1 - p))[:, None], 0)
    eigenvalues = np.linalg.eigvalsh(z.T @ z / len(z))[::-1][:4]
    assert np.allclose(found.eigenvalues, eigenvalues)
    assert np.allclose(z.T @ z / len(z) @ found.scores, found.scores * eigenvalues)
    twice = np.concatenate([dosages, dosages[:, :11]], axis=1)
    projected = ancestry_components(twice, 4, fit=np.arange(48) < 37)
    assert np.allclose(projected.scores[:37], found.scores)
    assert np.allclose(projected.scores[37:], found.scores[:11])
    with pytest.raises(InputError, match="got 37 for 37 subjects"):
        ancestry_components(dosages, 37)


def test_thinning_leaves_no_linked_neighbours() -> None:
    base = _random_dosages(120, 211)
    linked = np.repeat(base, 3, axis=0)
    constant = np.ones((1, 211), dtype=np.int8)
    kept = LinkageThinner(211, 0.2).keep(np.concatenate([constant, linked]))
    assert not kept[0]
    assert kept[1:].reshape(-1, 3).tolist() == [[True, False, False]] * 120
    everyone = np.ones(211, dtype=np.bool_)
    assert np.array_equal(thin_linked([linked[:50], linked[50:]], 0.2, everyone), base)
    with pytest.raises(InputError, match="none is left"):
        thin_linked([constant], 0.2, everyone)


def test_records_are_left_out_with_their_reason(write_vcf: Callable[..., Path]) -> None:
    rows = [
        (10, "A", "C", ".", ["0|1", "1|1", "0/0"]),
        (20, "A", "C,G", ".", ["0|1", "1|2", "0|0"]),
        (30, "AC", "A", ".", ["0|1", "1|1", "0|0"]),
        (40, "A", "T", ".", ["0|1", "./.", "./."]),
        (50, "A", "G", ".", ["0|0", "0|0", "0|0"]),
    ]
    samples = ("S1", "S2", "S3")
    files = [write_vcf(rows, samples=samples, name="a"), write_vcf(rows[:1], samples=samples, name="b")]
    files.append(write_vcf([(10, "A", "C", ".", ["0", "1", "0"])], samples=samples, name="x", chrom="X"))
    report = RecordReport()
    (found,) = read_dosages(VariantFiles(files), samples[::-1], report, min_maf=0.01, max_missing=0.5)
    assert found.tolist() == [[0, 2, 1]]
    assert (report.n_records, report.n_kept) == (6, 1)
    assert dict(report.left_out) == {
        "not biallelic": 1, "not a single nucleotide": 1, "too many missing genotypes": 1, "minor allele too rare": 1,
        "in two files": 1, "contig that is no autosome": 1,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"1 of 2 \(first S9; near names: none\)"):
        list(read_dosages(VariantFiles(files), ["S1", "S9"], report))
    with pytest.raises(InputError, match="none is left"):
        count_pairs([], 3)
    with pytest.raises(InputError, match="at most 30,000 subjects"):
        KingCounts(500_000)
