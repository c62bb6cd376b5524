"""Write constraints-hashes.txt: the pinned versions with the hashes of their files, for `make install-locked`.

python3 .ci/lock.py        # or make lock; needs uv
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from installers import UV_VARIABLES, InstallError, found_uv, pip_settings, reason

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = REPOSITORY / ".ci" / "constraints-hashes.txt"
INDEX = "https://pypi.org/simple"
"""The one of everybody: hashes of files that a mirror built for itself would hold nowhere else."""

HEADER = """\
# The versions of constraints.txt with the hashes of their files at PyPI, for Python 3.11 on Linux x86-64, with torch's
# CUDA libraries: `make install-locked` installs these files or none. After a change of constraints.txt or pyproject
# `make lock` writes it anew.
"""


def main() -> None:
    """Resolve with uv and write the file, whole or not at all."""
    uv = found_uv()
    if uv is None:
        raise InstallError("uv is required, for pip writes no hashes; install it: pip install uv.")
    command = [uv, "pip", "compile", "--generate-hashes", "--constraint", "constraints.txt", "--extra", "dev"]
    command += ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--default-index", INDEX]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--quiet", "pyproject.toml"]
    settings = pip_settings()
    told = {name: settings[key] for key, name in UV_VARIABLES.items() if key in settings} | os.environ
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=told)
    if done.returncode:
        raise InstallError(reason("uv", done.stderr.splitlines()))
    TARGET.write_text(HEADER + done.stdout, "utf-8")
    sys.stdout.write(f"Wrote {TARGET.name}: {done.stdout.count('==')} packages.\n")


if __name__ == "__main__":
    try:
        main()
    except InstallError as error:
        sys.exit(f"make lock: {error}")
