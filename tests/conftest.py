"""Where outside data and outside answers live; a test that needs them skips, with the reason, if they are missing."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def _folder(variable: str, default: str) -> Path:
    path = Path(os.environ.get(variable, REPOSITORY / default)).resolve()
    if not path.is_dir():
        pytest.skip(f"{variable} is not set and {default} does not exist: outside data is not part of the repository")
    return path


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real genomes, brain tables and two-view data (``GENEBRAIN_REAL_DATA``)."""
    return _folder("GENEBRAIN_REAL_DATA", "../shared/data")


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of outside answers (``GENEBRAIN_REFERENCE``)."""
    return _folder("GENEBRAIN_REFERENCE", "../shared/reference")
