"""Whether the numbers of one alignment can be of one analysis: a folder may come from anybody, and be damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from analyses.errors import InputError
from analyses.results.schema.alignments import AlignmentSummary

_ROUNDING = 1e-9


def check_consistent(summary: AlignmentSummary, path: Path) -> None:
    """Raise InputError unless components have all their values, and correlations, p and counts are such.

    Parameters
    ----------
    summary : AlignmentSummary
    path : Path
        The file that it was read from.
    """
    wrong = next(_wrong(summary), None)
    if wrong is not None:
        raise InputError(
            f"{path} must hold the numbers of one alignment; {wrong}: get the results again, or align again."
        )


def _wrong(summary: AlignmentSummary) -> Iterator[str]:
    held_out, in_sample = summary.held_out, summary.in_sample
    components = {
        "rho": held_out.rho, "p": held_out.p, "p_fwer": held_out.p_fwer, "interval": held_out.interval,
        "null_mean": held_out.null_mean, "null_q95": held_out.null_q95,
    }  # fmt: skip
    lengths = {name: len(values) for name, values in components.items()}
    if len(set(lengths.values())) > 1 or not held_out.rho:
        yield f"held_out has {', '.join(f'{n} {name}' for name, n in lengths.items())}"
    if not in_sample.canonical_correlations or not in_sample.p_fwer:
        yield "in_sample has no component"
    folds = {len(one) for one in held_out.rho_by_fold}
    if folds - {len(held_out.rho)} or len(held_out.rho_by_fold) != held_out.n_splits:
        yield f"rho_by_fold is not one value a component in each of {held_out.n_splits} folds"
    for name, rhos in (("held_out", held_out.rho), ("in_sample", in_sample.canonical_correlations)):
        if odd := [rho for rho in rhos if not abs(rho) <= 1 + _ROUNDING]:
            yield f"{name} has the correlation {odd[0]:g}"
    for p in (*held_out.p, *held_out.p_fwer, *in_sample.p_fwer):
        if p is not None and not 0 < p <= 1 + _ROUNDING:
            yield f"a p is {p:g}"
    counts = {"subjects": summary.n.subjects, "permutations": held_out.n_permutations, "folds": held_out.n_splits}
    yield from (f"the number of {name} is {n}" for name, n in counts.items() if n < 1)
