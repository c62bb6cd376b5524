"""A command that ends when the process that started it does, however that one ends.

    python -m analyses.tracking.watched COMMAND...

Whoever starts this holds a pipe to its standard input, which the system closes when that process was killed. The
command and all that it starts are one process group, that of this process.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence


def watched_command(command: Sequence[str]) -> list[str]:
    """The command line by which `command` is watched."""
    return [sys.executable, "-m", "analyses.tracking.watched", *command]


def main(command: Sequence[str]) -> int:
    """Run a command until it ends, which gives its exit code, or until standard input does."""
    if os.getpgrp() != os.getpid():  # what is ended at last must not be the group of whoever started this
        os.setsid()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_input, daemon=True).start()
    return process.wait()


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
