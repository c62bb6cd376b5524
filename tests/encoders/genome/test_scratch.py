"""The folder for indexes that are made anew."""

import tempfile
from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.genome import scratch


def test_every_call_gives_a_place_of_its_own() -> None:
    places = [scratch.scratch_path("v.vcf.gz.csi") for _ in range(3)]
    assert len({place.parent for place in places}) == 3
    assert all(place.parent.is_dir() and place.name == "v.vcf.gz.csi" for place in places)
    assert scratch.scratch_path("x").parent.parent.stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_the_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    monkeypatch.setattr(scratch, "_folder", scratch._folder.__wrapped__)
    with pytest.raises(InputError, match=r"an index is made anew \(r\.fa\.fai\); .* set TMPDIR"):
        scratch.scratch_path("r.fa.fai")
