"""Files that stand for another: what a download leaves where it did not fetch the file itself."""

from pathlib import Path

from encoders.errors import InputError

_LFS, _PAGES = b"version https://git-lfs", (b"<!doctype", b"<html")


def refuse_pointer(path: Path) -> None:
    """Raise InputError where a file is not what its name says but a Git-LFS pointer to it, a web page, or empty."""
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise InputError(f"{path} is empty; download it again.")
    if head.startswith(_LFS):
        raise InputError(f"{path} is a Git-LFS pointer to the file, not the file: run `git lfs pull` in its folder.")
    if head.lstrip().lower().startswith(_PAGES):
        raise InputError(f"{path} is a web page, not the file that its name says; download the file itself.")
