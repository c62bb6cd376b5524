"""Results as DataFrames: one column a field, one row an item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analyses.results.serialisation import plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from analyses.results.headlines import Headline
    from analyses.results.schema.alignments import AlignmentSummary


def rows(items: Sequence[object]) -> pd.DataFrame:
    """Parts of a result, [n_items, n_fields]; columns named as in the file."""
    import pandas as pd

    return pd.DataFrame([plain(item) for item in items])


def flat_rows(items: Sequence[object]) -> pd.DataFrame:
    """As `rows`, with a column for every nested field, named by its path (``cost.seconds``)."""
    import pandas as pd

    return pd.json_normalize([plain(item) for item in items])


def labelled_rows(groups: Iterable[tuple[AlignmentSummary, Sequence[object]]]) -> pd.DataFrame:
    """Parts of several alignments below one another, each with its ``arm`` and ``view``."""
    import pandas as pd

    labelled = ((summary, plain(item)) for summary, items in groups for item in items)
    return pd.DataFrame([{"arm": summary.arm, "view": summary.view, **item} for summary, item in labelled])


def headline_table(headlines: Sequence[Headline]) -> pd.DataFrame:
    """One row per alignment, as `analyses.results.folder.Results.table` says."""
    import pandas as pd

    return pd.DataFrame([_headline_row(headline) for headline in headlines])


def _headline_row(headline: Headline) -> dict[str, Any]:
    summary = headline.summary
    return {
        "arm": summary.arm,
        "arm_label": summary.arm_label,
        "view": summary.view,
        "role": summary.role,
        "trained": summary.trained,
        "rho": headline.rho,
        "low": headline.interval[0],
        "high": headline.interval[1],
        "null_q95": summary.held_out.first_null_q95,
        "p": headline.p,
        "p_corrected": headline.p_corrected,
        "trace": None if headline.trace is None else headline.trace.value,
        "trace_p_corrected": headline.trace_p_corrected,
        "in_sample_r1": summary.in_sample.canonical_correlations[0],
        "in_sample_null_q95": summary.in_sample.null_q95_r1,
        "detectable": summary.detectability.rho_c,
        "n_subjects": summary.n.subjects,
        "n_effective": summary.n.n_effective,
        "x_cca": summary.dimensions.x_cca,
        "y_cca": summary.dimensions.y_cca,
    }


def fold_table(summaries: Sequence[AlignmentSummary]) -> pd.DataFrame:
    """Held-out correlations by fold and component, both counted from 1."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"arm": summary.arm, "view": summary.view, "fold": fold, "component": component, "rho": rho}
            for summary in summaries
            for fold, of_fold in enumerate(summary.held_out.rho_by_fold, start=1)
            for component, rho in enumerate(of_fold, start=1)
        ]
    )


def draw_table(draws: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Draws [n_draws] of each alignment as columns."""
    import pandas as pd

    return pd.DataFrame(dict(draws)).rename_axis("draw")
