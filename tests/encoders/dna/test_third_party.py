"""An encoder of another package is found by its entry point; the command names what is broken in it, and only that."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PATIENCE

MODULE = Path(__file__).parent / "third_party" / "third_party_encoder.py"
BROKEN = {
    "mask-ignored": ("MaskIgnored", "batch invariant"),
    "specials-pooled": ("SpecialsPooled", "special tokens"),
    "strands-claimed": ("StrandsClaimed", "strands"),
    "noisy": ("Noisy", "deterministic"),
    "truncating": ("Truncating", "limits are true"),
}
CALL = """
import io, json, sys
from contextlib import redirect_stdout
from analyses import cli
answers = {}
for name in json.loads(sys.argv[1]):
    for extra in ([], ["--json"]):
        sys.argv = ["genebrain", "check-encoder", name, "--device", "cpu", *extra]
        with redirect_stdout(io.StringIO()) as out:
            try:
                cli.main()
                code = 0
            except SystemExit as stop:
                code = stop.code or 0
        answers.setdefault(name, []).append([code, out.getvalue()])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """For each encoder, exit code and output as text and as JSON."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(MODULE, folder)
    metadata = folder / "third_party-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    classes = {"tiny": "Tiny"} | {name: found for name, (found, _) in BROKEN.items()}
    lines = [f"{name} = third_party_encoder:{found}" for name, found in classes.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[genebrain.encoders]", *lines, ""]))
    run = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(list(classes))],
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    found: dict[str, list[tuple[int, str]]] = json.loads(run.stdout)
    return found


def test_the_right_one_passes(answers: dict[str, list[tuple[int, str]]]) -> None:
    (code, text), (_, as_json) = answers["tiny"]
    assert code == 0
    assert "tiny: 13 of 13 checks passed" in text
    assert all(check["passed"] for check in json.loads(as_json)["checks"])


@pytest.mark.parametrize("name", BROKEN)
def test_the_broken_one_fails_in_its_place_alone(answers: dict[str, list[tuple[int, str]]], name: str) -> None:
    (code, text), (code_json, as_json) = answers[name]
    failed = [check for check in json.loads(as_json)["checks"] if not check["passed"]]
    assert [check["name"] for check in failed] == [BROKEN[name][1]]
    assert (code, code_json) == (2, 2)
    assert f"FAIL  {BROKEN[name][1]}" in text
    assert failed[0]["hint"] in text
