"""What is published is seen whole or not at all, and nothing is left beside it."""

import os
from pathlib import Path

import pytest

from encoders.errors import InputError
from encoders.publishing import published_file, published_folder, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("content", ["Größe\n", b"\x00\xff", memoryview(b"abc")])
def test_a_file_is_replaced_when_its_content_is_complete(
    tmp_path: Path, content: str | bytes | memoryview, durable: bool
) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    write_whole(path, "before")
    write_whole(path, content, durable=durable)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else bytes(content))
    assert names(path.parent) == ["file.bin"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_a_file_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError, match="half way"), published_file(path) as unfinished:  # noqa: PT012
        unfinished.write_text("ha")
        raise RuntimeError("half way")
    assert (path.read_text(), names(tmp_path)) == ("before", ["file.txt"])


def test_a_folder_is_replaced_with_all_that_was_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    for file in ("one", "two"):
        with published_folder(folder) as unfinished:
            assert names(unfinished) == []
            (unfinished / file).write_text(file)
            assert file not in (names(folder) if folder.exists() else [])
    assert (names(folder), names(folder.parent)) == (["two"], ["folder"])
    assert folder.stat().st_mode & 0o777 == 0o777 & ~_umask()


def test_a_folder_that_fails_leaves_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "before").write_text("")
    with pytest.raises(RuntimeError, match="half way"), published_folder(folder) as unfinished:  # noqa: PT012
        (unfinished / "after").write_text("")
        raise RuntimeError("half way")
    assert (names(folder), names(tmp_path)) == (["before"], ["folder"])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_who_comes_second_may_leave_what_is_there(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with published_folder(tmp_path / "part", replace=False) as unfinished:
            (unfinished / "table").write_text(text)
    assert (tmp_path / "part" / "table").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize("taken", ["a folder", "below a file", "below a loop", "too long a name"])
def test_a_place_that_is_none_is_one_sentence(tmp_path: Path, taken: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    place = {
        "a folder": "folder",
        "below a file": "file/x/y",
        "below a loop": "loop/x",
        "too long a name": "n" * 300 + "/x",
    }
    with pytest.raises(InputError, match=r"name another place\.$"):
        write_whole(tmp_path / place[taken], "x")
    with pytest.raises(InputError, match=r"name another place\.$"), published_folder(tmp_path / "file"):
        pass
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "loop"]
