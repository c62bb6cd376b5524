"""From a YAML file through the run: relatives whitened by their own genotypes, sites of their own scale."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.run.run import Run
from analyses.simulation.files import write_fasta, write_gtf, write_vcf
from analyses.simulation.genome import Contig, Haplotypes
from analyses.workflow import pipeline
from encoders.genome.intervals import Gene, Interval
from tests.fusion.pedigrees import make_pedigrees

FOLDER = Path(__file__).parent
PEDIGREES = make_pedigrees(37, seed=2)
N_LOCI, APART = 7000, 11
EXONS = ((5000, 5036), (20_011, 20_053))


def _write_families(folder: Path) -> pd.DataFrame:
    """Alleles of founders dropped through families; the brain follows one exon, families and chance."""
    rng = np.random.default_rng(8)
    ids = [f"s{row:03d}" for row in range(len(PEDIGREES.members))]
    bases = rng.choice(list("ACGT"), N_LOCI * APART + 200)
    positions = 100 + APART * np.arange(N_LOCI)
    alleles = PEDIGREES.haplotypes(rng, N_LOCI, frequency=0.4).astype(np.int8)
    others = {"A": "G", "G": "A", "C": "T", "T": "C"}
    texts = tuple((str(base), others[base]) for base in bases[positions])
    genes = tuple(
        Gene(f"G{k}", f"GENE{k}", Interval("1", *exon, "+"), (Interval("1", *exon, "+"),), f"T{k}")
        for k, exon in enumerate(EXONS)
    )
    contig = Contig("1", len(bases), genes)
    write_fasta(folder / "reference.fa", {"1": "".join(bases)})
    write_gtf(folder / "genes.gtf", [contig])
    write_vcf(folder / "cohort.vcf.gz", ids, [contig], {"1": Haplotypes(positions, texts, alleles.transpose(2, 0, 1))})
    inside = (positions >= EXONS[0][0]) & (positions < EXONS[0][1])
    score = alleles[:, :, inside].sum(axis=(1, 2)).astype(float)
    score = (score - score.mean()) / score.std()
    noise = 0.6 * PEDIGREES.breeding_values(rng, 4) + 0.4 * rng.standard_normal((len(ids), 4))
    brain = pd.DataFrame(noise + np.outer(score, [1.2, 0.8, 0, 0]), columns=list("abcd"))
    brain.insert(0, "subject_id", ids)
    brain.to_csv(folder / "brain.csv", index=False)
    table = pd.DataFrame({"subject_id": ids, "age": rng.uniform(20, 60, len(ids)).round(1)})
    table.to_csv(folder / "participants.tsv", sep="\t", index=False)
    return table


def _alignment(output: Path) -> dict[str, Any]:
    (found,) = output.glob("alignments/*/alignment.json")
    read: dict[str, Any] = json.loads(found.read_text())
    return read


def test_a_run_whitens_relatives_by_its_own_genotypes(tmp_path: Path) -> None:
    _write_families(tmp_path)
    output = tmp_path / "out"
    variables = {"FAMILIES": str(tmp_path)}
    config = load_config(FOLDER / "whitened_genotypes.yaml", (f"output={output}",), variables=variables)
    pipeline.run_pipeline(config, until="report")
    found = _alignment(output)
    assert found["n"]["subjects"] == len(PEDIGREES.members)
    assert found["relatives"]["source"] == f"a relationship matrix of {N_LOCI:,} common variants of genome.variants"
    assert found["relatives"]["h2_genes"] > 0.3
    assert found["in_sample"]["scheme"] == "free permutation of rows"
    assert found["held_out"]["p"][0] <= 0.05
    assert "were made uncorrelated before" in (output / "report.html").read_text(encoding="utf-8")
    folds = Run(config, dry=True).folds.assignments
    for family in np.unique(PEDIGREES.families):
        assert len(set(folds[PEDIGREES.families == family])) == 1


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    """Four sites of which each has a scale of its own in both views, and nothing that links these."""
    rng = np.random.default_rng(2)
    n = 211
    site = rng.integers(0, 4, n)
    ids = np.array([f"p{row:03d}" for row in range(n)])
    scale = np.array([0.3, 0.6, 1.3, 3.0])[site, np.newaxis]
    genes, brain = (scale * rng.standard_normal((n, width)) for width in (5, 6))
    table = {"subject_id": ids, "age": rng.normal(50, 9, n).round(1), "site": np.array(["A", "B", "C", "D"])[site]}
    pd.DataFrame(table).to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    frame = pd.DataFrame(brain, columns=[f"roi{k}" for k in range(6)])
    frame.insert(0, "subject_id", ids)
    frame.to_csv(tmp_path / "brain.csv", index=False)
    folder = tmp_path / "vectors" / "APOE"
    folder.mkdir(parents=True)
    np.save(folder / "embeddings_1_layer_last.npy", genes.astype(np.float32))
    np.save(folder / "iids.npy", ids)
    path = tmp_path / "run.yaml"
    path.write_text((FOLDER / "sites_of_own_scale.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_sites_of_their_own_scale_are_no_link_where_places_change_inside_them(sites: Path) -> None:
    found = {}
    for name, within in (("inside", "site"), ("freely", "null")):
        output = sites.parent / name
        config = load_config(sites, (f"output={output}", f"alignment.exchangeable_within={within}"))
        pipeline.run_pipeline(config, until="align")
        found[name] = _alignment(output)
    inside, freely = found["inside"], found["freely"]
    assert inside["in_sample"]["scheme"] != freely["in_sample"]["scheme"]
    assert freely["in_sample"]["p_fwer"][0] <= 0.05 < inside["in_sample"]["p_fwer"][0]
    said = "exchangeable_within"
    assert any(said in one for one in freely["warnings"])
    assert not any(said in one for one in inside["warnings"])
