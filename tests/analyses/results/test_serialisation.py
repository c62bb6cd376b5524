"""What is written is read back the same, what was written before the format had a number too, and nothing newer."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyses.errors import InputError
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import ArmsDescription, Comparison
from analyses.results.schema.experiments import AuditResult, DimsResult, ReplicateResult, TuneResult
from analyses.results.schema.meta_analyses import MetaResult
from analyses.results.schema.planted_links import PlantedLink
from analyses.results.schema.runs import RunRecord
from analyses.results.serialisation import FORMAT, from_json, plain, read_json, read_result, to_json
from analyses.results.workspace import Workspace
from encoders.dna.protocol import EncoderSpec
from tests.analyses.example_alignment import ARMS, make_alignment

BEFORE = Path(__file__).parent / "written_before_format"
WRITTEN: dict[str, type[Any]] = {
    "run.json": RunRecord,
    "alignments/kmer-5__thickness/alignment.json": AlignmentSummary,
    "comparison.json": Comparison,
    "comparison/arms.json": ArmsDescription,
    "experiments/audit.json": AuditResult,
    "experiments/dims.json": DimsResult,
    "experiments/tune.json": TuneResult,
}

# Of results, floats are finite and options of an encoder sorted by unique names.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(
    EncoderSpec,
    st.builds(
        EncoderSpec,
        family=st.text(),
        rc_mode=st.sampled_from(["forward", "average", "equivariant", "invariant"]),
        max_bp=st.none() | st.integers(1, 10**6),
        options=st.dictionaries(st.text(), st.text()).map(lambda found: tuple(sorted(found.items()))),
    ),
)


def example() -> AlignmentSummary:
    return make_alignment(ARMS[0], "linked", strength=0.3, rng=np.random.default_rng(5))[0]


RENAMED = {
    "n_windows_per_haplotype": "n_windows",
    "n_haplotype_windows": "n_sequences_total",
    "n_distinct_windows": "n_distinct",
}


#: Came after files had a format.
LATER: tuple[type[Any], ...] = (ReplicateResult, MetaResult)


@pytest.mark.parametrize("kind", [*WRITTEN.values(), *LATER], ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_result_is_read_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    result = data.draw(st.from_type(kind))
    assert from_json(kind, json.loads(json.dumps(to_json(result), allow_nan=False)), source="memory") == result


@pytest.mark.parametrize(("name", "kind"), WRITTEN.items())
def test_a_file_from_before_the_format_holds_the_same_values_key_by_key(name: str, kind: type[Any]) -> None:
    content = json.loads((BEFORE / name).read_text())
    assert "format" not in content
    if name == "run.json":  # the only keys that changed their names with the format
        for new, old in RENAMED.items():
            content["genome"][new] = content["genome"].pop(old)
        content["cohort"]["remarks"] = []  # nothing was remarked then
    assert to_json(read_result(kind, BEFORE / name)) == content | {"format": FORMAT}


def test_numbers_and_nulls_of_an_old_file_are_where_they_were() -> None:
    summary = read_result(AlignmentSummary, BEFORE / "alignments" / "kmer-5__thickness" / "alignment.json")
    assert summary.held_out.rho == (0.6554572865904472, 0.002682904916998907, 0.014715838309158348)
    assert summary.held_out.rho_by_fold[3][0] == 0.7171869059949401
    assert summary.in_sample.p_fwer == (0.001, 0.185, None, None)
    assert summary.gene_loadings[0].gene_id == "PDYN"
    assert summary.detectability.required_n.n == 1826
    run = read_result(RunRecord, BEFORE / "run.json")
    assert run.planted is not None
    assert run.planted.haplotypes is not None
    assert run.planted.haplotypes[0] == "SIRPA:8725b364955cf67b2b26d17be94844e9"
    assert run.genome is not None
    assert run.genome.reference_agreement.n_bases == 7237
    assert run.arms[0].spec.options == (("k", "5"),)
    audit = read_result(AuditResult, BEFORE / "experiments" / "audit.json")
    assert audit.duplicates.n_across_folds == 0


@pytest.mark.parametrize(("came", "shown"), [(FORMAT + 1, str(FORMAT + 1)), (99, "99"), ("1b", "1b"), (None, "None")])
def test_another_format_is_refused_with_both_numbers(tmp_path: Path, came: object, shown: str) -> None:
    path = tmp_path / "alignment.json"
    path.write_text(json.dumps(to_json(example()) | {"format": came}))
    with pytest.raises(InputError, match=f"must have format {FORMAT} or older .* it has format {shown}: "):
        read_result(AlignmentSummary, path)


@pytest.mark.parametrize("options", [None, ["k"], "k", 5])
def test_options_of_an_encoder_that_are_no_mapping_are_named(options: object) -> None:
    content = json.loads((BEFORE / "run.json").read_text("utf-8"))
    content["arms"][0]["spec"]["options"] = options
    with pytest.raises(InputError, match=r"the fields of RunRecord; at arms\.0\.spec\.options"):
        from_json(RunRecord, content, source="run.json")


def test_a_value_that_does_not_belong_is_named_by_its_place(tmp_path: Path) -> None:
    content = to_json(example())
    content["held_out"]["rho"][1] = "much"
    with pytest.raises(InputError, match=r"the fields of AlignmentSummary; at held_out\.rho\.1: "):
        from_json(AlignmentSummary, content, source="alignment.json")
    del content["n"]
    with pytest.raises(InputError, match=r"at n: must be given"):
        from_json(AlignmentSummary, content, source="alignment.json")
    with pytest.raises(InputError, match=r"at the top: "):
        from_json(AlignmentSummary, [], source="alignment.json")
    with pytest.raises(InputError, match=r"^truth\.json must hold the fields of PlantedLink; at genes: must be given"):
        from_json(PlantedLink, {"view": "thickness", "features": [], "strength": 1, "how": ""}, source="truth.json")


def test_nan_is_refused_when_written_and_leaves_no_file(tmp_path: Path) -> None:
    broken = replace(example(), held_out=replace(example().held_out, ratio_to_in_sample=math.nan))
    with pytest.raises(ValueError, match="not JSON compliant"):
        Workspace(tmp_path).write_result("alignment.json", broken)
    assert list(tmp_path.iterdir()) == []


def test_the_format_leads_the_file_and_absent_fields_stay_absent(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    text = workspace.write_result("alignment.json", replace(example(), interpretation=None)).read_text()
    assert text.startswith(f'{{\n "format": {FORMAT},\n "schema": 1,\n "arm": "kmer-5",')
    assert "interpretation" not in json.loads(text)
    assert plain(example())["in_sample"]["p_fwer"][1] is None


def test_half_of_a_letter_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "subjects.json"
    path.write_text(r'{"analysed": ["a\ud83d\ude00", "\\ud800"]}', "utf-8")
    assert read_json(path) == {"analysed": ["a\N{GRINNING FACE}", r"\ud800"]}
    path.write_text(r'{"analysed": ["a\ud83d"]}', "utf-8")
    with pytest.raises(InputError, match=r"subjects\.json must be JSON as this program writes it; .*surrogates"):
        read_json(path)
