"""Arms that come with the package, by name: ``configs/encoders`` of the repository, packed beside this module."""

import difflib
import os
from pathlib import Path

from analyses.errors import InputError

_SUFFIXES = (".yaml", ".yml")


def shipped_arms() -> dict[str, Path]:
    """File of each arm that is shipped, by the name that stands in a configuration."""
    return {path.stem: path for path in sorted((Path(__file__).parent / "arms").glob("*.yaml"))}


def find_arm(entry: str, *, folder: Path, where: Path) -> Path:
    """The file of an entry among ``encoders`` that is text: a file of the user's, or the name of a shipped arm.

    Parameters
    ----------
    entry : str
        A path relative to `folder`, or a name.
    where : Path
        The configuration, for messages.

    Raises
    ------
    InputError
        Neither, with near names.
    """
    own, shipped = folder / os.path.expanduser(entry), shipped_arms()
    if own.is_file():
        return own
    if entry in shipped:
        return shipped[entry]
    stem = Path(entry).stem if Path(entry).suffix in _SUFFIXES else Path(entry).name
    near = [stem] if stem in shipped else difflib.get_close_matches(stem, shipped, n=3)
    hint = f"did you mean the shipped arm {' or '.join(f'- {name}' for name in near)}?" if near else "correct it."
    raise InputError(
        f"{where}: each entry of encoders is a file or the name of a shipped arm ({', '.join(shipped)}); there is no "
        f"{own}: {hint}"
    )
