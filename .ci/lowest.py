"""Find the oldest versions that pyproject allows, on the oldest Python; the tools of the tests stay as they are pinned.

python3 .ci/lowest.py        # needs uv, writes constraints-lowest.txt
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from installers import InstallError, found_uv, reason

REPOSITORY = Path(__file__).resolve().parent.parent
TARGET = REPOSITORY / ".ci" / "constraints-lowest.txt"
HEADER = """\
# The oldest versions that pyproject allows, on the oldest Python, beside the pinned tools of the tests: `make matrix`
# runs on them. After a change of pyproject `make lowest` finds them anew.
"""


def main() -> None:
    """Resolve with uv and write the file, whole or not at all."""
    uv = found_uv()
    if uv is None:
        raise InstallError("uv is required, for pip cannot look for the oldest versions; install it: pip install uv.")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    command = [uv, "pip", "compile", "--resolution", "lowest-direct", "--python-version", oldest, "--no-header"]
    command += ["--no-annotate", "--extra", "boosting", "--extra", "cluster", "--extra", "zarr", "pyproject.toml", "-"]
    tools = "\n".join(pinned_tools(project["optional-dependencies"]["dev"]))
    done = subprocess.run(command, input=tools, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    if done.returncode:
        raise InstallError(reason("uv", done.stderr.splitlines()))
    TARGET.write_text(HEADER + done.stdout, "utf-8")
    sys.stdout.write(f"Wrote {TARGET.name}: {done.stdout.count('==')} packages.\n")


def pinned_tools(wanted: list[str]) -> list[str]:
    """Pins of the tools that pyproject names without a floor."""
    pins = (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines()
    by_name = {plain(line): line for line in pins if "==" in line}
    return [by_name[plain(one)] for one in wanted if plain(one) in by_name]


def plain(requirement: str) -> str:
    """Name of a requirement, spelled in the one way of PEP 503."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


if __name__ == "__main__":
    try:
        main()
    except InstallError as error:
        sys.exit(f"make lowest: {error}")
