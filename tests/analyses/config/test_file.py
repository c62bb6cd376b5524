"""Configuration: unknown keys, overrides, paths, and every file that ships."""

from pathlib import Path

import pytest
import yaml

from analyses.config.file import load_config, resolved_yaml
from analyses.errors import InputError

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def test_every_shipped_configuration_loads() -> None:
    paths = [CONFIGS / "demo.yaml", *sorted((CONFIGS / "experiments").glob("*.yaml"))]
    assert len(paths) >= 3
    names = [load_config(path, variables={"GENEBRAIN_REAL_DATA": "data"}).name for path in paths]
    assert len(set(names)) == len(names)


def test_input_paths_follow_the_file_and_output_paths_the_current_folder(minimal: Path) -> None:
    config = load_config(minimal)
    assert config.genome.reference == (minimal.parent / "ref.fa",)
    assert config.output == Path.cwd() / "out"


def test_the_site_that_others_are_harmonised_to_is_no_path(minimal: Path) -> None:
    views = {"t": {"path": "b.csv", "harmonize": {"site": "site", "reference": "Oslo"}}, "harmonize": {"path": "c.csv"}}
    tree = yaml.safe_load(minimal.read_text()) | {"brain": views, "confounds": "C(site)"}
    minimal.write_text(yaml.safe_dump(tree))
    brain = load_config(minimal).brain
    assert brain["t"].harmonize is not None
    assert brain["t"].harmonize.reference == "Oslo"
    assert brain["harmonize"].path == minimal.parent / "c.csv"


@pytest.mark.parametrize(
    ("line", "suggestion"),
    [
        ("sede: 3", "'sede'; did you mean 'seed'"),
        ("alignment: {n_permutation: 99}", "'alignment.n_permutation'; did you mean 'n_permutations'"),
        ("brain: {thickness: {path: a, includ: x}}", "'brain.thickness.includ'; did you mean 'include'"),
        ("encoders: [{name: a, encoder: b, poling: cls}]", "'encoders.0.poling'; did you mean 'pooling'"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(minimal: Path, line: str, suggestion: str) -> None:
    tree = yaml.safe_load(minimal.read_text()) | yaml.safe_load(line)
    minimal.write_text(yaml.safe_dump(tree))
    with pytest.raises(InputError, match=suggestion):
        load_config(minimal)


def test_overrides_reach_sections_and_list_items(minimal: Path) -> None:
    config = load_config(minimal, ["alignment.n_permutations=199", "encoders.0.options.k=5", "seed=11"])
    assert config.alignment.n_permutations == 199
    assert config.encoders[0].options["k"] == 5
    assert config.seed == 11


def test_an_override_may_name_arm_files() -> None:
    files = ["encoders/untrained-dnabert2-rc.yaml", "encoders/untrained-caduceus-ps.yaml"]
    config = load_config(CONFIGS / "demo.yaml", [f"encoders={files}"])
    assert [arm.encoder for arm in config.encoders] == ["untrained:dnabert2", "untrained:caduceus-ps"]


@pytest.mark.parametrize("assignment", ["seed", "encoders.4.name=x", "name.first=x"])
def test_an_override_that_leads_nowhere_is_refused(minimal: Path, assignment: str) -> None:
    with pytest.raises(InputError, match="--set"):
        load_config(minimal, [assignment])


def test_a_variable_without_value_is_named(minimal: Path) -> None:
    minimal.write_text(minimal.read_text().replace("ref.fa", "${GENEBRAIN_NOT_SET_ANYWHERE}/ref.fa"))
    with pytest.raises(InputError, match="GENEBRAIN_NOT_SET_ANYWHERE"):
        load_config(minimal)


def test_extends_overrides_single_keys(minimal: Path) -> None:
    other = minimal.with_name("other.yaml")
    other.write_text("extends: small.yaml\nname: other\nbrain: {thickness: {include: ['lh_*']}}\n")
    config = load_config(other)
    assert config.name == "other"
    assert config.brain["thickness"].include == ("lh_*",)
    assert config.brain["thickness"].path == minimal.parent / "brain.csv"


def test_a_file_to_extend_whose_name_is_too_long_is_refused(minimal: Path) -> None:
    minimal.write_text(f"extends: {'b' * 300}.yaml\n{minimal.read_text('utf-8')}", "utf-8")
    with pytest.raises(InputError, match="as short as its file system allows"):
        load_config(minimal)


def test_the_resolved_configuration_reads_back_equal(minimal: Path, tmp_path: Path) -> None:
    config = load_config(minimal, ["alignment.min_ratio=7"])
    again = tmp_path / "resolved.yaml"
    again.write_text(resolved_yaml(config))
    assert load_config(again) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("encoders.0.name=a b", "letters, digits"),
        ("alignment.n_permutations=3", "must be 19 or more"),
        ("genome.unphased=maybe", "'as-written'"),
        ("workers=0", "must be 1 or more"),
    ],
)
def test_a_value_out_of_range_is_named(minimal: Path, change: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_config(minimal, [change])


@pytest.mark.parametrize("folder", ["a #1", "b: c", "d 'e' [f]", "{g}"])
def test_a_folder_of_any_name_can_be_given_by_variable_and_override(minimal: Path, folder: str) -> None:
    minimal.write_text(minimal.read_text().replace("ref.fa", "${HERE}/ref.fa"))
    config = load_config(minimal, [f"output=/{folder}/out"], variables={"HERE": f"/{folder}"})
    assert config.genome is not None
    assert config.genome.reference == (Path(f"/{folder}/ref.fa"),)
    assert config.output == Path(f"/{folder}/out")


def test_a_variable_may_hold_a_number_or_a_list(minimal: Path) -> None:
    minimal.write_text(minimal.read_text() + "seed: ${SEED:-7}\n")
    assert load_config(minimal).seed == 7
    assert load_config(minimal, variables={"SEED": "12"}).seed == 12


CONFOUNDS = (
    "[{column: age, kind: spline, df: 3}, {column: sex, kind: categorical}, {column: site, kind: categorical}, age:sex]"
)


def test_an_outcome_leaves_the_confounds_of_whichever_file_names_them(minimal: Path) -> None:
    minimal.write_text(f"{minimal.read_text()}confounds: {CONFOUNDS}\n")
    other = minimal.with_name("other.yaml")
    other.write_text("extends: small.yaml\nconfounds_without: [sex]\n")
    config = load_config(other)
    assert list(config.confound_columns) == ["age", "site"]
    other.write_text(resolved_yaml(config))
    assert load_config(other) == config


@pytest.mark.parametrize(
    ("confounds", "held"),
    [
        ("age + age:C(sex) + C(sex)", "age:C\\(sex\\)"),
        ("[{column: age, by: sex}, {column: sex, kind: categorical}]", "slopes"),
    ],
)
def test_a_column_within_an_entry_is_not_taken_out(minimal: Path, confounds: str, held: str) -> None:
    minimal.write_text(f"{minimal.read_text()}confounds: {confounds}\nconfounds_without: [sex]\n")
    with pytest.raises(InputError, match=f"'sex' is part of .*{held}"):
        load_config(minimal)
