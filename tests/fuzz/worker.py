"""The process in which inputs are read: it says what it begins, so that whoever waits knows what did not end.

    python -m tests.fuzz.worker MODULE FINDINGS READER FIRST LAST [READER FIRST LAST ...]

MODULE holds the readers, under ``READERS``. Each line on standard output is a JSON list,
``["begin", reader, number]`` or what became of it.
"""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.fuzz.reader import Files, Reader, damaged, write_files
from tests.sentences import check_refusal

LARGEST = 1 << 30
"""Bytes that one input may cost beyond what the process has when it is well."""

_NO_MEMORY = re.compile(
    r"(?:can'?t|unable to|cannot|could not|failed to) alloc|not enough memory|out of memory|bad_alloc", re.IGNORECASE
)


class BadEndError(Exception):
    """What is wrong with how an input ended, and the words for it."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)
        self.kind, self.why = kind, why


def main(words: Sequence[str]) -> None:
    """Read the inputs that are asked for."""
    say = _speaker()
    warnings.simplefilter("ignore")
    try:
        _read_parts(words, say)
    except BaseException:
        say(["fault", traceback.format_exc()])
        raise


def _read_parts(words: Sequence[str], say: Callable[[list[Any]], None]) -> None:
    readers, findings = import_module(words[0]).READERS, Path(words[1])
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        for name, first, last in zip(words[2::3], map(int, words[3::3]), map(int, words[4::3]), strict=True):
            _read_all(readers[name], range(first, last), Path(folder), findings, say)


def _read_all(reader: Reader, numbers: range, folder: Path, findings: Path, say: Callable[[list[Any]], None]) -> None:
    say(["seeds", reader.name, -1])
    place = folder / f"{reader.name}-seeds"
    place.mkdir()
    seeds = reader.seeds(place)
    for number, files in enumerate(seeds):  # well once, and everything loaded that reading loads
        whole = folder / f"{reader.name}-seed-{number}"
        write_files(whole, files)
        value = reader.read(whole)
        if reader.agrees is not None:
            reader.agrees(whole, value)
    _limit_memory()
    gc.freeze()  # what libraries ask to collect is what reading left, not what they hold since they were loaded
    for number in numbers:
        files = damaged(reader, seeds, number)
        say(["begin", reader.name, number])
        one = folder / f"{reader.name}-{number}"
        write_files(one, files)
        say(_outcome(reader, one, number, files, findings))
        shutil.rmtree(one, ignore_errors=True)


def _outcome(reader: Reader, folder: Path, number: int, files: Files, findings: Path) -> list[Any]:
    """``[kind, reader, number, seconds, megabytes, why]``."""
    gc.collect(0)
    before = _forget_peak()
    begun = time.perf_counter()
    kind, why, value = "read", "", None
    try:
        kind, value = _read_one(reader, folder)
    except BadEndError as verdict:
        kind, why = verdict.kind, verdict.why
    seconds, megabytes = time.perf_counter() - begun, max(_peak() - before, 0) / 1024
    if kind == "read" and reader.agrees is not None:
        kind, why = _compare(reader, folder, value)
    if why:
        write_files(findings / reader.name / str(number), files)
        (findings / reader.name / f"{number}.txt").write_text(f"{kind}\n{why}", "utf-8", errors="backslashreplace")
    return [kind, reader.name, number, round(seconds, 4), round(megabytes, 1), why]


def _read_one(reader: Reader, folder: Path) -> tuple[str, object]:
    """Kind of the outcome, where it is a good one, and what was read."""
    from analyses.errors import InputError as AnalysesError
    from encoders.errors import InputError as EncodersError
    from fusion.errors import InputError as FusionError

    try:
        return "read", reader.read(folder)
    except (AnalysesError, EncodersError, FusionError) as error:
        _check_refusal(error)
        return "refused", None
    except MemoryError as error:
        raise BadEndError("memory", _traceback(error)) from None
    except BaseException as error:  # noqa: BLE001 - what a user would meet is the finding, whatever it is
        raise BadEndError("uncaught", _traceback(error)) from None


def _check_refusal(error: BaseException) -> None:
    cause: BaseException | None = error
    while cause is not None:
        is_memory = isinstance(cause, MemoryError) and not _is_of_parser(cause)
        if is_memory or (cause is not error and _NO_MEMORY.search(str(cause))):
            raise BadEndError("memory", _traceback(error)) from None
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    try:
        check_refusal(error)
    except Exception:  # noqa: BLE001 - also one that cannot even be said
        raise BadEndError("no sentence", _traceback(error)) from None


def _is_of_parser(error: MemoryError) -> bool:
    """Whether it is how Python's own parser refuses brackets without end, for which no memory was asked."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.endswith("ast.py")


def _compare(reader: Reader, folder: Path, value: object) -> tuple[str, str]:
    assert reader.agrees is not None
    try:
        reader.agrees(folder, value)
    except BaseException as error:  # noqa: BLE001 - the other reader may refuse in its own ways
        return "otherwise", _traceback(error)
    return "read", ""


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))[-6000:]


def _speaker() -> Callable[[list[Any]], None]:
    """Standard output is for what is said here; what libraries print goes nowhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def say(line: list[Any]) -> None:
        out.write(json.dumps(line) + "\n")
        out.flush()

    return say


def _limit_memory() -> None:
    """Allow the address space that there is, and so much more; measured anew for each reader."""
    size = int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024  # type: ignore[index]
    resource.setrlimit(resource.RLIMIT_AS, (size + LARGEST, resource.RLIM_INFINITY))


def _forget_peak() -> int:
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(key: str) -> int:
    return int(re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())[1])  # type: ignore[index]


if __name__ == "__main__":
    main(sys.argv[1:])
