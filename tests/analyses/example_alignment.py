"""An example of what an alignment finds, with or without a link, without aligning anything."""

from collections.abc import Mapping

import numpy as np

from analyses.alignment.tails import describe_tested
from analyses.results.schema.alignments import (
    AlignmentSummary,
    Detectability,
    Dimensions,
    HeldOut,
    HeldOutTrace,
    InSample,
    InSamplePower,
    NoiseCorrelation,
    RequiredSubjects,
    Role,
    RoyTest,
    SampleSize,
)
from analyses.results.schema.interpretations import (
    FeatureLoading,
    GeneLoading,
    Interpretation,
    Redundancy,
    SplitHalf,
    SplitHalves,
    VarianceExtracted,
)
from analyses.results.serialisation import tuples
from analyses.results.workspace import SCHEMA
from encoders.dna.protocol import RcMode
from fusion.permutation.tails.fitted import tail_ps

GENES = ("ADRB1", "BDNF", "CACNA1C", "COMT", "DRD2", "FOXP2", "GRIN2B", "HTR2A", "KCNS1", "MAOA", "NRG1")  # 11
PLANTED_GENES = ("COMT", "GRIN2B")
FEATURES = tuple(f"lh_roi{i:02d}_thickness" for i in range(29))
PLANTED_FEATURES = ("lh_roi04_thickness", "lh_roi11_thickness", "lh_roi23_thickness")
ARMS: tuple[tuple[str, str, bool, RcMode], ...] = (
    ("kmer-5", "kmer-5", True, "invariant"),
    ("untrained-dnabert-3", "untrained dnabert-3 rc-avg", False, "average"),
)
VIEWS: Mapping[str, Role] = {"linked": "test", "unlinked": "negative control"}
N_SUBJECTS, N_PERMUTATIONS, N_SPLITS, N_COMPONENTS = 612, 999, 5, 3


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
            held_out_rho_at_80_percent_power=0.312,
            required_n=RequiredSubjects(rho=0.1, n=3049),
        ),
        gene_loadings=_gene_loadings(strength, rng),
        roi_loadings=_feature_loadings(strength, rng),
        interpretation=_interpretation(strength),
        flags=() if strength else ("In-sample r1 lies below the 95 % point of its null.",),
        warnings=() if trained else ("3 subjects have a leverage above 10 (R + 1) / N in the confounds.",),
    )
    assert summary.held_out.trace is not None
    draws = {
        "in_sample_r1": np.r_[spectrum[0], in_sample_null],
        "held_out": np.vstack([summary.held_out.rho, null]),
        "held_out_trace": np.r_[summary.held_out.trace.value, null @ np.abs(null.std(axis=0))],
    }
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
    fitted = describe_tested(tail_ps(np.arctanh(np.vstack([rho, null]))))
    return HeldOut(
        rho=tuples(rho),
        p=tuples(p),
        p_fwer=tuples(np.maximum.accumulate(p)),
        interval=tuples(np.c_[rho - 0.08, rho + 0.08]),
        rho_by_fold=tuples(by_fold),
        null_mean=tuples(null.mean(axis=0)),
        null_q95=tuples(np.quantile(null, 0.95, axis=0)),
        trace=HeldOutTrace(
            value=float((rho * np.abs(rho)).sum()),
            null_mean=-0.002,
            null_q95=0.061,
            p=float(p[0]),
            p_corrected=(float(p[0]), float(min(1.0, 2 * p[0]))),
            tails_corrected=(fitted[0], fitted[1]),
        ),
        n_splits=len(by_fold),
        n_unseen_levels=4,
        tails=fitted,
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
