"""A browser of this machine, and servers that the tests look at with it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from analyses.tracking.server import ui_environment
from tests.conftest import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The program of the system's Chromium, where there is one."""
    return next(filter(None, map(shutil.which, _CHROMIUM)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it: nothing is downloaded."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        patience = {"timeout": PATIENCE * 1000}
        chromium = driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"], **patience)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page of a fresh profile with `faults`: errors of its scripts, and requests that leave the machine."""
    contexts: list[Any] = []

    def opened(address: str, **how: Any) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **how}))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("request", lambda request: page.faults.extend(_outside(request.url)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def _outside(address: str) -> list[str]:
    own = ("file:", "data:", "blob:", "http://127.0.0.1:")
    return [] if address.startswith(own) else [address]


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: Sequence[object], address: str, log: Path, **how: Any) -> Iterator[None]:
    """A server that answers at an address, until the end."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=said, stderr=said, start_new_session=True, **how
        )
    try:
        wait_until(lambda: process.poll() is not None or _answers(address))
        assert process.poll() is None, log.read_text("utf-8", errors="replace")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=PATIENCE)


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask again and again; given up after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):
            return True
    except (URLError, ConnectionError, TimeoutError):
        return False


@contextmanager
def postgres() -> Iterator[str]:
    """A database of PostgreSQL on the loopback address, gone afterwards; its SQLAlchemy address."""
    with TemporaryDirectory(prefix="genebrain-postgres-") as folder:  # folders of tests are closed to other users
        yield from _postgres(Path(folder))


def _postgres(data: Path) -> Iterator[str]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("no PostgreSQL is installed (apt-get install postgresql)")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    bin_folder, port = programs[-1].parent, free_port()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(data, "nobody", "nogroup")
    made = [bin_folder / "initdb", "-D", data, "-U", "genebrain", "-A", "trust", "--no-sync"]
    subprocess.run([str(word) for word in made], check=True, capture_output=True, cwd="/", **user)
    command = [bin_folder / "postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-k", data, "-F"]
    process = subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL, cwd="/", **user)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None
        wait_until(lambda: _is_created(bin_folder, port))
        yield f"postgresql+psycopg2://genebrain@127.0.0.1:{port}/mlflow"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_created(bin_folder: Path, port: int) -> bool:
    made = [bin_folder / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "genebrain", "mlflow"]
    return subprocess.run([str(word) for word in made], capture_output=True, check=False).returncode == 0


def mlflow_server(store: str, artifacts: Path, port: int) -> list[object]:
    """Command of a server that proxies its artifacts and lets nobody in without a name and a password."""
    place = ["--backend-store-uri", store, "--artifacts-destination", artifacts.as_uri(), "--workers", "1"]
    place += ["--app-name", "basic-auth"]
    return [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, *place]


def auth_environment(folder: Path, password: str) -> dict[str, str]:
    """This environment with what MLflow's app of names and passwords needs; its database lies in `folder`."""
    settings = folder / "basic_auth.ini"
    settings.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/basic_auth.db\n"
        "admin_username = admin\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 600\n"
    )
    secrets = {"MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test alone", "MLFLOW_AUTH_ADMIN_PASSWORD": password}
    return ui_environment() | secrets | {"MLFLOW_AUTH_CONFIG_PATH": str(settings)}
