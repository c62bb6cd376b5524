"""Ask the advisories about the pinned versions: pip-audit, in an environment of its own that is gone afterwards.

python3 .ci/audit.py [constraints.txt]        # or make audit-dependencies

Exit code 1 where an advisory is about one of them, 2 where nobody could be asked, or not about all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from installers import reason

REPOSITORY = Path(__file__).resolve().parent.parent
PINS = REPOSITORY / "constraints.txt"
SERVICES = ("pypi", "osv")
"""Asked in this order, until one knows the packages."""


def main(pins: Path) -> int:
    """Exit code."""
    with tempfile.TemporaryDirectory(prefix="pip-audit-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        made = _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pip-audit")
        if made.returncode:
            return _say(2, reason("pip", made.stderr.splitlines()))
        answers = (_ask(python, pins, service) for service in SERVICES)
        return judge(next((found for found in answers if any("vulns" in one for one in found)), []))


def judge(answers: list[dict[str, Any]]) -> int:
    """Say what the advisories know, and give the exit code.

    Parameters
    ----------
    answers : list of dict
        As pip-audit gives them: ``name``, and ``version`` with ``vulns`` where the service knew the package.
    """
    known = [one for one in answers if "vulns" in one]
    found = [(one, fault) for one in known for fault in one["vulns"]]
    for one, fault in found:
        mended = ", ".join(fault.get("fix_versions", [])) or "no version yet"
        sys.stdout.write(f"{one['name']} {one['version']}: {fault['id']}, mended in {mended}\n")
    if found:
        return _say(1, f"{len(found)} advisories are about pinned versions: raise these in constraints.txt.")
    if not known:
        return _say(2, "No service of advisories could be asked, so nothing is known of the versions: ask again later.")
    if unknown := [one["name"] for one in answers if "vulns" not in one]:
        return _say(2, f"{len(unknown)} of {len(answers)} packages are not known to the service: {', '.join(unknown)}.")
    return _say(0, f"No advisory is about any of the {len(known)} pinned versions.")


def _ask(python: str, pins: Path, service: str) -> list[dict[str, Any]]:
    """What one service says of each package; nothing where it does not answer."""
    how = (
        "--no-deps",
        "--disable-pip",
        "--progress-spinner=off",
        "--format=json",
        f"--vulnerability-service={service}",
    )
    asked = _run(python, "-m", "pip_audit", "--requirement", str(pins), *how)
    try:
        answers: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return answers


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _say(code: int, words: str) -> int:
    sys.stdout.write(f"make audit-dependencies: {words}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else PINS))
