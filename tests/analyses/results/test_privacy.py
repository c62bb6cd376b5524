"""What names subjects is readable by its owner alone, whatever the umask and however it came to be."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyses.results.workspace import PRIVATE_FOLDERS, Workspace
from encoders.publishing import is_private, private_folder, published_file, published_folder


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["umask 000", "umask 022", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def _modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


@pytest.mark.usefixtures("umask")
def test_private_files_are_their_owners_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "run")
    workspace.write_text("private/id_key.txt", "secret")
    workspace.write_json("private/deeper/subjects.json", ["S1"])
    with published_folder(workspace.path("windows", "table")) as table:
        (table / "parts").mkdir()
        (table / "parts" / "haplotypes.npy").write_bytes(b"x")
    for name, mode in _modes(tmp_path / "run").items():
        is_folder = (tmp_path / "run" / name).is_dir()
        assert mode == (0o700 if is_folder else 0o600), name


def test_what_is_to_be_shared_follows_the_umask(tmp_path: Path, umask: int) -> None:
    workspace = Workspace(tmp_path / "run")
    path = workspace.write_text("alignments/a/alignment.json", "{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_an_older_open_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "run" / "private").mkdir(parents=True, mode=0o755)
    (tmp_path / "run" / "private").chmod(0o755)
    Workspace(tmp_path / "run").write_text("private/x.txt", "")
    assert is_private(tmp_path / "run" / "private")


def test_a_file_is_never_open_in_a_private_folder(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "mine")
    with published_file(folder / "x") as unfinished:
        unfinished.write_text("x")
        assert is_private(unfinished.parent)
    assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o600


def test_a_run_keeps_what_names_subjects_in_private_folders(results: Path) -> None:
    modes = _modes(results)
    private = {name: mode for name, mode in modes.items() if Path(name).parts[0] in PRIVATE_FOLDERS}
    assert {"private/id_key.txt", "windows"} <= private.keys()
    assert not [name for name, mode in private.items() if len(Path(name).parts) == 1 and mode & 0o077]
