"""Writes an example results folder with the types that a run writes, without running one."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from analyses.results.alignments import (
    AlignmentSummary,
    Detectability,
    Dimensions,
    HeldOut,
    InSample,
    InSamplePower,
    NoiseCorrelation,
    RequiredSubjects,
    Role,
    RoyTest,
    SampleSize,
)
from analyses.results.comparisons import ArmDifference, Comparison, ComparisonRow
from analyses.results.interpretations import (
    FeatureLoading,
    GeneLoading,
    Interpretation,
    Redundancy,
    SplitHalf,
    SplitHalves,
    VarianceExtracted,
)
from analyses.results.planted_links import PlantedLink
from analyses.results.runs import (
    BlasLibrary,
    CohortCounts,
    EmbedCounts,
    Exclusion,
    GenomeSummary,
    InputFile,
    Provenance,
    ReferenceAgreement,
    RunArm,
    RunConfound,
    RunRecord,
    RunSeeds,
    RunView,
    TableOverlap,
)
from analyses.results.serialisation import tuples
from analyses.results.tables import rows
from analyses.results.workspace import SCHEMA, Workspace
from encoders.dna.protocol import EncoderSpec, RcMode

GENES = ("ADRB1", "BDNF", "CACNA1C", "COMT", "DRD2", "FOXP2", "GRIN2B", "HTR2A", "KCNS1", "MAOA", "NRG1")  # 11
PLANTED_GENES = ("COMT", "GRIN2B")
FEATURES = tuple(f"lh_roi{i:02d}_thickness" for i in range(29))
PLANTED_FEATURES = ("lh_roi04_thickness", "lh_roi11_thickness", "lh_roi23_thickness")
ARMS: tuple[tuple[str, str, bool, RcMode], ...] = (
    ("kmer-5", "kmer-5", True, "invariant"),
    ("untrained-dnabert-3", "untrained dnabert-3 rc-avg", False, "average"),
)
VIEWS: Mapping[str, Role] = {"linked": "test", "unlinked": "negative control"}
SUBJECTS = tuple(f"SUBJ{i:04d}X" for i in range(37))
N_SUBJECTS, N_PERMUTATIONS, N_SPLITS, N_COMPONENTS = 612, 999, 5, 3


def write_run_folder(folder: Path, *, planted: bool = True, compared: bool = True, seed: int = 7) -> Path:
    """Write a results folder of 2 arms x 2 views; without `planted`, neither view holds a link."""
    rng, workspace = np.random.default_rng(seed), Workspace(folder)
    alignments = [
        _write_alignment(workspace, arm, view, strength=0.31 if planted and view == "linked" else 0.0, rng=rng)
        for arm in ARMS
        for view in VIEWS
    ]
    workspace.write_result("run.json", make_run(alignments, planted=planted))
    if compared:
        workspace.write_result("comparison.json", make_comparison(alignments))
    workspace.write_json("env.json", {"python": "3.11.9", "versions": {"numpy": "2.3.0"}})
    hashed = [hashlib.blake2b(s.encode(), digest_size=8, key=b"example").hexdigest() for s in SUBJECTS]
    workspace.write_json("splits.json", {"ids": hashed, "assignments": [i % N_SPLITS for i in range(37)]})
    workspace.write_json("private/subjects.json", SUBJECTS)  # what must never leave the folder
    workspace.write_json("manifest.json", {"schema": SCHEMA, "stages": {"align": {"key": "abc", "seconds": 12.5}}})
    workspace.write_text("config/resolved.yaml", "name: example\nseed: 7\nencoders:\n- name: kmer-5\n")
    return folder


def _write_alignment(
    workspace: Workspace, arm: tuple[str, str, bool, RcMode], view: str, *, strength: float, rng: np.random.Generator
) -> AlignmentSummary:
    summary, draws = make_alignment(arm, view, strength=strength, rng=rng)
    folder = f"alignments/{summary.arm}__{view}"
    path = workspace.write_result(f"{folder}/alignment.json", summary).parent
    np.savez(path / "null_draws.npz", **draws)
    for table, loadings in (("gene_loadings", summary.gene_loadings), ("roi_loadings", summary.roi_loadings)):
        workspace.write_text(f"{folder}/{table}.csv", rows(loadings).to_csv(index=False))
    correlations = pd.DataFrame({"in_sample": summary.in_sample.canonical_correlations})
    workspace.write_text(f"{folder}/canonical_correlations.csv", correlations.to_csv(index=False))
    return summary


def make_alignment(
    arm: tuple[str, str, bool, RcMode], view: str, *, strength: float, rng: np.random.Generator
) -> tuple[AlignmentSummary, dict[str, np.ndarray]]:
    """A summary with the null draws that it tells of; a `strength` of 0 is no link."""
    name, label, trained, _ = arm
    strength = strength if trained else 0.7 * strength
    null = rng.normal(0.0, 0.055, (N_PERMUTATIONS, N_COMPONENTS))
    in_sample_null = rng.normal(0.38, 0.018, N_PERMUTATIONS)
    by_fold = rng.normal([strength, 0.02, -0.01], 0.04, (N_SPLITS, N_COMPONENTS))
    spectrum = np.sort(np.r_[0.38 + 0.5 * strength, rng.uniform(0.02, 0.36, 11)])[::-1]
    summary = AlignmentSummary(
        schema=SCHEMA,
        arm=name,
        arm_label=label,
        view=view,
        trained=trained,
        role=VIEWS[view],
        n=SampleSize(subjects=N_SUBJECTS, genes=11, features=29, confounds=9, n_effective=602),
        dimensions=Dimensions(
            x_requested=512,
            x_effective=214,
            y_requested=512,
            y_effective=29,
            x_cca=31,
            y_cca=29,
            rule="auto: the largest with N_eff/(P+Q) >= 10",
            ratio=10.03,
        ),
        in_sample=make_in_sample(spectrum, in_sample_null, p=0.001 if strength else 0.412),
        held_out=make_held_out(by_fold, null, r1=float(spectrum[0])),
        detectability=Detectability(
            rho_c=0.227,
            null_r1_mean=0.381,
            null_r1_q95=0.409,
            null_r1_closed_form=NoiseCorrelation(0.382, 0.411),
            wachter_edge=0.433,
            power_at_rho_c=InSamplePower(roy=0.41, wilks=0.27),
            rho_at_80_percent_power=0.281,
            required_n=RequiredSubjects(rho=0.1, n=3049),
        ),
        gene_loadings=_gene_loadings(strength, rng),
        roi_loadings=_feature_loadings(strength, rng),
        interpretation=_interpretation(strength),
        flags=() if strength else ("In-sample r1 lies below the 95 % point of its null.",),
        warnings=() if trained else ("3 subjects have a leverage above 10 (R + 1) / N in the confounds.",),
    )
    draws = {"in_sample_r1": np.r_[spectrum[0], in_sample_null], "held_out": np.vstack([summary.held_out.rho, null])}
    return summary, draws


def make_in_sample(spectrum: np.ndarray, null: np.ndarray, *, p: float) -> InSample:
    """The in-sample part of correlations [K], the first of which was tested against draws [n_permutations]."""
    tested = (p, *[None] * (len(spectrum) - 1))
    return InSample(
        canonical_correlations=tuples(spectrum),
        statistic="wilks",
        p_uncorrected=tested,
        p_fwer=tested,
        null_mean_r1=float(null.mean()),
        null_q95_r1=float(np.quantile(null, 0.95)),
        n_permutations=len(null),
        projection="huh-jhun",
        scheme="free",
        n_tested=1,
        roy=RoyTest(tested),
    )


def make_held_out(by_fold: np.ndarray, null: np.ndarray, *, r1: float) -> HeldOut:
    """The held-out part of correlations [n_splits, C] against draws [n_permutations, C]."""
    rho = by_fold.mean(axis=0)
    p = (1 + (null >= rho).sum(axis=0)) / (1 + len(null))
    return HeldOut(
        rho=tuples(rho),
        p=tuples(p),
        p_fwer=tuples(np.maximum.accumulate(p)),
        interval=tuples(np.c_[rho - 0.08, rho + 0.08]),
        rho_by_fold=tuples(by_fold),
        null_mean=tuples(null.mean(axis=0)),
        null_q95=tuples(np.quantile(null, 0.95, axis=0)),
        n_splits=len(by_fold),
        n_unseen_levels=4,
        n_permutations=len(null),
        folds_sha256="f01d" * 16,
        ratio_to_in_sample=float(rho[0] / r1),
    )


def _interpretation(strength: float) -> Interpretation:
    half = SplitHalf(median=0.2 + 2 * strength, interval=(0.1, 0.95), null_median=0.03, null_q95=0.31)
    explained = 0.11 * strength**2
    return Interpretation(
        n_bootstrap=200,
        n_halves=50,
        split_half=SplitHalves(x_weights=half, y_weights=half, x_loadings=half, y_loadings=half),
        variance_extracted=VarianceExtracted(genes=0.021, brain=0.11),
        redundancy=Redundancy(
            genes_given_brain=explained,
            brain_given_genes=explained,
            genes_given_brain_held_out=explained,
            brain_given_genes_held_out=explained,
        ),
    )


def _gene_loadings(strength: float, rng: np.random.Generator) -> tuple[GeneLoading, ...]:
    size = rng.uniform(0.01, 0.12, len(GENES)) + np.where(np.isin(GENES, PLANTED_GENES), 1.5 * strength, 0.0)
    return tuple(
        GeneLoading(
            gene_id=gene,
            loading=value,
            max=2 * value,
            n_columns=512,
            rank=rank,
            cross_loading=value / 3,
            lo=value - 0.05,
            hi=value + 0.05,
        )
        for gene, value, rank in zip(GENES, size.tolist(), _ranks(size), strict=True)
    )


def _feature_loadings(strength: float, rng: np.random.Generator) -> tuple[FeatureLoading, ...]:
    size = rng.uniform(0.01, 0.12, len(FEATURES)) + np.where(np.isin(FEATURES, PLANTED_FEATURES), 1.5 * strength, 0.0)
    signed = size * rng.choice([-1, 1], len(FEATURES))
    return tuple(
        FeatureLoading(
            feature=name, loading=value, rank=rank, cross_loading=value / 3, lo=value - 0.05, hi=value + 0.05
        )
        for name, value, rank in zip(FEATURES, signed.tolist(), _ranks(size), strict=True)
    )


def _ranks(size: np.ndarray) -> list[int]:
    rank = np.empty(len(size), dtype=int)
    rank[np.argsort(-size)] = np.arange(1, len(size) + 1)
    return [int(place) for place in rank]


def make_comparison(alignments: list[AlignmentSummary]) -> Comparison:
    """All arms and views, and the difference of the arms on the first view."""
    compared = tuple(_comparison_row(summary, place) for place, summary in enumerate(alignments))
    first, second = compared[0], compared[2]
    difference = first.rho - second.rho
    return Comparison(
        metric="held-out rho_1",
        rows=compared,
        differences=(
            ArmDifference(
                arm_a=first.arm,
                arm_b=second.arm,
                view="linked",
                difference=difference,
                interval=(difference - 0.07, difference + 0.07),
                p=0.019,
                p_corrected=0.019,
            ),
        ),
        n_permutations=N_PERMUTATIONS,
        note="p is corrected by max-T over 2 arms x 2 views with the same permutations.",
    )


def _comparison_row(summary: AlignmentSummary, place: int) -> ComparisonRow:
    held_out = summary.held_out
    return ComparisonRow(
        arm=summary.arm,
        arm_label=summary.arm_label,
        view=summary.view,
        trained=summary.trained,
        role=summary.role,
        rho=held_out.rho[0],
        interval=held_out.interval[0],
        p=held_out.p[0],
        p_max_t=min(1.0, 2.5 * held_out.p[0]),
        in_sample_r1=summary.in_sample.canonical_correlations[0],
        x_cca=summary.dimensions.x_cca,
        rank=1 + place // len(VIEWS),
        rank_interval=(1.0, 2.0),
        p_best=0.75 if place < len(VIEWS) else 0.25,
    )


def make_run(alignments: list[AlignmentSummary], *, planted: bool) -> RunRecord:
    """The record of a run with these alignments."""
    return RunRecord(
        schema=SCHEMA,
        name="example",
        title="Example: 11 genes against cortical thickness",
        experiment="align",
        created="2025-03-14T09:26:53+00:00",
        seed=7,
        pairing="by-id",
        cohort=CohortCounts(
            overlap=(
                TableOverlap("genotypes", 640, 612, {"not in brain": 28}),
                TableOverlap("participants", 655, 612, {"not in genotypes": 15, "not in brain": 28}),
                TableOverlap("brain: linked", 612, 612, {}),
            ),
            n_subjects=N_SUBJECTS,
            exclusions=(Exclusion("related to a subject who was kept", 9),),
        ),
        genome=GenomeSummary(
            n_genes=11,
            n_windows=173,
            n_sequences_total=211752,
            n_distinct=2411,
            gain=87.8,
            events={"overlapping_skipped": 12, "missing_genotype": 0, "emptied_window": 1},
            reference_agreement=ReferenceAgreement(n_records=5120, n_matching=5120, n_bases=5804, share=1.0),
            settings={"unit": "exon", "window": "510", "transcript_rule": "canonical"},
            sources=("genes.gtf",),
        ),
        arms=tuple(_run_arm(*arm) for arm in ARMS),
        views=tuple(
            RunView(name=name, n_features=29, description="cortical thickness", role=role)
            for name, role in VIEWS.items()
        ),
        planted=PlantedLink(
            genes=PLANTED_GENES,
            view="linked",
            features=PLANTED_FEATURES,
            strength=0.3,
            how="a latent score from haplotype dosages of the genes was added to the features",
        )
        if planted
        else None,
        confounds=(RunConfound("age", "continuous"), RunConfound("site", "categorical")),
        provenance=Provenance(
            git_sha="0b7c8dd2f3f1c8e2e0bb0e1d39b8f3cf3a6d8a11",
            git_dirty=False,
            versions={"python": "3.11.9", "numpy": "2.3.0", "scikit-learn": "1.9.1"},
            blas=(
                BlasLibrary(internal_api="openblas", version="0.3.30", architecture="SkylakeX", threading_layer=None),
            ),
            inputs=(InputFile("genotypes/panel.vcf.gz", f"sha256:{'beef' * 16}"),),
            seeds=RunSeeds(seed=7, pairing=11),
        ),
        alignments=tuple(f"{summary.arm}__{summary.view}" for summary in alignments),
        wall_seconds={"windows": 3.1, "embed": 21.4, "align": 40.2},
    )


def _run_arm(name: str, label: str, trained: bool, rc_mode: RcMode) -> RunArm:
    spec = EncoderSpec(
        name=name,
        family=name.split("-")[0],
        label=label,
        hidden_dim=512,
        tokenizer_version="kmer-3",
        min_bp=3,
        source="computed",
        revision="1",
        weights_sha256="c0de" * 16,
        layer=-1,
        rc_mode=rc_mode,
        trained=trained,
    )
    embed = EmbedCounts(n_distinct=2411, n_cached=2000, n_encoded=411, n_forward_passes=7, seconds=21.4)
    return RunArm(name=name, label=label, trained=trained, spec=spec, embed=embed)
