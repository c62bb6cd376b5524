"""Examples of docstrings can be pasted: each imports what it uses, and gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FILES = [path for path in sorted((REPOSITORY / "encoders").rglob("*.py")) if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_of_a_module(path: Path) -> None:
    name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    found = doctest.DocTestFinder().find(importlib.import_module(name), name, globs={})
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    assert sum(runner.run(example, out=said.append).attempted for example in found) > 0
    assert said == []
