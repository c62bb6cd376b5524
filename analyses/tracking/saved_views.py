"""Views of the MLflow runs table that open on the headline number, and the links to them.

The table opens without any metric column. A view is an experiment tag that the interface itself writes when a user
shares one; its layout is undocumented and was read from MLflow 3.17. A link without its tag still opens the runs.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyses.tracking.saved_charts import SavedChart, charts_state

_TAG = "mlflow.sharedViewState."
_VERSIONS = ("3.17.",)
NOTE = (
    "`heldout/rho_1` is primary: the correlation of the first component in subjects that took no part in fitting. Read "
    "it beside `perm/null_q95_1` and `perm/p_corrected_1`. `train/rho_1` is fitted: compare it with `train/null_q95_1` "
    "only. `diff/rc_equiv_minus_avg` is RC-equivariant minus averaged, `p_corrected/rc_equiv_minus_avg` its p. "
    "Each run's `report.html` is among its artifacts; child runs are folds."
)


@dataclass(frozen=True, slots=True)
class SavedView:
    """Columns, order and grouping of the runs table, and the charts of its other tab."""

    key: str
    name: str
    columns: Sequence[str]
    order_by: str
    search: str = "tags.stage = 'alignment'"  # folds are child runs and would be counted and averaged too
    group_by: str | None = None
    charts: Sequence[SavedChart] = ()

    def tag(self, now_ms: int) -> tuple[str, str]:
        """Name and value of the experiment tag that stores this view; `now_ms` is Unix time in milliseconds."""
        packed = base64.b64encode(zlib.compress(json.dumps(self._state()).encode(), 9)).decode()
        stored = {"name": self.name, "createdAt": now_ms, "updatedAt": now_ms, "state": f"deflate;{packed}"}
        return f"{_TAG}{self.key}", json.dumps(stored)

    def _state(self) -> Mapping[str, object]:
        grouping = {"mode": "param", "groupByData": self.group_by}
        return {
            "searchFilter": self.search,
            "orderByKey": self.order_by,
            "orderByAsc": False,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": list(self.columns),
            "runsHiddenMode": "FIRST_20_RUNS",
            "groupBy": {"aggregateFunction": "average", "groupByKeys": [grouping]} if self.group_by else None,
            **charts_state(self.charts),
        }


_RC_MODE = "encoder.rc_mode"
STRANDS = "strands"
"""Groups have the colour of a checksum of this name and their value: by `encoder.rc_mode` two of them share one."""
_ORDER = "metrics.`heldout/rho_1`"
_NULL = "metrics.`perm/null_q95_1`"
_DECIDES = "metrics.`perm/p_corrected_1`"
_HELD_OUT = SavedChart("BAR", ["heldout/rho_1"], "Held-out correlation")
_NEEDED = SavedChart("BAR", ["perm/null_q95_1"], "95 % point of its null")
_P = SavedChart("BAR", ["perm/p_corrected_1"], "p, corrected")
_AGAINST_NULL = SavedChart("SCATTER", ["perm/null_q95_1", "heldout/rho_1"], "Held-out correlation against its null")
_SPECTRUM = SavedChart("LINE", ["spectrum/heldout_rho"], "Held-out correlation by component")
SUMMARY = SavedView(
    key="alignment-summary",
    name="Alignments",
    columns=(
        *(_ORDER, _NULL, _DECIDES, "metrics.`place`"),  # by the alphabet in the table, all before its edge
        *("params.`encoder.name`", f"params.`{_RC_MODE}`", "params.`brain.view`", "params.`brain.role`"),
    ),
    order_by=_ORDER,
    charts=(_HELD_OUT, _NEEDED, _P, _AGAINST_NULL, _SPECTRUM),
)
BY_RC_MODE = SavedView(
    key="rc-equivariant-vs-averaged",
    name="RC-equivariant vs averaged",
    columns=(
        *("metrics.`diff/rc_equiv_minus_avg`", _ORDER, "metrics.`p_corrected/rc_equiv_minus_avg`", _DECIDES),
        *("params.`encoder.name`", "params.`brain.view`"),
    ),
    order_by=_ORDER,
    search="tags.stage = 'alignment' and params.`brain.role` = 'test'",  # a control would dilute the averages
    group_by=STRANDS,
    charts=(_HELD_OUT, SavedChart("BAR", ["diff/rc_equiv_minus_avg"], "RC-equivariant minus averaged"), _P),
)
EXPERIMENTS = SavedView(
    key="experiments",
    name="Experiments of this cohort",
    columns=(
        *("metrics.`best/heldout_rho_1`", "metrics.`best/p_corrected`", "tags.`best_arm`", "params.`experiment`"),
        *(f"metrics.`{kind}/rc_equiv_minus_avg`" for kind in ("diff", "p_corrected")),
        *(f"metrics.`{kind}/trained_minus_untrained`" for kind in ("diff", "p_corrected")),
    ),
    order_by="attributes.`start_time`",
    search="tags.stage = 'experiment'",
    charts=(
        SavedChart("BAR", ["best/heldout_rho_1"], "Largest held-out correlation"),
        SavedChart("BAR", ["best/p_corrected"], "p, corrected"),
    ),
)
TRIALS = SavedView(
    key="trials",
    name="Trials of a search",
    columns=(
        "metrics.`inner/rho_1`",
        "params.`n_components`",
        "params.`penalty`",
        "params.`pooling`",
        "params.`layer`",
    ),
    order_by="metrics.`inner/rho_1`",
    search="tags.stage = 'trial'",
    charts=(SavedChart("BAR", ["inner/rho_1"], "Correlation in inner folds"),),
)
ALL = (SUMMARY, BY_RC_MODE, EXPERIMENTS, TRIALS)
_OPENS_ON = {"align": SUMMARY, "compare": SUMMARY, "pooling": SUMMARY, "rc": BY_RC_MODE, "dims": TRIALS, "tune": TRIALS}


def view_of(experiment: str) -> SavedView:
    """The view that shows what an experiment asks: alignments, trials, or the experiments themselves."""
    return _OPENS_ON.get(experiment, EXPERIMENTS)


def views_supported(mlflow_version: str) -> bool:
    """Whether saved views are known to work in this MLflow."""
    return mlflow_version.startswith(_VERSIONS)


def deep_link(interface: str, experiment_id: str, view: SavedView = SUMMARY) -> str:
    """Address of the runs table of one experiment, opened in a saved view.

    Parameters
    ----------
    interface : str
        Root of the MLflow interface, e.g. ``http://127.0.0.1:5000``.
    experiment_id : str
    view : SavedView
    """
    query = f"workflowType=machine_learning&viewStateShareKey={view.key}"
    return f"{interface}/#/experiments/{experiment_id}/runs?{query}"
