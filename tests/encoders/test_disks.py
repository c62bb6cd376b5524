"""A disk that takes no more is one sentence with the folder, and nothing half-written stays."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from encoders.disks import DiskError, disk_number, refused_if_unwritable
from encoders.publishing import published_file, published_folder, write_whole


def _limited(code: str, folder: Path, limit: int) -> str:
    """What a process prints whose files may not grow beyond a limit, as on a disk that is full."""
    program = f"import pathlib, sys\nfolder = pathlib.Path(sys.argv[1])\n{code}"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stderr.strip().splitlines()[-1] if answer.stderr else ""


@pytest.mark.parametrize(
    "writing",
    [
        "from encoders.publishing import write_whole; write_whole(folder / 'x', 'a' * 50_000)",
        "import numpy as np\nfrom encoders.publishing import published_file\n"
        "with published_file(folder / 'x') as path, path.open('wb') as file:\n"
        "    np.savez(file, x=np.arange(30_000.0))",
        "from encoders.publishing import published_folder\n"
        "with published_folder(folder / 'x') as made:\n"
        "    (made / 'y').write_bytes(b'a' * 50_000)",
        "import pyarrow as pa, pyarrow.parquet as pq\nfrom encoders.publishing import published_file\n"
        "with published_file(folder / 'x') as path:\n"
        "    pq.write_table(pa.table({'x': range(30_000)}), path)",
    ],
    ids=["text", "arrays", "folder", "arrow"],
)
def test_a_disk_without_room_is_a_sentence_and_leaves_what_was_there(tmp_path: Path, writing: str) -> None:
    (tmp_path / "finished").write_text("before")
    said = _limited(writing, tmp_path, 4096)
    assert said.startswith(f"encoders.disks.DiskError: {tmp_path} must take what is written; its disk is full"), said
    assert "EFBIG" in said
    assert said.endswith("what was finished is kept.")
    assert [path.name for path in tmp_path.iterdir()] == ["finished"]


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (RuntimeError("unable to close file, errno = 28, error message = 'No space left on device'"), errno.ENOSPC),
        (OSError("[Errno 122] Error writing bytes to file. Detail: [errno 122] Disk quota exceeded"), errno.EDQUOT),
        (OSError(errno.EROFS, "Read-only file system"), errno.EROFS),
        (FileNotFoundError(errno.ENOENT, "No such file"), None),
        (ValueError("line 28 is no number"), None),
        (OSError("errno 2"), None),
    ],
)
def test_only_a_disk_is_told_as_a_disk(error: Exception, number: int | None) -> None:
    assert disk_number(error) == number


def test_a_forbidden_folder_is_told_and_a_forbidden_input_is_not(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"this user may not write there \(EACCES"), refused_if_unwritable(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "new" / "file"))
    with pytest.raises(PermissionError), published_file(tmp_path / "x"):
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/genotypes.vcf.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_rename_that_fails_keeps_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    write_whole(tmp_path / "x", "before")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskError, match=errno.errorcode[number]):
        write_whole(tmp_path / "x", "after")
    with pytest.raises(DiskError, match=errno.errorcode[number]), published_folder(tmp_path / "folder"):
        pass
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "before")]
