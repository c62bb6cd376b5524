"""What vectors cost to make: kept beside them, so that a run that finds them in the store still knows."""

from __future__ import annotations

import json
import math
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.errors import InputError
from analyses.results.schema.comparisons import StoreCost

if TYPE_CHECKING:
    from encoders.dna.protocol import SequenceEncoder
    from encoders.embedding import EmbedReport

_LEDGER = "cost.jsonl"
_COUNTED = ("n_encoded", "n_forward_passes", "seconds", "peak_gb")
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of ru_maxrss."""


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes.

    getrusage starts from what the process held that this one was forked from, so it is second choice.
    """
    status = Path("/proc/self/status")
    if status.is_file() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def note_cost(folder: Path, report: EmbedReport) -> None:
    """Add one line to a store's ledger; one short append is whole or not at all."""
    entry = {
        "n_encoded": report.n_encoded,
        "n_forward_passes": report.n_forward_passes,
        "seconds": round(report.seconds, 3),
        "peak_gb": round(peak_memory() / 2**30, 3),
    }
    with (folder / _LEDGER).open("a", encoding="utf-8") as ledger:
        ledger.write(json.dumps(entry) + "\n")


def read_cost(folder: Path) -> StoreCost:
    """Sums over a store's ledger."""
    path = folder / _LEDGER
    entries = list(_entries(path)) if path.is_file() else []
    return StoreCost(
        n_encoded=sum(entry["n_encoded"] for entry in entries),
        n_forward_passes=sum(entry["n_forward_passes"] for entry in entries),
        seconds=sum(entry["seconds"] for entry in entries),
        peak_gb=max((entry["peak_gb"] for entry in entries), default=None),
        store_gb=sum(path.stat().st_size for path in folder.glob("*.npy")) / 2**30,
    )


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    """Entries of a ledger, each a line."""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), int | float) for key in _COUNTED):
            raise InputError(
                f"Every line of {path} must be what embedding cost, with {', '.join(_COUNTED)}; line {number} is not: "
                "remove that line."
            )
        yield entry


def count_flops(encoder: SequenceEncoder, sequence: str) -> int:
    """Floating-point operations of the matrix products and convolutions for one sequence, both strands where read.

    Counted by torch while the sequence is embedded; a scan and what works element by element are not among them, and an
    encoder without a network has none.
    """
    if not hasattr(encoder, "model"):
        return 0
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def linear(x: tuple[int, ...], weight: tuple[int, ...], *_: Any, out_shape: tuple[int, ...], **__: Any) -> int:
        return 2 * math.prod(out_shape) * x[-1]

    known = {torch.ops.mkldnn._linear_pointwise: linear} if hasattr(torch.ops.mkldnn, "_linear_pointwise") else {}
    with FlopCounterMode(display=False, custom_mapping=known) as counter:
        encoder.embed([sequence])
    return int(counter.get_total_flops())
