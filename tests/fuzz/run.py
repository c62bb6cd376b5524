"""Inputs dealt to processes, each with a limit of time; what became of them is kept, line by line."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 10.0
"""Limit of one input."""

SEEDS_SECONDS = 120.0
"""Limit of what comes before the first input: libraries are loaded, files that are well are made and read."""

AT_ONCE = 20_000
"""Inputs of one process: to start it takes as long as ten thousand inputs of a quick reader."""

GOOD = ("refused", "read")
BAD = ("uncaught", "no sentence", "otherwise", "memory", "hang", "crash")


@dataclass
class Tally:
    """What became of the inputs of one reader."""

    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    largest: float = 0.0

    def add(self, kind: str, seconds: float, megabytes: float) -> None:
        """Count one input."""
        self.kinds[kind] += 1
        self.slowest, self.largest = max(self.slowest, seconds), max(self.largest, megabytes)

    def join(self, kept: dict[str, Any]) -> None:
        """Count the inputs of a part that was kept."""
        self.kinds.update(kept["kinds"])
        self.slowest, self.largest = max(self.slowest, kept["slowest"]), max(self.largest, kept["largest"])


class Progress:
    """Parts of a run that are done, in a folder; those of other code are left out.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.code = code_digest()
        self._lock = threading.Lock()
        self._parts: dict[str, dict[tuple[int, int], dict[str, Any]]] = defaultdict(dict)
        for line in self._file.read_text("utf-8").splitlines() if self._file.is_file() else ():
            part = json.loads(line)
            if part["code"] == self.code:
                self._parts[part["reader"]][part["first"], part["last"]] = part

    @property
    def _file(self) -> Path:
        return self.folder / "parts.jsonl"

    def is_done(self, reader: str, first: int, last: int) -> bool:
        """Whether a part was done with this code."""
        return (first, last) in self._parts[reader]

    def keep(self, reader: str, first: int, last: int, tally: Tally) -> None:
        """Keep a part that is done."""
        told = {"kinds": dict(tally.kinds), "slowest": tally.slowest, "largest": tally.largest}
        part = {"code": self.code, "reader": reader, "first": first, "last": last, **told}
        with self._lock:
            self._parts[reader][first, last] = part
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(part) + "\n")

    def tallies(self) -> dict[str, Tally]:
        """By reader, all parts together."""
        found = {}
        for reader, parts in sorted(self._parts.items()):
            found[reader] = Tally()
            for part in parts.values():
                found[reader].join(part)
        return found

    def findings(self) -> int:
        """How many inputs ended badly."""
        return sum(tally.kinds[kind] for tally in self.tallies().values() for kind in BAD)

    def summary(self) -> str:
        """One line a reader."""
        return "".join(
            f"{name:<22}{sum(tally.kinds.values()):>8}  {dict(tally.kinds)}  "
            f"{tally.slowest:.2f} s  {tally.largest:.0f} MB\n"
            for name, tally in self.tallies().items()
        )


def code_digest() -> str:
    """Of the packages and of what mutates and reads here: inputs of other code are no answer about this one."""
    digest = hashlib.sha256()
    for folder in ("analyses", "encoders", "fusion", "tests/fuzz"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def run(readers: Sequence[str], n_inputs: int, progress: Progress, *, workers: int) -> None:
    """Read inputs 0 to ``n_inputs`` of each reader that were not read yet."""
    spans = [(first, min(first + AT_ONCE, n_inputs)) for first in range(0, n_inputs, AT_ONCE)]
    parts = [(reader, *span) for span in spans for reader in readers if not progress.is_done(reader, *span)]
    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(_read_and_keep, progress, *part) for part in parts]
        for one in as_completed(done):
            one.result()


def _read_and_keep(progress: Progress, reader: str, first: int, last: int) -> None:
    progress.keep(reader, first, last, read_part(reader, first, last, progress.folder / "findings"))


def read_part(reader: str, first: int, last: int, findings: Path) -> Tally:
    """Read inputs ``first`` to ``last`` of one reader; a process that hangs or dies is replaced behind its input."""
    tally = Tally()
    for _, kind, seconds, megabytes in outcomes([(reader, first, last)], findings):
        tally.add(kind, seconds, megabytes)
    return tally


def outcomes(
    parts: Iterable[tuple[str, int, int]], findings: Path, *, module: str = "tests.fuzz.readers"
) -> Iterator[tuple[str, str, float, float]]:
    """``(reader, kind, seconds, megabytes)`` of every input, in order.

    Raises
    ------
    RuntimeError
        A process ended before its first input: that is no finding about a reader.
    """
    left = list(parts)
    while left:
        words = [str(word) for part in left for word in part]
        place: tuple[str, int] | None = None
        with _Worker([module, str(findings), *words]) as worker:
            for line in worker.lines():
                if line[0] == "fault":
                    raise RuntimeError(f"the process of {left[0]} failed by itself, which is no finding: {line[1]}")
                if line[0] == "seeds":
                    place = None
                elif line[0] == "begin":
                    place = line[1], line[2]
                else:
                    place = None
                    left = _after(left, line[1], line[2])
                    yield line[1], line[0], line[3], line[4]
            if not left:
                return
            if place is None and worker.ended_well:
                left = []
                continue
            if place is None:
                raise RuntimeError(f"a process ended before its first input of {left[0]}: {worker.why}")
            kind, seconds = ("hang", SECONDS) if worker.was_stopped else ("crash", 0.0)
        findings.joinpath(place[0]).mkdir(parents=True, exist_ok=True)
        findings.joinpath(place[0], f"{place[1]}.txt").write_text(f"{kind}\n{worker.why}", "utf-8")
        left = _after(left, *place)
        yield place[0], kind, seconds, 0.0


def _after(parts: list[tuple[str, int, int]], reader: str, number: int) -> list[tuple[str, int, int]]:
    """What is left behind an input."""
    at = next(i for i, part in enumerate(parts) if part[0] == reader and part[1] <= number < part[2])
    rest = [(reader, number + 1, parts[at][2])] if number + 1 < parts[at][2] else []
    return [*rest, *parts[at + 1 :]]


class _Worker:
    """One process, watched."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self.was_stopped = False

    def __enter__(self) -> _Worker:
        single = {
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        }
        path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", *self._words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env=os.environ | single | {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"},
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    @property
    def ended_well(self) -> bool:
        return self._process.wait() == 0

    @property
    def why(self) -> str:
        """Exit status, and what the process said before its outputs were closed."""
        assert self._process.stderr is not None
        said = b"" if self._process.stderr.closed else self._process.stderr.read()
        return f"exit {self._process.wait()} {said.decode(errors='replace')[-2000:]}"

    def lines(self) -> Iterator[list[Any]]:
        """What the process says, until it ends or says nothing for too long."""
        assert self._process.stdout is not None
        descriptor, held = self._process.stdout.fileno(), b""
        limit = SEEDS_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            begun = time.monotonic()
            while True:
                if not selector.select(max(0.0, begun + limit - time.monotonic())):
                    self.was_stopped = True
                    os.killpg(self._process.pid, signal.SIGKILL)
                    return
                piece = os.read(descriptor, 65536)
                if not piece:
                    return
                *whole, held = (held + piece).split(b"\n")
                for text in whole:
                    line = json.loads(text)
                    limit = SEEDS_SECONDS if line[0] == "seeds" else SECONDS
                    yield line
                begun = time.monotonic()
