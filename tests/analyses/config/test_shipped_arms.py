"""Shipped arms are found by name from anywhere, and a copy of the demo says nothing of the demo."""

import shutil
from pathlib import Path

import pytest

from analyses.config.file import load_config
from analyses.config.shipped_arms import shipped_arms
from analyses.errors import InputError
from tests.conftest import REPOSITORY

CONFIGS = REPOSITORY / "configs"


def test_every_arm_of_the_repository_is_shipped() -> None:
    assert set(shipped_arms()) == {path.stem for path in (CONFIGS / "encoders").glob("*.yaml")}


def test_a_copy_of_the_demo_elsewhere_finds_its_arms_and_is_called_after_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(CONFIGS / "demo.yaml", tmp_path / "my cohort.yaml")
    monkeypatch.chdir(tmp_path)
    copied, original = load_config(tmp_path / "my cohort.yaml"), load_config(CONFIGS / "demo.yaml")
    assert copied.encoders == original.encoders
    assert [arm.encoder for arm in copied.encoders] == ["kmer-spectrum", "untrained:dnabert2", "untrained:caduceus-ps"]
    assert (copied.name, copied.title, copied.output) == ("my cohort", "", tmp_path / "results" / "my cohort")
    assert {view.description for view in copied.brain.values()} == {""}


def test_own_files_come_before_shipped_arms(minimal: Path) -> None:
    (minimal.parent / "kmer-spectrum").write_text("{name: mine, encoder: kmer-spectrum, options: {k: 2}}")
    (config,) = load_config(minimal, ["encoders=[kmer-spectrum]"]).encoders
    assert config.name == "mine"
    assert load_config(minimal, ["encoders=[one-hot-dosage]"]).encoders[0].encoder == "one-hot-dosage"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("kmer-spectrm", "did you mean the shipped arm - kmer-spectrum?"),
        ("encoders/kmer-spectrum.yaml", "did you mean the shipped arm - kmer-spectrum?"),
        ("nothing/like/it.yaml", r"shipped arm \(caduceus-ps, .*it\.yaml: correct it\."),
    ],
)
def test_an_arm_that_is_nowhere_is_refused_with_near_names(minimal: Path, entry: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_config(minimal, [f"encoders=[{entry}]"])
