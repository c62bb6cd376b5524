"""Where a result comes from: code, versions, machine settings, and the hashes of its inputs."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = (
    "gene-brain-fusion",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "torch",
    "transformers",
    "mlflow",
    "pysam",
)
_REPOSITORY = Path(__file__).resolve().parents[2]
_PACKAGE_FOLDERS = ("analyses", "encoders", "fusion")
#: Files beyond this size are identified by size and modification time: hashing a biobank would take hours.
_HASHED_BYTES = 2**31


def digest(*parts: object) -> str:
    """SHA-256 (hex) of JSON-serialisable parts, independent of key order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def file_fingerprint(path: Path) -> str:
    """``sha256:…`` of a file's bytes, or ``size-mtime:…`` beyond 2 GiB."""
    status = path.stat()
    if status.st_size > _HASHED_BYTES:
        return f"size-mtime:{status.st_size}-{status.st_mtime_ns}"
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def input_name(path: Path) -> str:
    """How an input is named in results: file and folder, no absolute path."""
    return f"{path.parent.name}/{path.name}"


@cache
def code_version() -> str:
    """Version of the package and digest of its source files: results of other code are not taken for this one's.

    The sources, not the commit: an edit that is not committed counts, and a commit that touches only texts does not.
    """
    sources = (path for package in _PACKAGE_FOLDERS for path in sorted((_REPOSITORY / package).rglob("*.py")))
    content = hashlib.blake2b(digest_size=16)
    for path in sources:
        content.update(path.relative_to(_REPOSITORY).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{metadata.version('gene-brain-fusion')}+{content.hexdigest()}"


def git_state() -> dict[str, Any]:
    """Commit of the source tree and whether it was modified; ``None`` for an installed package without git."""
    sha = _git("rev-parse", "HEAD")
    return {"git_sha": sha, "git_dirty": bool(_git("status", "--porcelain")) if sha else None}


def library_versions(also: Sequence[str] = ()) -> dict[str, str]:
    """Versions of the libraries that results come from, and of others by their name."""
    return {name: metadata.version(name) for name in (*_PACKAGES, *also)}


def blas_libraries() -> list[dict[str, Any]]:
    """The BLAS of numpy and of scipy, with kernel and threads, as threadpoolctl tells them."""
    import numpy.linalg  # noqa: F401  what is not loaded yet is not seen
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    return [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]


def environment() -> dict[str, Any]:
    """Versions, platform and BLAS kernels: what can change the last digits of a result."""
    told = ("internal_api", "version", "architecture", "threading_layer")
    blas = [{key: library.get(key) for key in told} for library in blas_libraries()]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "versions": library_versions(),
        "blas": blas,
        **git_state(),
    }


def _git(*arguments: str) -> str | None:
    if not (_REPOSITORY / "pyproject.toml").is_file():
        return None  # installed as a package: a repository around it would not be this code's
    try:
        answer = subprocess.run(
            ["git", "-C", str(_REPOSITORY), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None  # not a git checkout, or no git: the package's version must do
    return answer.stdout.strip()
