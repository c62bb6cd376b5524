"""A share of the fuzzing at every run: each reader gets damaged files, and none of them ends badly."""

import json
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from tests.fuzz.page import PAGE, RESULTS, page
from tests.fuzz.reader import Reader, damaged
from tests.fuzz.readers import READERS
from tests.fuzz.run import BAD, Tally, outcomes

PARTS = [list(READERS)[:17], list(READERS)[17:41], list(READERS)[41:]]


def _have_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine hangs at nothing in particular."""
    for limit in ("SECONDS", "SEEDS_SECONDS"):
        monkeypatch.setattr(f"tests.fuzz.run.{limit}", PATIENCE)


@pytest.mark.parametrize("names", PARTS, ids=["tables to genomes", "genotypes to own files", "cohorts and studies"])
def test_damaged_files_are_read_or_refused_in_one_sentence(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _have_patience(monkeypatch)
    tallies = {name: Tally() for name in names}
    for name, kind, seconds, megabytes in outcomes([(name, 0, READERS[name].suite) for name in names], tmp_path):
        tallies[name].add(kind, seconds, megabytes)
    told = {str(path.relative_to(tmp_path)): path.read_text()[-900:] for path in tmp_path.rglob("*.txt")}
    assert not told, told
    for name, tally in tallies.items():
        assert sum(tally.kinds.values()) == READERS[name].suite, name
        assert tally.kinds["refused"], name  # damage that nobody notices is none
        assert not any(tally.kinds[kind] for kind in BAD)


def test_what_is_bad_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that errs in every way there is: each way is told by its name, and what follows is read all the same."""
    _have_patience(monkeypatch)
    found = []
    for _, kind, *_ in outcomes([("erring", 0, 8)], tmp_path, module="tests.fuzz.erring"):
        found.append(kind)
        monkeypatch.setattr("tests.fuzz.run.SECONDS", 1.0 if kind == "memory" else PATIENCE)  # the next one hangs
    assert found == ["uncaught", "no sentence", "memory", "hang", "crash", "otherwise", "refused", "read"]


def test_the_same_number_is_the_same_input() -> None:
    reader = Reader("text", lambda _: [], lambda _: None, {".csv": "text", ".json": "json", ".npz": "zip/npy"})
    seeds = [{"a.csv": b"a,b\n1,2\n" * 5, "b.json": b'{"a": [1, 2]}'}, {"a.csv": b"x\ty\n1\t2\n"}]
    first = [damaged(reader, seeds, number) for number in range(50)]
    assert first == [damaged(reader, seeds, number) for number in range(50)]
    assert len({str(sorted(files.items())) for files in first}) > 40


def test_the_page_is_what_was_counted() -> None:
    results = json.loads(RESULTS.read_text("utf-8"))
    assert page(results) == PAGE.read_text("utf-8")
    assert set(results) == set(READERS)
    assert not any(one[kind] for one in results.values() for kind in BAD)
