import multiprocessing
import time
from pathlib import Path

import pytest

from analyses.workflow import compiled_ahead
from tests.conftest import PATIENCE


def test_a_process_compiles_the_scan_and_ends_with_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiled_ahead, "is_compiled", lambda: False)
    monkeypatch.setattr(compiled_ahead, "cpu_count", lambda: 2)
    before = set(multiprocessing.active_children())  # workers of other tests
    with compiled_ahead.compiling_ahead():
        (process,) = set(multiprocessing.active_children()) - before
        end = time.monotonic() + PATIENCE
        while not any(tmp_path.rglob("compiled._advance-*.nbi")) and process.is_alive() and time.monotonic() < end:
            time.sleep(0.1)
    assert any(tmp_path.rglob("compiled._advance-*.nbi"))
    assert not process.is_alive()


@pytest.mark.parametrize(("compiled", "cores"), [(True, 2), (False, 1)])
def test_where_it_helps_nobody_there_is_none(compiled: bool, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_ahead, "is_compiled", lambda: compiled)
    monkeypatch.setattr(compiled_ahead, "cpu_count", lambda: cores)
    before = set(multiprocessing.active_children())
    with compiled_ahead.compiling_ahead():
        assert set(multiprocessing.active_children()) <= before


def test_it_is_seen_what_numba_keeps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from encoders.dna.networks import scans

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(scans, "__file__", str(tmp_path / "__init__.py"))
    assert not compiled_ahead.is_compiled()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "compiled._advance-39.py311.nbi").touch()
    assert compiled_ahead.is_compiled()
