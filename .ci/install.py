"""Make the environment of the project: pinned versions, one line a package, whole or made again.

    python3 .ci/install.py .venv [constraints.txt]

An environment that was killed while it was made is known by its mark and made anew; one that is finished and whose
pins have changed is brought up to date. uv does the work where it is installed (GENEBRAIN_INSTALLER=pip says no).
Needs nothing but Python; this file is read by old ones too, which are told which is needed.
"""

import sys
from pathlib import Path

NEEDED = (3, 11)
PINS = Path(__file__).resolve().parent.parent / "constraints.txt"


def main(words: "list[str]") -> None:
    """Make or mend the environment named first, with the versions of the file named second."""
    if sys.version_info < NEEDED:
        sys.exit(
            f"make install: Python {'.'.join(map(str, NEEDED))} or newer is required; {sys.executable} is "
            f"{sys.version.split()[0]}. Name another: make PYTHON=python3.12"
        )
    from environment import make_environment
    from installers import InstallError

    try:
        make_environment(Path(words[0] if words else ".venv"), Path(words[1]) if len(words) > 1 else PINS)
    except InstallError as error:
        sys.exit(f"make install: {error}")
    except KeyboardInterrupt:
        sys.exit("make install: interrupted; the next one starts anew.")


if __name__ == "__main__":
    main(sys.argv[1:])
