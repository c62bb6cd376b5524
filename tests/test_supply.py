"""What is installed is known: versions, hashes, licences, and what the advisories say of them."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import REPOSITORY

HASHES = REPOSITORY / ".ci" / "constraints-hashes.txt"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s\\]+)", path.read_text("utf-8"), flags=re.MULTILINE)
    return {_plain(name): version for name, version in found}


def _script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(REPOSITORY / ".ci"))
    found = importlib.util.spec_from_file_location(f"ci_{name}", REPOSITORY / ".ci" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_lock_holds_the_pinned_versions_and_a_hash_of_each_file() -> None:
    locked, pinned = _pins(HASHES), _pins(REPOSITORY / "constraints.txt")
    assert {name: locked.get(name) for name in pinned} == pinned
    entries = re.split(r"\n(?=[\w])", HASHES.read_text("utf-8"))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries if "==" in entry)
    assert "://" not in HASHES.read_text("utf-8")  # of no index in particular


def test_the_lock_holds_what_the_project_needs() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for more in project["optional-dependencies"].values() for one in more)]
    names = {_plain(match[0]) for one in wanted if (match := re.match(r"[\w.-]+", one))}
    assert names - {_plain(project["name"])} <= set(_pins(HASHES))


def test_hashes_are_required_of_all_but_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = _script("environment", monkeypatch)
    first, second = environment._steps(HASHES)
    assert first == ["--require-hashes", "--requirement", str(HASHES)]
    assert second == ["--no-deps", "--no-build-isolation", "--editable", "."]
    assert environment._steps(REPOSITORY / "constraints.txt")[0][0] == "--constraint"


def test_caps_of_the_machine_do_not_stand_against_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv and pip refuse a constraint without == beside hashes; all that is installed is known by its hash anyway."""
    installers = _script("installers", monkeypatch)
    settings = {"constraint": "/etc/caps.txt", "find-links": "/wheels"}
    locked, free = (installers._heeded(settings, words) for words in (["--require-hashes"], ["--editable", "."]))
    assert (locked, free) == ({"find-links": "/wheels"}, settings)


def test_the_bill_of_materials_names_every_package_once(tmp_path: Path) -> None:
    """CycloneDX 1.6: packages by purl, what each needs by reference, no reference without its package."""
    target = tmp_path / "sbom.json"
    subprocess.run([sys.executable, str(REPOSITORY / ".ci" / "sbom.py"), str(target)], check=True, capture_output=True)
    bill = json.loads(target.read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    found = {one["name"]: one for one in bill["components"]}
    assert len(found) == len(bill["components"])
    assert {"numpy", "torch", "pysam", "scikit-learn"} <= set(found)
    assert all(one["purl"] == one["bom-ref"] and one["purl"].startswith("pkg:pypi/") for one in found.values())
    known = {one["bom-ref"] for one in found.values()} | {bill["metadata"]["component"]["bom-ref"]}
    needs = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert set(needs) == known
    assert {ref for refs in needs.values() for ref in refs} <= known
    assert found["numpy"]["purl"] in needs[found["scipy"]["purl"]]


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "No advisory is about any of the 1"),
        ([{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}], 1, "X-1, mended in 2"),
        ([{"name": "a", "skip_reason": "not found"}], 2, "nothing is known"),
        ([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "?"}], 2, "1 of 2 packages are not"),
        ([], 2, "nothing is known"),
    ],
)
def test_silence_of_the_advisories_is_no_all_clear(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answers: list[dict], code: int, said: str
) -> None:
    assert _script("audit", monkeypatch).judge(answers) == code
    assert said in capsys.readouterr().out
