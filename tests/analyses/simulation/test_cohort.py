"""The simulated cohort: valid files that agree with each other, a link that can be found, a control that cannot."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest

from analyses.errors import InputError
from analyses.simulation.cohort import DemoCohort, make_demo_cohort
from analyses.simulation.genome import (
    EXON_COUNTS,
    EXON_LENGTHS,
    Contig,
    Haplotypes,
    Pedigree,
    ancestry_components,
    make_pedigree,
    place_genes,
    simulate_contig,
)

N_SUBJECTS, N_GENES = 97, 11


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    return make_demo_cohort(tmp_path_factory.mktemp("demo") / "cohort", n_subjects=N_SUBJECTS, n_genes=N_GENES, seed=5)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> DemoCohort:
    return make_demo_cohort(tmp_path_factory.mktemp("demo") / "cohort")


@pytest.fixture(scope="module")
def participants(cohort: DemoCohort) -> pd.DataFrame:
    return pd.read_csv(cohort.participants, sep="\t", dtype={"subject_id": str}).set_index("subject_id")


@pytest.fixture(scope="module")
def dosages(large: DemoCohort) -> dict[str, np.ndarray]:
    """Copies [n_subjects, n_haplotypes] of each gene's exon haplotypes, commonest first: from the files alone."""
    return _dosages(large)


def _gtf(cohort: DemoCohort) -> pd.DataFrame:
    names = ["chrom", "source", "feature", "first", "last", "score", "strand", "frame", "attributes"]
    frame = pd.read_csv(cohort.annotation, sep="\t", comment="#", names=names, dtype={"chrom": str})
    frame["gene"] = frame["attributes"].str.extract('gene_id "([^"]+)"')
    frame["number"] = frame["attributes"].str.extract('exon_number "([^"]+)"').astype(float)
    return frame


def _alleles(record: pysam.VariantRecord) -> np.ndarray:
    return np.array([sample.allele_indices for sample in record.samples.values()])


def _dosages(cohort: DemoCohort) -> dict[str, np.ndarray]:
    exons = _gtf(cohort).query("feature == 'exon'")
    with gzip.open(cohort.variants, "rt") as file:  # as text: samples of pysam take ten times as long
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("##")]
    n = len(lines[0]) - 9
    chroms = np.array([line[0] for line in lines[1:]])
    positions = np.array([int(line[1]) for line in lines[1:]])
    genotypes = [np.array("|".join(line[9:]).split("|"), int) for line in lines[1:]]
    dosages = {}
    for gene, rows in exons.groupby("gene"):
        inside = np.zeros(len(genotypes), bool)
        for exon in rows.itertuples():
            inside |= (chroms == exon.chrom) & (exon.first <= positions) & (positions <= exon.last)
        within = [genotypes[record] for record in np.flatnonzero(inside)]
        haplotypes = list(zip(*within, strict=True)) or [()] * (2 * n)
        rank = {haplotype: index for index, (haplotype, _) in enumerate(Counter(haplotypes).most_common())}
        copies = np.eye(len(rank))[[rank[haplotype] for haplotype in haplotypes]]
        dosages[str(gene)] = copies.reshape(n, 2, -1).sum(axis=1)
    return dosages


# --- files ---------------------------------------------------------------------------------------------------------


def test_every_reference_allele_agrees_with_the_fasta(cohort: DemoCohort) -> None:
    fasta = pysam.FastaFile(str(cohort.reference))
    records = [(r.chrom, r.start, r.ref) for r in pysam.VariantFile(str(cohort.variants))]
    assert len(records) > 500
    assert all(fasta.fetch(chrom, start, start + len(ref)) == ref for chrom, start, ref in records)
    assert {chrom for chrom, _, _ in records} == set(fasta.references) == {"1", "2"}


def test_variants_are_sorted_phased_complete_and_counted(cohort: DemoCohort) -> None:
    reader = pysam.VariantFile(str(cohort.variants))
    assert len(reader.header.samples) == N_SUBJECTS
    places, kinds = [], Counter()
    for record in reader:
        alleles = _alleles(record)
        assert all(sample.phased for sample in record.samples.values())
        assert alleles.min() == 0
        counts = [int((alleles == allele).sum()) for allele in range(1, len(record.alts) + 1)]
        assert list(record.info["AC"]) == counts
        assert sum(counts) > 0
        assert record.info["AN"] == 2 * N_SUBJECTS
        places.append((record.chrom, record.pos))
        for alternate in record.alts:
            kinds["deletion" if len(record.ref) > len(alternate) else "insertion" if len(alternate) > 1 else "snv"] += 1
            assert alternate != record.ref
            if len(record.ref) != len(alternate):
                assert record.ref[0] == alternate[0]
                assert record.ref[-1] != alternate[-1]  # left-aligned
    assert places == sorted(set(places))
    assert kinds["snv"] > 10 * kinds["insertion"] > 0
    assert kinds["deletion"] > 0


def test_variants_are_indexed(cohort: DemoCohort) -> None:
    reader = pysam.VariantFile(str(cohort.variants))
    everything = sum(record.chrom == "2" for record in pysam.VariantFile(str(cohort.variants)))
    assert sum(1 for _ in reader.fetch("2")) == everything > 0
    assert "##contig=<ID=1,length=" in str(reader.header)


def test_genes_have_unequal_exons_on_both_strands_in_transcript_order(cohort: DemoCohort) -> None:
    gtf = _gtf(cohort)
    genes = gtf.query("feature == 'gene'").set_index("gene")
    assert list(genes.index) == [f"SIMG{i + 1:02d}" for i in range(N_GENES)]
    assert set(genes["strand"]) == {"+", "-"}
    assert (gtf.query("feature != 'gene'")["attributes"].str.contains('tag "Ensembl_canonical"')).all()
    for gene, exons in gtf.query("feature == 'exon'").groupby("gene"):
        lengths = exons["last"] - exons["first"] + 1
        assert EXON_COUNTS[0] <= len(exons) <= EXON_COUNTS[1]
        assert lengths.between(*EXON_LENGTHS).all()
        assert lengths.nunique() > 1
        assert exons["number"].tolist() == list(range(1, len(exons) + 1))
        forward = exons["first"].is_monotonic_increasing
        assert forward == (genes.loc[gene, "strand"] == "+")
        assert (exons["first"].min(), exons["last"].max()) == (genes.loc[gene, "first"], genes.loc[gene, "last"])


def test_tables_hold_the_same_subjects_in_another_order(cohort: DemoCohort, participants: pd.DataFrame) -> None:
    samples = list(pysam.VariantFile(str(cohort.variants)).header.samples)
    assert list(participants.index) == samples
    assert list(participants.columns) == ["age", "sex", "site", "batch", *(f"PC{i}" for i in range(1, 6)), "family"]
    for path, n_features in ((cohort.brain_linked, 68), (cohort.brain_control, 48)):
        table = pd.read_parquet(path).set_index("subject_id")
        assert table.shape == (N_SUBJECTS, n_features)
        assert list(table.index) != samples
        assert sorted(table.index) == samples
        assert (table.std() > 0).all()
        assert table.notna().all(axis=None)
    assert set(cohort.truth["features"]) < set(pd.read_parquet(cohort.brain_linked).columns)


# --- genetics ------------------------------------------------------------------------------------------------------


def test_siblings_share_haplotypes_as_siblings_do(large: DemoCohort) -> None:
    people = pd.read_csv(large.participants, sep="\t")
    pairs = people.groupby("family").filter(lambda rows: len(rows) == 2)
    assert len(pairs) == 40
    assert (pairs.groupby("family")["site"].nunique() == 1).all()
    dosages = np.array([(_alleles(record) > 0).sum(axis=1) for record in pysam.VariantFile(str(large.variants))])
    standardised = dosages - dosages.mean(axis=1, keepdims=True)
    correlation = np.corrcoef(standardised.T)
    siblings = [correlation[tuple(rows.index)] for _, rows in pairs.groupby("family")]
    strangers = correlation[np.triu_indices(len(people), 1)]
    assert np.mean(siblings) > np.mean(strangers) + 0.3


def test_children_carry_gametes_of_their_parents() -> None:
    """Within a gene a crossover is rare, so each child has one whole haplotype of either parent."""
    contig = place_genes(4, np.random.default_rng(11))[0]
    populations = make_pedigree(20).populations
    couple = Pedigree(populations, np.array([[0, 1]]))
    nobody = Pedigree(populations, np.empty((0, 2), dtype=np.int64))
    children = _within_gene(contig, simulate_contig(contig, couple, np.random.default_rng(3)))
    founders = _within_gene(contig, simulate_contig(contig, nobody, np.random.default_rng(3)))  # the same founders
    for site, alleles in children.items():
        np.testing.assert_array_equal(alleles[2:], founders[site][2:])  # everybody else is untouched
    for child in (0, 1):
        for parent in (0, 1):
            gamete = [alleles[child, parent] for alleles in children.values()]
            assert gamete in [[founders[site][parent, side] for site in children] for side in (0, 1)]


def _within_gene(contig: Contig, haplotypes: Haplotypes) -> dict[int, np.ndarray]:
    body = contig.genes[0].interval
    sites = zip(haplotypes.positions.tolist(), haplotypes.alleles, strict=True)
    return {position: alleles for position, alleles in sites if body.start <= position < body.end}


def test_components_recover_the_populations() -> None:
    pedigree = make_pedigree(160)
    components = ancestry_components(pedigree, np.random.default_rng(2))
    labels = pd.get_dummies(pd.Series(pedigree.populations)).to_numpy(float)
    centred = np.column_stack([np.ones(160), labels[:, 1:]])
    fitted = centred @ np.linalg.lstsq(centred, components[:, :2], rcond=None)[0]
    explained = fitted.var(axis=0) / components[:, :2].var(axis=0)
    assert (explained > 0.9).all()


def test_ancestry_and_site_go_together(large: DemoCohort) -> None:
    people = pd.read_csv(large.participants, sep="\t")
    between = people.groupby("site")["PC1"].transform("mean").var() / people["PC1"].var()
    assert between > 0.1


# --- the planted link ----------------------------------------------------------------------------------------------


def test_truth_names_haplotypes_that_the_files_hold(large: DemoCohort, dosages: dict[str, np.ndarray]) -> None:
    assert large.truth["genes"] == [planted["gene"] for planted in large.truth["haplotypes"]]
    assert len(set(large.truth["genes"])) == 3
    for planted in large.truth["haplotypes"]:
        copies = dosages[planted["gene"]][:, planted["rank"] - 1]
        assert copies.mean() / 2 == pytest.approx(planted["frequency"])
        assert 0.15 <= planted["frequency"] <= 0.85


def _held_out_correlation(x: np.ndarray, y: np.ndarray, covariates: np.ndarray, n_components: int = 29) -> float:
    """First held-out canonical correlation over five folds, everything fitted on training rows: plain numpy."""
    folds = np.random.default_rng(1).permutation(len(x)) % 5
    found = []
    for fold in range(5):
        train, test = folds != fold, folds == fold
        bases, projected = [], []
        for view in (x, y):
            residuals = view - covariates @ np.linalg.lstsq(covariates[train], view[train], rcond=None)[0]
            axes = np.linalg.svd(residuals[train], full_matrices=False)[2][:n_components].T
            basis, triangle = np.linalg.qr(residuals[train] @ axes)
            bases.append(basis)
            projected.append(residuals[test] @ axes @ np.linalg.inv(triangle))
        left, _, right = np.linalg.svd(bases[0].T @ bases[1])
        found.append(np.corrcoef(projected[0] @ left[:, 0], projected[1] @ right[0])[0, 1])
    return float(np.mean(found))


def test_the_link_is_found_and_the_control_only_if_ancestry_is_ignored(
    large: DemoCohort, dosages: dict[str, np.ndarray]
) -> None:
    people = pd.read_csv(large.participants, sep="\t").set_index("subject_id")
    unrelated = (~people["family"].duplicated()).to_numpy()
    x = np.hstack(list(dosages.values()))[unrelated]
    people = people[unrelated]
    intercept = np.ones((len(people), 1))
    dummies = pd.get_dummies(people.drop(columns="family"), columns=["sex", "site", "batch"], drop_first=True)
    covariates = np.hstack([intercept, dummies.to_numpy(float)])
    linked, control = (
        pd.read_parquet(path).set_index("subject_id").loc[people.index].to_numpy()
        for path in (large.brain_linked, large.brain_control)
    )
    assert _held_out_correlation(x, linked, covariates) > 0.4
    assert abs(_held_out_correlation(x, control, covariates)) < 0.15
    assert _held_out_correlation(x, control, intercept) > 0.5  # confounding by ancestry is real


# --- reproducible, whole or not at all -----------------------------------------------------------------------------


def _contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_seed_gives_the_same_bytes(cohort: DemoCohort, tmp_path: Path) -> None:
    again = make_demo_cohort(tmp_path / "again", n_subjects=N_SUBJECTS, n_genes=N_GENES, seed=5)
    assert _contents(again.folder) == _contents(cohort.folder)
    other = make_demo_cohort(tmp_path / "other", n_subjects=N_SUBJECTS, n_genes=N_GENES, seed=6)
    assert gzip.decompress(other.variants.read_bytes()) != gzip.decompress(cohort.variants.read_bytes())


@pytest.fixture
def small(tmp_path: Path) -> DemoCohort:
    return make_demo_cohort(tmp_path / "cohort", n_subjects=64, n_genes=11, seed=3)


def test_a_cohort_with_the_same_settings_is_reused(small: DemoCohort) -> None:
    before = os.stat(small.variants).st_mtime_ns
    lines: list[str] = []
    assert make_demo_cohort(small.folder, n_subjects=64, n_genes=11, seed=3, progress=lines.append) == small
    assert os.stat(small.variants).st_mtime_ns == before
    assert "reusing" in lines[0]


def test_other_settings_are_refused_unless_told_to_overwrite(small: DemoCohort) -> None:
    before = _contents(small.folder)
    with pytest.raises(InputError, match=r"other settings \(seed 3 -> 4\)"):
        make_demo_cohort(small.folder, n_subjects=64, n_genes=11, seed=4)
    assert _contents(small.folder) == before
    make_demo_cohort(small.folder, n_subjects=64, n_genes=11, seed=4, overwrite=True)
    assert json.loads((small.folder / "settings.json").read_text())["seed"] == 4
    assert [path.name for path in small.folder.parent.iterdir()] == ["cohort"]


def test_a_folder_with_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="no simulated cohort"):
        make_demo_cohort(tmp_path, n_subjects=64, n_genes=11, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_an_interrupted_simulation_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if "writing" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_demo_cohort(tmp_path / "cohort", n_subjects=64, n_genes=11, seed=3, progress=interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_subjects": 3}, "at least 30 subjects; got 3"),
        ({"n_genes": 2}, "at least 4 genes; got 2"),
        ({"link_strength": 1.5}, "from 0 to 1; got 1.5"),
    ],
)
def test_impossible_settings_are_refused(tmp_path: Path, setting: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_demo_cohort(tmp_path / "cohort", **setting)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
