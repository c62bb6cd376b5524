"""What is installed from the wheel is the whole of the three packages, and its command starts."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("fusion", "encoders", "analyses")
BESIDE = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of an earlier build is taken along."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in BESIDE:
        shutil.copy(REPOSITORY / name, source / name)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command = [
        *pip,
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--wheel-dir",
        str(target),
        str(source),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (found,) = target.glob("*.whl")
    return found


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    here = {
        (Path(folder) / name).relative_to(REPOSITORY).as_posix()
        for package in PACKAGES
        for folder, _, names in os.walk(REPOSITORY / package, followlinks=True)  # the arms of configs/encoders too
        for name in names
        if "__pycache__" not in folder
    }
    with zipfile.ZipFile(wheel) as archive:
        there = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert len(here) > 300
    assert "analyses/config/arms/kmer-spectrum.yaml" in here
    assert there == here


def test_its_command_runs_in_an_environment_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "a #1"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    scheme = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    programs = Path(sysconfig.get_path("scripts", "venv", vars=scheme))
    # Dependencies lie where they lie for this test; as a bare path they bring no editable installation along.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", "--no-index"]
    subprocess.run([*install, "--no-deps", "--no-compile", "--ignore-installed", str(wheel)], check=True)

    def answer(program: str, *words: str) -> str:
        kept = "PYTHONPYCACHEPREFIX"  # bytecode of the dependencies; what is installed here is found nowhere else
        clean = {key: value for key, value in os.environ.items() if key == kept or not key.startswith("PYTHON")}
        command = [str(programs / program), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=clean)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import fusion, encoders, analyses; print(fusion.__file__, encoders.__file__, analyses.__file__, sep='\\n')"
    assert {Path(path).parents[1] for path in answer("python", "-c", where).splitlines()} == {packages}
    assert "Simulate a cohort" in answer("genebrain", "demo", "--help")
    assert "known answer right" in answer("genebrain", "doctor")
