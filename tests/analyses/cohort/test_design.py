"""Labels of participants that say who belongs together."""

import pandas as pd
import pytest

from analyses.cohort.labels import read_labels
from analyses.errors import InputError

IDS = ["s1", "s2", "s3", "s4"]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA], ids=["none", "nan", "NA"])
def test_a_subject_without_a_label_is_named(missing: object) -> None:
    covariates = pd.DataFrame({"scanner": ["A", missing, "B", missing]}, IDS)
    with pytest.raises(InputError, match=r"folds.group needs a label .* 'scanner' is empty for 2 of 4, first s2:"):
        read_labels(covariates, "scanner", key="folds.group")


def test_labels_are_text_of_whatever_kind_they_were() -> None:
    assert read_labels(pd.DataFrame({"family": [3, 1, 3, 2]}, IDS), "family", key="k").tolist() == ["3", "1", "3", "2"]
