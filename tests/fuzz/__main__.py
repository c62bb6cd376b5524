"""Give every reader damaged files, in processes of their own, and write what became of them to docs/fuzz.md.

    python -m tests.fuzz [READER ...] --inputs 100000     # or make fuzz INPUTS=100000 READERS="vcf bgen"

A run that is broken off is taken up where it stopped, as long as neither readers nor mutations have changed. Inputs
that ended badly stay in .fuzz/findings.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.fuzz.page import write_page
from tests.fuzz.readers import READERS
from tests.fuzz.run import Progress, run

FOLDER = Path(".fuzz")


def main() -> int:
    """Exit code 1 where an input ended badly."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"all if none; of {', '.join(READERS)}")
    parser.add_argument("--inputs", type=int, default=1000, help="of each reader")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-page", action="store_true", help="leave docs/fuzz.md as it is")
    asked = parser.parse_args()
    if unknown := [name for name in asked.readers if name not in READERS]:
        parser.error(f"no reader is called {unknown[0]!r}")
    progress = Progress(FOLDER)
    run(asked.readers or list(READERS), asked.inputs, progress, workers=asked.workers)
    if not asked.no_page:
        write_page(progress)
    sys.stdout.write(progress.summary())
    return 1 if progress.findings() else 0


if __name__ == "__main__":
    sys.exit(main())
