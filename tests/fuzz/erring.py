"""A reader that errs in every way in which a reader can, by the number of its input."""

import os
import time
from pathlib import Path

from encoders.errors import InputError
from tests.fuzz.reader import Reader


def _read(folder: Path) -> object:
    number = -1 if "seed" in folder.name else int(folder.name.rpartition("-")[2])
    if number == 0:
        raise KeyError("nobody expected this")
    if number == 1:
        raise InputError("no sentence,\nand two lines")
    if number == 2:
        return bytearray(1 << 32)
    if number == 3:
        time.sleep(600)
    if number == 4:
        os.abort()
    if number == 6:
        raise InputError("A file must be well; this one is not: mend it.")
    return number


def _agrees(_: Path, value: object) -> None:
    assert value != 5


READERS = {"erring": Reader("erring", lambda _: [{"a.txt": b"well"}], _read, {".txt": "text"}, (), _agrees)}
