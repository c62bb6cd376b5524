"""The flow of a cohort in words, and levels that differ by case alone."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from analyses.cohort.flow import describe_flow
from analyses.cohort.levels import check_levels
from analyses.cohort.subjects import Cohort
from analyses.errors import InputError

OVERLAP = [
    {"table": "genotypes", "n": 170, "in_all": 160, "dropped": {"not in brain thick": 10}},
    {"table": "brain thick", "n": 160, "in_all": 160, "dropped": {}},
]


def test_who_is_in_all_tables_is_not_who_is_analysed() -> None:
    cohort = Cohort(
        subject_ids=tuple(f"s{i}" for i in range(116)),
        covariates=pd.DataFrame(),
        brain={},
        overlap=cast("list[dict[str, Any]]", OVERLAP),
        exclusions=[{"reason": "missing site (written 'NA')", "n": 44}],
        remarks=("brain thick: roi3 (-9999)",),
    )
    assert describe_flow(cohort) == [
        "170 subjects in genotypes (10 not in brain thick)",
        "160 subjects in brain thick",
        "160 subjects are in all tables",
        "44 left out: missing site (written 'NA')",
        "116 subjects are analysed",
        "brain thick: roi3 (-9999)",
    ]


def test_levels_that_differ_by_case_alone_are_refused() -> None:
    config: Any = SimpleNamespace(
        confound_columns={"sex": "categorical"},
        brain={},
        experiment="align",
        reads_outcome=False,
        cohort=SimpleNamespace(family_column=None, kinship_column=None),
        folds=SimpleNamespace(group=None, stratify=None),
        alignment=SimpleNamespace(exchangeable_within=None),
    )
    with pytest.raises(InputError, match=r"'F' \(2 subjects\) and 'f' \(1 subjects\)"):
        check_levels(config, pd.DataFrame({"sex": ["F", "f", "M", "F"]}))
    check_levels(config, pd.DataFrame({"sex": ["F", "F", "M", None]}))
    with pytest.raises(InputError, match="differ by more than how a letter is encoded"):
        check_levels(config, pd.DataFrame({"sex": ["m\u00e4nnlich", "ma\u0308nnlich", "weiblich"]}))
