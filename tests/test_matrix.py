"""Every leg of the matrix is told, with what it ran on; the lowest versions are those that pyproject allows."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import REPOSITORY


@pytest.fixture
def ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / ".ci"))


@pytest.fixture
def matrix(ci: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The program, with its environments in a folder of the test."""
    import matrix  # type: ignore[import-not-found]

    monkeypatch.setattr(matrix, "REPOSITORY", tmp_path)
    monkeypatch.setattr(matrix, "FOLDER", tmp_path / "matrix")
    return matrix


@pytest.fixture
def interpreters(ci: None) -> ModuleType:
    import interpreters  # type: ignore[import-not-found]

    return interpreters


def _pins(name: str) -> dict[str, Version]:
    lines = (REPOSITORY / name).read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if "==" in line]
    return {canonicalize_name(package): Version(version) for package, version in pairs}


def _requirements() -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    return [Requirement(text) for text in (*project["dependencies"], *extras["cluster"], *extras["zarr"])]


def test_the_lowest_versions_are_the_floors_of_pyproject() -> None:
    pins = _pins(".ci/constraints-lowest.txt")
    for wanted in _requirements():
        (floor,) = [Version(one.version) for one in wanted.specifier if one.operator == ">="]
        assert pins[canonicalize_name(wanted.name)] == floor, f"{wanted}: `make lowest` after a change of pyproject"


def test_the_pinned_versions_are_allowed_too() -> None:
    pins = _pins("constraints.txt")
    assert [str(one) for one in _requirements() if pins[canonicalize_name(one.name)] not in one.specifier] == []


def test_every_test_of_the_matrix_exists(ci: None) -> None:
    import matrix

    for test in matrix.TESTS:
        path, _, function = test.partition("::")
        assert (REPOSITORY / path).exists()
        assert not function or f"def {function}(" in (REPOSITORY / path).read_text("utf-8")
    assert all((REPOSITORY / leg.constraints).is_file() for leg in matrix.LEGS.values())


def test_pythons_are_found_in_pyenv_past_a_shim_that_stands_for_nothing(
    interpreters: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def program(path: Path, body: str) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    program(tmp_path / "shims" / "python3.99", "echo 'command not found' >&2; exit 127")
    for patch in (2, 10, 9):
        program(tmp_path / "versions" / f"3.99.{patch}" / "bin" / "python", "echo 3.99")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert interpreters.find_python("3.99") == tmp_path / "versions" / "3.99.10" / "bin" / "python"
    assert interpreters.find_python("3.98") is None
    own = interpreters.find_python("{}.{}".format(*sys.version_info[:2]))
    assert own is not None
    assert own.is_relative_to(sys.base_prefix)


def test_a_python_that_is_missing_is_said_and_fails_only_who_asked_for_it(
    matrix: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "find_python", lambda _: None)
    missing = matrix.run_leg("3.12")
    assert matrix.table([missing])[-1] == "3.12: Python 3.12 is neither on the PATH nor in pyenv nor known to uv."
    passed = matrix.Outcome("3.11")
    assert matrix.exit_code([passed, missing], asked=False) == 0
    assert matrix.exit_code([passed, missing], asked=True) == 1
    assert matrix.exit_code([missing], asked=False) == 1, "nothing ran"


def test_an_environment_that_cannot_be_made_fails_its_leg_with_the_reason(matrix: ModuleType, tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "install.py").write_text("raise SystemExit('make install: the wheel is missing.')")
    version = "{}.{}".format(*sys.version_info[:2])
    matrix.LEGS[version] = matrix.Leg(version, "constraints.txt")
    outcome = matrix.run_leg(version)
    assert outcome.verdict == "failed"
    assert outcome.why == ["The environment could not be made: make install: the wheel is missing."]
    assert set(outcome.seconds) == {"install"}


def test_a_leg_is_unknown(matrix: ModuleType) -> None:
    with pytest.raises(SystemExit, match=re.escape("LEGS must be among 3.11, 3.12, 3.13, lowest; got 2.7.")):
        matrix.main(["3.11", "2.7"])


def test_tests_are_counted_from_the_file_that_pytest_writes(matrix: ModuleType, tmp_path: Path) -> None:
    suite = tmp_path / "test_seven.py"
    suite.write_text(
        "import pytest\n"
        "@pytest.fixture\ndef broken():\n    raise ValueError\n"
        "@pytest.mark.parametrize('k', range(4))\ndef test_pass(k): pass\n"
        "def test_fail(): assert False\n"
        "def test_error(broken): pass\n"
        "@pytest.mark.skip\ndef test_skip(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={tmp_path / 'x.xml'}"]
    assert subprocess.run([*command, str(suite)], cwd=tmp_path, check=False, capture_output=True).returncode == 1
    assert matrix.read_counts(tmp_path / "x.xml") == {"passed": 4, "failed": 2, "skipped": 1}


def test_the_link_is_that_of_the_best_arm(matrix: ModuleType, tmp_path: Path) -> None:
    rows = [
        {"role": "test", "rho": 0.3, "p_max_t": 0.2},
        {"role": "test", "rho": 0.5, "p_max_t": 0.01},
        {"role": "negative control", "rho": 0.7, "p_max_t": 0.9},
    ]
    (tmp_path / "comparison.json").write_text(json.dumps({"rows": rows}))
    assert matrix.read_link(tmp_path / "comparison.json") == (0.5, 0.01)


def test_a_row_tells_versions_counts_and_seconds(matrix: ModuleType) -> None:
    outcome = matrix.Outcome("lowest", versions={"Python": "3.11.9", "torch": "2.6.0"}, seconds={"tests": 61.4})
    outcome.tests = {"passed": 37, "failed": 1, "skipped": 5}
    outcome.failed("The tests ended with exit code 1: tests.log")
    head, row, why = matrix.table([outcome])
    told = dict(zip(re.split(r"\s{2,}", head), re.split(r"\s{2,}", row), strict=True))
    assert (told["Python"], told["torch"], told["numpy"]) == ("3.11.9", "2.6.0", "-")
    assert (told["passed"], told["failed"], told["skipped"], told["tests s"]) == ("37", "1", "5", "61")
    assert told["verdict"] == "failed"
    assert why == "lowest: The tests ended with exit code 1: tests.log"
