"""pip and uv as `make install` uses them: one line a package, and one sentence where they fail.

uv reads none of pip's settings. It is told them here, so that an index or a folder of wheels that was set for pip (a
CPU build of torch, say) serves both, and both take the same versions. What uv was told in its own words stays.
"""

from __future__ import annotations

import ast
import collections
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

POLL_SECONDS = 2.0
UV_WORDS = {
    "index-url": ("--index-url", ("UV_INDEX_URL", "UV_DEFAULT_INDEX")),
    "extra-index-url": ("--extra-index-url", ("UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_TORCH_BACKEND")),
    "find-links": ("--find-links", ("UV_FIND_LINKS",)),
    "trusted-host": ("--allow-insecure-host", ("UV_INSECURE_HOST",)),
    "constraint": ("--constraint", ("UV_CONSTRAINT",)),
}
"""Setting of pip -> the same of uv, and the variables by which somebody may have told uv already."""
REQUIRE_HASHES = "--require-hashes"
UV_VARIABLES = {"cert": "SSL_CERT_FILE", "proxy": "ALL_PROXY"}
PIP_TAKES = re.compile(
    r"\s*(?:Downloading|Using cached|Processing) (?:\S*/)?([^\s/]+?)-(\d[^-]*)-\S*\.whl(?: \((\S+ [kMG]?B)\))?"
)
"""A line in which pip takes a wheel, or its metadata alone: name, version, size."""
UNREACHED = (
    r"Retry\(total=0|Max retries exceeded|Read timed out|Temporary failure in name resolution|Failed to fetch|"
    r"error sending request|dns error|Network is unreachable"
)
"""What pip and uv say when the index gave no answer."""


class InstallError(Exception):
    """Why there is no environment, in one sentence."""


def say(line: str) -> None:
    """Say one line now, also where the output is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def found_uv() -> str | None:
    """Where uv is, if it works here and was not declined."""
    uv = shutil.which("uv")
    if uv is None or os.environ.get("GENEBRAIN_INSTALLER", "uv") != "uv":
        return None
    return uv if subprocess.run([uv, "--version"], capture_output=True, check=False).returncode == 0 else None


def install_with_uv(uv: str, venv: Path, steps: list[list[str]], *, cwd: Path, lock: int) -> None:
    """Make the environment and install; uv says by itself what it downloads."""
    settings = pip_settings()
    told = {name: settings[key] for key, name in UV_VARIABLES.items() if key in settings} | os.environ
    make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)]
    install = [uv, "pip", "install", "--python", str(venv / "bin" / "python")]
    for command in (make, *([*install, *uv_options(_heeded(settings, words)), *words] for words in steps)):
        _follow(command, _uv_listener(), cwd=cwd, lock=lock, env=told)


def install_with_pip(venv: Path, steps: list[list[str]], *, n_expected: int, cwd: Path, lock: int) -> None:
    """Make the environment and install; say what pip does, one line a package."""
    _follow([sys.executable, "-m", "venv", str(venv)], lambda _: None, cwd=cwd, lock=lock, env=os.environ)
    finished = threading.Event()
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    quiet = ["--progress-bar", "off"]
    try:
        hear = _pip_listener(venv, n_expected, finished)
        for words in steps:
            told = {"PYTHONUNBUFFERED": "1"} | ({"PIP_CONSTRAINT": os.devnull} if REQUIRE_HASHES in words else {})
            _follow([*pip, *quiet, *words], hear, cwd=cwd, lock=lock, env=os.environ | told)
    finally:
        finished.set()


def pip_settings() -> dict[str, str]:
    """What pip was told by its files and its variables; for installing before in general, by a variable before all."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for key, value in re.findall(rf"^{section}\.(\S+?)=(.*)$", listed, flags=re.MULTILINE):
            found[key] = str(ast.literal_eval(value))
    return found


def _heeded(settings: Mapping[str, str], words: list[str]) -> dict[str, str]:
    """Settings of pip, without its constraints where every file is known by its hash: they have none."""
    return {key: value for key, value in settings.items() if key != "constraint" or REQUIRE_HASHES not in words}


def uv_options(settings: Mapping[str, str]) -> list[str]:
    """Settings of pip as uv is told them."""
    options = ["--no-index"] if settings.get("no-index", "0").lower() in {"1", "true", "yes", "on"} else []
    for key, (word, variables) in UV_WORDS.items():
        if not any(name in os.environ for name in variables):
            options += [part for value in settings.get(key, "").split() for part in (word, value)]
    if "--extra-index-url" in options:
        options += ["--index-strategy", "unsafe-best-match"]  # pip takes the best version of all indexes
    return options


def count(venv: Path) -> int:
    """Packages in an environment."""
    return len(list(venv.glob("lib/python*/site-packages/*.dist-info")))


def reason(program: str, said: Iterable[str]) -> str:
    """What the program says of its failure, and what to do."""
    lines = [line.strip(" ×╰─▶│>") for line in said]
    words = _last_words([line for line in lines if line])
    if re.search(UNREACHED, "\n".join(lines)):
        return f"The package index cannot be reached; {program} says: {words}. Check the network, then run it again."
    return f"{program} could not install everything; it says: {words}. Mend that, then run it again."


def _last_words(lines: list[str]) -> str:
    """The one line that names the cause: pip's last error, else what a build said last, else uv's error and cause."""
    errors = [line.removeprefix("ERROR:") for line in lines if line.startswith("ERROR:")]
    builds = [line for line, after in itertools.pairwise(lines) if after == "[end of output]"]
    uv = [line.removeprefix("error:") for line in lines if line.startswith("error:")]
    causes = [line.removeprefix("cause:") for line in lines if line.startswith(("cause:", "Because "))]
    chosen = (errors or builds or uv or lines or ["nothing"])[-1].strip()
    if causes and not errors and not builds:
        chosen = f"{chosen}: {causes[0].strip()}"
    return chosen.rstrip(".")


def _follow(command: list[str], hear: Callable[[str], None], *, cwd: Path, lock: int, env: Mapping[str, str]) -> None:
    """Run a program and hear each line; it holds the lock too, for it may outlive this one."""
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=env,
        cwd=cwd,
        pass_fds=(lock,),
    )
    tail: collections.deque[str] = collections.deque(maxlen=60)
    for line in running.stdout or ():
        tail.append(line.rstrip())
        hear(line.rstrip())
    if running.wait():
        raise InstallError(reason("uv" if Path(command[0]).name == "uv" else "pip", tail))


def _uv_listener() -> Callable[[str], None]:
    failing = False

    def hear(line: str) -> None:
        nonlocal failing
        failing = failing or line.startswith(("error:", "  ×"))  # what follows is told in one sentence
        if not failing:
            say(line)

    return hear


def _pip_listener(venv: Path, n_expected: int, finished: threading.Event) -> Callable[[str], None]:
    seen: set[str] = set()

    def hear(line: str) -> None:
        if found := PIP_TAKES.match(line):
            package, size = f"{found[1].replace('_', '-')} {found[2]}", f", {found[3]}" if found[3] else ""
            again = package in seen  # its metadata came before
            seen.add(package)
            number = f"{len(seen):>5} of about {n_expected}"
            say(f"{' ' * len(number) if again else number}  {package}{size}")
        elif line.startswith("Installing collected packages:"):
            threading.Thread(target=_watch, args=(venv, line.count(",") + 1, finished), daemon=True).start()

    return hear


def _watch(venv: Path, n_new: int, finished: threading.Event) -> None:
    """Say how many packages are unpacked while pip says nothing."""
    before, said = count(venv), -1
    while not finished.wait(POLL_SECONDS):
        unpacked = min(count(venv) - before, n_new)
        if unpacked != said:
            say(f"      unpacked {max(unpacked, 0)} of {n_new}")
            said = unpacked
