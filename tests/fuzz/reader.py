"""What is fuzzed: a reader, the files that it reads when all is well, and who else could read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.mutations import mutate

Files = Mapping[str, bytes]
"""Contents by path within a folder."""

_ONE_FILE = 0.8


@dataclass(frozen=True)
class Reader:
    """One reader of the product.

    Parameters
    ----------
    name : str
    seeds : callable
        Gives sets of files that the reader accepts; called once in a process, with an empty folder to work in.
    read : callable
        Reads the set that lies in a folder and returns what it holds.
    kinds : mapping of str to str
        What a file is, by the end of its name (see `tests.fuzz.mutations.mutate`); others are never damaged.
    words : sequence of bytes
        Words that mean something to the reader.
    agrees : callable, optional
        Raises AssertionError where an accepted set holds something else for a reader that is not ours.
    suite : int
        Inputs that the suite of tests gives it.
    """

    name: str
    seeds: Callable[[Path], Sequence[Files]]
    read: Callable[[Path], object]
    kinds: Mapping[str, str]
    words: Sequence[bytes] = ()
    agrees: Callable[[Path, object], None] | None = None
    suite: int = 200


def damaged(reader: Reader, seeds: Sequence[Files], number: int) -> Files:
    """Input ``number`` of a reader: a seed with one of its files damaged, sometimes two, sometimes one lost."""
    rng = Random(f"{reader.name} {number}")
    files = dict(seeds[rng.randrange(len(seeds))])
    names = [name for name in files if _kind(reader, name)]
    for name in rng.sample(names, 1 if rng.random() < _ONE_FILE else min(2, len(names))):
        if len(files) > 1 and rng.random() < 0.01:
            del files[name]
        else:
            files[name] = mutate(rng, files[name], _kind(reader, name), reader.words)
    return files


def write_files(folder: Path, files: Files) -> None:
    """Lay a set of files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_files(folder: Path) -> dict[str, bytes]:
    """The set of files in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _kind(reader: Reader, name: str) -> str:
    return next((kind for end, kind in reader.kinds.items() if name.endswith(end)), "")
