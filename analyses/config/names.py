"""Names that are safe wherever they go: as a folder on every system, in a page, in a link, on a command line."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

LONGEST = 60
"""Characters: two names and what stands around them stay below the 255 bytes of a file name."""

# Devices of Windows, with or without a suffix: no file there can have such a name.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def check_name(name: str) -> str:
    """Return `name`, in Unicode's composed form, if it can name a folder everywhere.

    Raises
    ------
    ValueError
        It cannot.
    """
    composed = unicodedata.normalize("NFC", name)
    if not re.fullmatch(r"[^\W_](?:[\w. -]*[\w-])?", composed):
        raise ValueError(
            "names a folder, so it must consist of letters, digits, '.', '-', '_' and blanks, begin with a letter or "
            "digit and not end with '.' or a blank"
        )
    if len(composed.encode()) > LONGEST or _RESERVED.fullmatch(composed):
        raise ValueError(f"names a folder, so it must have at most {LONGEST} bytes and not be a device of Windows")
    return composed


def check_line(text: str) -> str:
    """Return `text` if it is one line that can be printed.

    Raises
    ------
    ValueError
        It holds line breaks or other control characters.
    """
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


LONGEST_TITLE = 240
"""Characters: a tracking store takes 250 for the name of a run, in which the experiment's stands beside this."""


def check_title(text: str) -> str:
    """Return `text` if it is one line that can name runs in a tracking store.

    Raises
    ------
    ValueError
        It is no line, or too long.
    """
    if not text.strip():
        raise ValueError("names runs in tracking, so it must not be empty")
    if len(text) > LONGEST_TITLE:
        raise ValueError(f"names runs in tracking, so it must have at most {LONGEST_TITLE} characters; got {len(text)}")
    return check_line(text)


def check_distinct(kind: str, names: Iterable[str]) -> None:
    """Raise ValueError where two names would share a folder on a system that does not tell capitals apart."""
    seen: dict[str, str] = {}
    for name in names:
        if (earlier := seen.setdefault(name.casefold(), name)) is not name:
            raise ValueError(f"{kind} must have different names, capitals aside; got '{earlier}' and '{name}'")


Name = Annotated[str, AfterValidator(check_name)]
Line = Annotated[str, AfterValidator(check_line)]
RunName = Annotated[str, AfterValidator(check_title)]
