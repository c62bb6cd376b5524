"""What tracking keeps of one alignment: names, numbers in the order they are shown, tables and files."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from analyses.config.encoder import PRECOMPUTED
from analyses.report.comparison_findings import Contrast
from analyses.report.drawings import FIGURE_KINDS
from analyses.report.findings import CONTROL
from analyses.results.folder import Results
from analyses.results.headlines import Alignment, Headline
from analyses.results.schema.alignments import ConfoundTaken
from analyses.results.schema.comparisons import ComparisonRow
from analyses.results.schema.experiments import Metrics
from analyses.results.schema.experiments.trials import Cell, Tables, cells, long_tables
from analyses.results.schema.interpretations import FeatureLoading, GeneLoading
from analyses.results.schema.runs import RunArm
from analyses.results.serialisation import plain

#: A table as tracking takes it: cells by column name.
Columns = dict[str, list[Cell]]

# Axis labels of the interface are cut at 10 characters, so these differ within 10.
RC_MODES = {"forward": "fwd-only", "average": "rc-avg", "equivariant": "rc-equiv", "invariant": "rc-inv"}
NOT_STATED = "not stated"
_SHORTER = (("untrained", "un"), ("caduceus", "cad"), ("dnabert", "dnab"))


def short_name(name: str) -> str:
    """An arm's name within the 10 characters that axis labels show, as far as known words allow."""
    for word, shorter in _SHORTER:
        if len(name) > 10:
            name = name.replace(word, shorter)
    return name


def find_arm(results: Results, alignment: Alignment) -> RunArm:
    """The run's entry about the encoder of one alignment."""
    return next(arm for arm in results.run.arms if arm.name == alignment.summary.arm)


def make_params(results: Results, alignment: Alignment) -> dict[str, str]:
    """Settings that tell runs apart."""
    summary, spec = alignment.summary, find_arm(results, alignment).spec
    held_out, dimensions = summary.held_out, summary.dimensions
    # defaults, which nobody states of vectors that were made elsewhere
    of_nobody = {"forward", "mean"} if spec.family == PRECOMPUTED else set()
    strands = NOT_STATED if spec.rc_mode in of_nobody else RC_MODES[spec.rc_mode]
    values = {
        "encoder.name": short_name(summary.arm),
        "encoder.rc_mode": strands,
        "strands": strands,  # the same, by which runs are grouped: see the saved views
        "encoder.weights": "trained" if summary.trained else "untrained",
        "encoder.pooling": NOT_STATED if spec.pooling in of_nobody else spec.pooling,
        "encoder.hidden_dim": spec.hidden_dim,
        "brain.view": summary.view,
        "brain.role": "control" if summary.role == CONTROL else "test",
        "pca.x_requested": dimensions.x_requested,
        "pca.x_effective": dimensions.x_effective,
        "pca.y_effective": dimensions.y_effective,
        "cca.x_dimensions": dimensions.x_cca,
        "cca.y_dimensions": dimensions.y_cca,
        "folds": held_out.n_splits,
        "permutations": held_out.n_permutations,
        "seed": results.run.seed,
        "n_subjects": summary.n.subjects,
        "n_genes": summary.n.genes,
    }
    return {key: str(value) for key, value in values.items()}


def make_tags(results: Results, alignment: Alignment, config_sha256: str) -> dict[str, str]:
    """Where a run comes from; an alignment is a parent run."""
    spec, provenance = find_arm(results, alignment).spec, results.run.provenance
    values = {
        "stage": "alignment",
        "panel": panel(results),
        "brain.model": alignment.summary.view,
        "config_sha256": config_sha256,
        "splits_sha256": alignment.summary.held_out.folds_sha256,
        "git.sha": provenance.git_sha,
        "git.dirty": provenance.git_dirty,
        "checkpoint.sha256": spec.weights_sha256,
        "tokenizer_version": spec.tokenizer_version,
        "pooling_strategy": spec.pooling,
        "rc_averaged": spec.rc_mode == "average",
    }
    for tail in (alignment.summary.held_out.tails or ())[:1]:
        values["p_fitted"] = tail.method or f"none: {tail.refusal}"
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def panel(results: Results) -> str:
    """Name of the gene panel: what an experiment's runs have in common."""
    return results.run.panel or results.run.name


def rounded(value: float) -> float:
    """Four significant digits: what a table shows. The results folder holds them all."""
    return float(f"{value:.4g}")


def find_row(results: Results, alignment: Alignment) -> ComparisonRow | None:
    """The row of one alignment in the comparison, where there is one."""
    rows = () if results.comparison is None else results.comparison.rows
    own = alignment.summary.arm, alignment.summary.view
    return next((row for row in rows if (row.arm, row.view) == own), None)


_CONTRASTS = {"rc": "rc_equiv_minus_avg", "training": "trained_minus_untrained"}


def contrast_metrics(asked: Sequence[Contrast]) -> Metrics:
    """Of each kind the surest difference: value, bounds, and p over the pairs of its view."""
    found: Metrics = {}
    for one in sorted(asked, key=lambda one: (one.p_corrected, -abs(one.difference)), reverse=True):
        name = _CONTRASTS[one.kind]
        # The interface cuts heads of columns near 14 characters: what tells them apart comes first.
        found |= {f"diff/{name}": one.difference, f"p_corrected/{name}": one.p_corrected}
        found |= {
            f"diff/{name}_{end}": bound
            for end, bound in zip(("low", "high"), one.interval, strict=True)
            if bound is not None
        }
    return found


def make_metrics(
    headline: Headline, row: ComparisonRow | None = None, asked: Sequence[Contrast] = ()
) -> Iterator[tuple[str, float, int]]:
    """Name, value and step, in the order in which they are to be logged: the interface compares runs by the first.

    Parameters
    ----------
    headline : Headline
    row : ComparisonRow, optional
        Its row in the comparison.
    asked : sequence of Contrast
        Differences between arms; those of which this arm is the first are its own.
    """
    own = [one for one in asked if (one.first, one.view) == (headline.summary.arm_label, headline.summary.view)]
    for name, value, step in _metrics(headline):
        yield name, rounded(value), step
        if name == "perm/p_corrected_1":
            yield from () if row is None else [("place", row.rank, 0)]
            yield from ((key, rounded(found), 0) for key, found in contrast_metrics(own).items())


def _metrics(headline: Headline) -> Iterator[tuple[str, float, int]]:
    summary = headline.summary
    held_out, in_sample, interpretation = summary.held_out, summary.in_sample, summary.interpretation
    r = in_sample.canonical_correlations
    for k, rho in enumerate(held_out.rho[:3], start=1):
        yield f"heldout/rho_{k}", rho, 0
    yield "perm/p_1", headline.p, 0
    yield "perm/neglog10p_1", -math.log10(headline.p), 0  # a table shows p = 0.001 as 0.00
    yield "perm/p_corrected_1", headline.p_corrected, 0
    for name, tail in (("1", headline.tail), ("corrected_1", headline.tail_corrected)):
        if tail is not None and tail.p is not None:
            yield f"perm/p_fitted_{name}", tail.p, 0
    yield "perm/null_q95_1", held_out.first_null_q95, 0
    for end, bound in zip(("low", "high"), headline.interval, strict=True):
        if bound is not None:
            yield f"heldout/rho_1_{end}", bound, 0
    if headline.trace is not None and headline.trace_p_corrected is not None:
        yield "heldout/trace", headline.trace.value, 0
        yield "perm/p_trace", headline.trace.p, 0
        yield "perm/p_corrected_trace", headline.trace_p_corrected, 0
        if (tail := headline.trace_tail_corrected) is not None and tail.p is not None:
            yield "perm/p_fitted_corrected_trace", tail.p, 0
        yield "perm/null_q95_trace", headline.trace.null_q95, 0
    for test in summary.dependence or ():
        yield f"dependence/{test.name}", test.value, 0
        yield f"perm/p_{test.name}", test.p, 0
        yield f"perm/p_corrected_{test.name}", test.p_corrected, 0
    yield "train/rho_1", r[0], 0
    yield "train/null_q95_1", in_sample.null_q95_r1, 0
    if interpretation is not None and interpretation.split_half is not None:
        yield "stability/genes_cosine", interpretation.split_half.x_loadings.median, 0
        yield "stability/brain_cosine", interpretation.split_half.y_loadings.median, 0
    for k, rho in enumerate(held_out.rho, start=1):
        yield "spectrum/heldout_rho", rho, k
    for k, value in enumerate(r, start=1):
        yield "spectrum/train_rho", value, k


def make_tables(alignment: Alignment) -> dict[str, Columns]:
    """Columns by table name; the same names in every run make a table across runs."""
    summary = alignment.summary
    held_out, in_sample = summary.held_out, summary.in_sample
    n = len(in_sample.canonical_correlations)
    correlations: dict[str, Sequence[float | None]] = {
        "component": range(1, n + 1),
        "in_sample": in_sample.canonical_correlations,
        "held_out": held_out.rho,
        "held_out_p": held_out.p,
        "held_out_p_fwer": held_out.p_fwer,
        "held_out_null_q95": held_out.null_q95,
    }
    padded: Columns = {name: [*values, *[None] * (n - len(values))] for name, values in correlations.items()}
    genes = sorted(summary.gene_loadings, key=lambda loading: loading.rank)
    features = sorted(summary.roi_loadings, key=lambda loading: loading.rank)
    listed = {
        "gene_loadings": _columns(genes),
        "roi_loadings": _columns(features),
        "confounds": _columns(summary.confounds or ()),
    }
    return {"canonical_correlations": padded, **{name: columns for name, columns in listed.items() if columns}}


def comparison_tables(results: Results) -> Tables:
    """One row an arm and view, one a difference of two arms, and one an arm by itself where arms are compared."""
    found = results.comparison
    if found is None:
        return {}
    return long_tables(
        comparison=[cells(row) for row in found.rows],
        arm_differences=[cells(one) for one in found.differences],
        arms=[cells(one) | ({} if one.cost is None else cells(one.cost)) for one in found.arms or ()],
        arms_alike=[cells(one) for one in found.alike or ()],
    )


def _columns(items: Sequence[GeneLoading | FeatureLoading | ConfoundTaken]) -> Columns:
    """Fields of loadings or confounds, in this order."""
    listed = [plain(item) for item in items]
    return {key: [row[key] for row in listed] for key in listed[0]} if listed else {}


def list_artifacts(results: Results, alignment: Alignment) -> list[tuple[Path, str]]:
    """File and artifact folder of everything that a run keeps; held-out scores of subjects are never among them. The
    report lies with the run that holds all alignments."""
    kinds = FIGURE_KINDS if alignment.summary.held_out.trace is None else (*FIGURE_KINDS, "trace")
    names = ["overview", *(f"{alignment.name}__{kind}" for kind in kinds)]
    drawn = [results.path / "figures" / f"{name}{suffix}" for name in names for suffix in (".svg", ".csv")]
    return [
        *((path, "figures") for path in drawn),
        *((path, "tables") for path in sorted(alignment.folder.glob("*.csv"))),
        (results.path / "config" / "resolved.yaml", "config"),
        (results.path / "env.json", ""),
        (results.path / "splits.json", ""),
        (alignment.folder / "alignment.json", ""),
        (alignment.folder / "null_draws.npz", ""),
    ]
