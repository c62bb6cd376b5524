"""What a view tells of covariates: accuracies and correlations apart, chance beside every row."""

from analyses.figures.audit import leak_figure
from analyses.results.schema.experiments.audits import CorrectedPrediction, CovariateLeak


def _leak(target: str, metric: str, chance: float, before: float) -> CovariateLeak:
    told = CorrectedPrediction(score=before, null_mean=chance, null_q95=chance + 0.1, p=0.2, q=0.3)
    after = CorrectedPrediction(score=chance, null_mean=chance, null_q95=chance + 0.1, p=0.5, q=0.6)
    return CovariateLeak(
        side="genes", view="kmer-5", target=target, metric=metric, chance=chance, removed=True, before=told, after=after
    )


def test_accuracies_and_correlations_never_share_an_axis() -> None:
    rows = [
        _leak("age", "correlation", 0.0, 0.4),
        _leak("sex", "balanced accuracy", 0.5, 0.8),
        _leak("PC1", "correlation", 0.0, 0.9),
        _leak("site", "balanced accuracy", 0.25, 0.6),
    ]
    numbers, categories = leak_figure(rows).axes
    assert numbers.get_xlabel() == "held-out correlation"
    assert categories.get_xlabel() == "held-out balanced accuracy"
    assert [label.get_text() for label in categories.get_yticklabels()] == ["kmer-5: sex", "kmer-5: site"]
    for axes, chance, before in ((numbers, [0.0, 0.0], [0.4, 0.9]), (categories, [0.5, 0.25], [0.8, 0.6])):
        drawn = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
        assert drawn["chance"] == chance
        assert drawn["before confounds are removed"] == before


def test_covariates_of_one_kind_have_one_panel() -> None:
    (axes,) = leak_figure([_leak("sex", "balanced accuracy", 0.5, 0.8)]).axes
    assert axes.get_xlim()[0] == 0
