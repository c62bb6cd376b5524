"""What the keys of a configuration mean: in words, and as a schema that agrees with what is read."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from analyses.config.file import load_config
from analyses.config.json_schema import json_schema
from analyses.config.reference import explain, list_keys
from analyses.errors import InputError
from tests.conftest import REPOSITORY

_RUNS = [REPOSITORY / "configs" / "demo.yaml", *sorted((REPOSITORY / "configs" / "experiments").glob("*.yaml"))]


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    written = json_schema()
    jsonschema.Draft202012Validator.check_schema(written)
    return jsonschema.Draft202012Validator(written)


def test_every_key_says_what_it_means_in_a_sentence() -> None:
    keys = list_keys()
    assert len({key.path for key in keys}) == len(keys) > 100
    assert all(key.meaning[0].isprintable() and key.meaning.endswith(".") for key in keys)


@pytest.mark.parametrize(
    "wanted", ["alignment.projection", "projection", "brain.NAME.nan", "brain.mine.nan", "brain.nan"]
)
def test_a_key_is_found_as_a_user_writes_it(wanted: str) -> None:
    said = explain(wanted)
    assert said.startswith(("alignment.projection  (", "brain.NAME.nan  ("))
    assert said.count("\n    ") >= 1


def test_a_section_shows_what_it_holds_and_nothing_shows_all() -> None:
    assert "folds.n_splits  (integer at least 2; default 5)" in explain("folds")
    assert explain(None).count("(section)") > 10


def test_a_key_that_is_none_is_answered_by_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean projection"):
        explain("projecton")


@pytest.mark.parametrize("path", _RUNS, ids=lambda path: path.stem)
def test_what_is_shipped_holds_by_the_schema(schema: jsonschema.Draft202012Validator, path: Path) -> None:
    assert [error.message for error in schema.iter_errors(yaml.safe_load(path.read_text("utf-8")))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"genome": {"reference": ["a.fa", "b.fa"], "annotation": "g.gtf", "variants": "v.bcf", "genes": "all.txt"}},
        {
            "brain": {
                "t": {"path": "b.csv", "connectivity": "tangent", "harmonize": "site", "missing_codes": [-9, "NA"]}
            }
        },
        {"confounds": [{"column": "site", "kind": "categorical"}], "workers": "${WORKERS:-2}"},
        {"workers": 0},
        {"experiment": "compar"},
        {"brain": {"t": {"path": "b.csv", "nan": "fill"}}},
        {"alignment": {"x_dimensions": "many"}},
        {"sede": 3},
        {"brain": {"t": {"path": "b.csv", "include": "lh_*"}}},
    ],
    ids=lambda change: "-".join(change),
)
def test_the_schema_accepts_what_is_read_and_nothing_else(
    schema: jsonschema.Draft202012Validator, minimal: Path, change: dict[str, Any]
) -> None:
    given = yaml.safe_load(minimal.read_text()) | change
    if "harmonize" in str(change):
        given["confounds"] = [{"column": "site", "kind": "categorical"}]
    minimal.write_text(yaml.safe_dump(given))
    try:
        load_config(minimal)
        is_read = True
    except InputError:
        is_read = False
    assert schema.is_valid(given) == is_read
