"""The MLflow interface on this machine: two processes instead of ten, and its links once it answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from analyses.errors import InputError
from analyses.stopping import stop_on_signals
from analyses.tracking.store import artifact_folder, sqlite_path
from analyses.tracking.watched import watched_command

_START_SECONDS = 600  # a loaded machine takes minutes over what takes a quiet one seconds
_PROBE_SECONDS = 5


def check_server(uri: str) -> None:
    """Raise ConnectionError where no web server answers at an address within seconds; what it says does not matter."""
    try:
        with urlopen(f"{uri}/health", timeout=_PROBE_SECONDS):
            pass
    except HTTPError:
        pass
    except (URLError, TimeoutError, OSError, HTTPException) as error:
        raise ConnectionError(f"no answer within {_PROBE_SECONDS} s: {getattr(error, 'reason', error)}") from None


def ui_command(uri: str, *, host: str = "127.0.0.1", port: int = 5000) -> list[str]:
    """Command line of the interface for a resolved sqlite address."""
    database = sqlite_path(uri)
    if database is None:
        raise InputError(
            f"A server keeps the runs of {uri}; open that address in a browser instead of starting another."
        )
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", uri, "--registry-store-uri", uri]
    artifacts = ["--artifacts-destination", artifact_folder(database).as_uri()]
    return [*command, *stores, *artifacts, "--uvicorn-opts", "--log-level warning"]


def ui_environment() -> dict[str, str]:
    """This environment without the job runners, the telemetry and a notice to developers."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore:starlette.middleware.wsgi"}
    return {**os.environ, **quiet, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def run_server(command: Sequence[str], *, host: str, port: int, lines: Sequence[str]) -> None:
    """Run the interface in the foreground until it is interrupted; print `lines` once it answers.

    Raises
    ------
    InputError
        If the port is taken, or the server ends before it answers.
    """
    _check_port(host, port)
    # A session of its own, so that its workers end with it and an interrupt reaches them once; the pipe, so that they
    # end with this process where it cannot end them itself.
    process = subprocess.Popen(
        watched_command(command), env=ui_environment(), start_new_session=True, stdin=subprocess.PIPE
    )
    try:
        with stop_on_signals():
            _wait_until_healthy(process, f"http://{host}:{port}/health")
            print(*lines, sep="\n", flush=True)
            process.wait()
    except KeyboardInterrupt:
        print("Stopped.")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError(
                f"The interface needs a free port; {host}:{port} is not ({error.strerror}): choose another with --port."
            ) from None


def _wait_until_healthy(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.3)
    raise InputError(f"The MLflow interface did not answer at {address}; its messages above say why.")
