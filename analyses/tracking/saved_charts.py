"""The charts that a saved view opens with, as MLflow's interface keeps them: the ones that decide, before all others.

Without a choice the interface draws one chart for every metric, forty of them, by the alphabet. Its layout of cards is
undocumented and was read from MLflow 3.17; a version that does not know them shows its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

_DECIDING = "What decides"
_FOLDED = ("best", "dependence", "diff", "heldout", "inner", "perm", "spectrum", "stability", "train", "Model metrics")
"""Sections that the interface makes from the metrics' names; they are there, folded."""
_MOST_RUNS, _COLUMNS = 20, 2


@dataclass(frozen=True, slots=True)
class SavedChart:
    """One card.

    Attributes
    ----------
    kind : {"BAR", "LINE", "SCATTER"}
        A bar for each run; metrics by component; one metric against another.
    metrics : sequence of str
        One of a bar, all of a line, x and y of a scatter.
    title : str
    """

    kind: Literal["BAR", "LINE", "SCATTER"]
    metrics: Sequence[str]
    title: str


def charts_state(charts: Iterable[SavedChart]) -> Mapping[str, object]:
    """Keys of a view's state by which its charts tab opens on these; none where none are chosen."""
    cards = [_card(number, chart) for number, chart in enumerate(charts)]
    if not cards:
        return {}
    sections = [_section(_DECIDING, is_open=True), *(_section(name, is_open=False) for name in _FOLDED)]
    return {"compareRunCharts": cards, "compareRunSections": sections, "isAccordionReordered": True}


def _section(name: str, *, is_open: bool) -> Mapping[str, object]:
    own = {"uuid": _key(name), "name": name, "display": is_open, "isReordered": True}
    return own | {"deleted": False, "isGenerated": False, "columns": _COLUMNS}


def _card(number: int, chart: SavedChart) -> Mapping[str, object]:
    card: dict[str, object] = {
        "type": chart.kind,
        "uuid": f"genebrain-chart-{number}",
        "metricSectionId": _key(_DECIDING),
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": _MOST_RUNS,
        "displayName": chart.title,
    }
    first, *others = chart.metrics
    if chart.kind == "SCATTER":
        return card | {"xaxis": {"key": first, "type": "METRIC"}, "yaxis": {"key": others[0], "type": "METRIC"}}
    if chart.kind == "BAR":
        return card | {"metricKey": first}
    return card | {
        "metricKey": first,
        "selectedMetricKeys": list(chart.metrics),
        "xAxisKey": "step",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "useGlobalXaxisKey": False,
        "lineSmoothness": 0,
        "useGlobalLineSmoothing": False,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "selectedXAxisMetricKey": "",
        "ignoreOutliers": False,
        "displayPoints": True,
        "range": {},
    }


def _key(name: str) -> str:
    return f"genebrain-{name.lower().replace(' ', '-')}"
