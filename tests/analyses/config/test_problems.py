"""All that is wrong with a configuration is said at once, with the line it stands in."""

from pathlib import Path

import pytest

from analyses.config.file import load_config
from analyses.config.yaml_text import find_line
from analyses.errors import InputError

_FAULTS = """sede: 3
experiment: compar
workers: 0
genome: {reference: a.fa, annotation: b.gtf, varaints: c.vcf.gz}
brain:
  volumes:
    path: x.csv
    nan: fill
alignment:
  x_dimensions: many
encoders:
  - {name: a, encoder: kmer-spectrum, poling: cls}
"""


def test_every_problem_has_its_line_and_they_come_in_order(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(_FAULTS)
    with pytest.raises(InputError) as caught:
        load_config(file)
    heading, *problems = str(caught.value).split("\n  ")
    assert heading == f"{file}: 8 problems:"
    lines = [int(problem.removeprefix("line ").partition(":")[0]) for problem in problems]
    assert lines == [1, 2, 3, 4, 4, 8, 10, 12]
    for key in ("sede", "experiment", "workers", "genome.varaints", "brain.volumes.nan", "encoders.0.poling"):
        assert any(key in problem for problem in problems)
    assert "'many'" in problems[6]
    assert "must be a whole number" in problems[6]
    assert "'auto'" in problems[6]


def test_what_an_override_says_has_no_line_of_the_file(minimal: Path) -> None:
    with pytest.raises(InputError, match=r"small\.yaml: --set: alignment\.n_permutations: .* got 3"):
        load_config(minimal, ["alignment.n_permutations=3"])


def test_a_fault_in_the_file_that_is_extended_is_told_without_a_line_of_the_other(minimal: Path) -> None:
    other = minimal.with_name("other.yaml")
    minimal.write_text(minimal.read_text() + "workers: 0\n")
    other.write_text("# one\n# two\nextends: small.yaml\nname: other\n")
    with pytest.raises(InputError, match=r"other\.yaml: workers: .*got 0"):
        load_config(other)


@pytest.mark.parametrize("before", [0, 1, 5])
def test_lines_are_counted_as_editors_do_whatever_variables_hold(tmp_path: Path, before: int) -> None:
    file = tmp_path / "study.yaml"
    file.write_text("# nothing\n" * before + "a: {b: ${X:-[1, 2]}, c: 1}\nd:\n  - 1\n  - e: 2\n")
    assert find_line(file, ("a", "c")) == before + 1
    assert find_line(file, ("d", 1, "e")) == before + 4
    assert find_line(file, ("d", 1, "lacks")) == before + 4
    assert find_line(file, ("lacks",)) is None


def test_missing_files_are_named_together(minimal: Path) -> None:
    from analyses.run.keys import input_files

    with pytest.raises(InputError) as caught:
        input_files(load_config(minimal))
    for name in ("ref.fa", "genes.gtf", "a.vcf.gz", "brain.csv"):
        assert f"{minimal.parent / name} does not exist. Correct the path." in str(caught.value)


def test_who_lacks_the_demo_cohort_is_told_what_writes_it(minimal: Path) -> None:
    from analyses.run.keys import input_files

    where = minimal.parent / "results" / "demo" / "cohort"
    config = load_config(minimal, [f"genome.reference={where / 'reference.fa'}"])
    with pytest.raises(InputError) as caught:
        input_files(config)
    assert f"{where / 'reference.fa'} does not exist. `genebrain demo` writes the demo's cohort" in str(caught.value)
