"""Make the environment of the project: pinned versions, one line a package, whole or made again.

    python3 .ci/install.py .venv

An environment that was killed while it was made is known by its mark and made anew; one that is finished and whose
pins have changed is brought up to date. uv does the work where it is installed (GENEBRAIN_INSTALLER=pip says no).
Needs nothing but Python, so that it can say in one sentence what is missing.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NEEDED = (3, 11)
WANTED = ".[dev]"
MAKING, INSTALLED = ".making", ".installed"
POLL_SECONDS = 2.0


class InstallError(Exception):
    """Why there is no environment, in one sentence."""


def main(venv: Path) -> None:
    """Make or mend the environment."""
    if sys.version_info < NEEDED:
        raise InstallError(
            f"Python {'.'.join(map(str, NEEDED))} or newer is required; {sys.executable} is {sys.version.split()[0]}. "
            "Name another: make PYTHON=python3.12"
        )
    begun = time.monotonic()
    _begin(venv)
    uv = shutil.which("uv") if os.environ.get("GENEBRAIN_INSTALLER", "uv") == "uv" else None
    _say(f"Installing into {venv} with {'uv' if uv else 'pip'} (about 3 minutes, once) ...")
    if uv:
        _run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)])
        _run([uv, "pip", "install", "--python", str(venv / "bin" / "python"), *_packages()])
    else:
        _run([sys.executable, "-m", "venv", str(venv)])
        _pip(venv, ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", *_packages()])
    os.replace(venv / MAKING, venv / INSTALLED)
    _say(f"Installed {_count(venv)} packages in {time.monotonic() - begun:.0f} s.")


def _packages() -> list[str]:
    return ["--constraint", str(REPOSITORY / "constraints.txt"), "--editable", f"{REPOSITORY}/{WANTED}"]


def _begin(venv: Path) -> None:
    """Mark the environment as being made; remove one that was left half-made, never one that somebody else made."""
    if (venv / MAKING).exists():
        _say(f"{venv} was left half-made; it is made again.")
        shutil.rmtree(venv)
    venv.mkdir(parents=True, exist_ok=True)
    if (venv / INSTALLED).exists():
        os.replace(venv / INSTALLED, venv / MAKING)
    (venv / MAKING).touch()  # now: what is changed while this works is newer than the finished environment


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise InstallError(
            f"`{' '.join(command[:3])} ...` ended with exit code {done.returncode}; its reason is above."
        )


def _pip(venv: Path, words: list[str]) -> None:
    """Run pip and say what it does, one line a package; its own words only where it fails."""
    python = venv / "bin" / "python"
    pip = subprocess.Popen(
        [str(python), "-m", "pip", "install", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    tail: collections.deque[str] = collections.deque(maxlen=40)
    total = sum(1 for line in (REPOSITORY / "constraints.txt").read_text("utf-8").splitlines() if "==" in line)
    number, finished = 0, threading.Event()
    for line in pip.stdout or ():
        tail.append(line.rstrip())
        if found := re.match(r"\s*(?:Downloading|Using cached) (\S+?)-(\d[^-]*)-\S*\.whl\S* \((.+)\)", line):
            number += 1
            _say(f"{number:>5} of about {total}  {found[1].replace('_', '-')} {found[2]}, {found[3]}")
        elif line.startswith("Installing collected packages:"):
            threading.Thread(target=_watch, args=(venv, line.count(",") + 1, finished), daemon=True).start()
    finished.set()
    if pip.wait():
        raise InstallError(_reason(list(tail)))


def _watch(venv: Path, n_new: int, finished: threading.Event) -> None:
    """Say how many packages are unpacked while pip says nothing."""
    before, said = _count(venv), -1
    while not finished.wait(POLL_SECONDS):
        unpacked = min(_count(venv) - before, n_new)
        if unpacked != said:
            _say(f"      unpacked {max(unpacked, 0)} of {n_new}")
            said = unpacked


def _count(venv: Path) -> int:
    return len(list(venv.glob("lib/python*/site-packages/*.dist-info")))


def _reason(tail: list[str]) -> str:
    """What pip says of its failure, and what to do."""
    errors = [line.removeprefix("ERROR: ") for line in tail if line.startswith("ERROR: ")]
    said = errors[-1] if errors else next((line for line in reversed(tail) if line), "nothing")
    if any("Temporary failure in name resolution" in line or "NewConnectionError" in line for line in tail):
        return (
            f"The package index cannot be reached; pip says: {said} Check the network, then run the same command again."
        )
    return f"pip could not install everything; it says: {said} Mend that, then run the same command again."


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else ".venv"))
    except InstallError as error:
        sys.exit(f"make install: {error}")
    except KeyboardInterrupt:
        sys.exit("make install: interrupted; the next one starts anew.")
