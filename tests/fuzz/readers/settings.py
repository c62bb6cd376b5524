"""Configurations: one file, files that extend others, arms by file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyses.config.file import load_config
from tests.fuzz.reader import Files, Reader

REPOSITORY = Path(__file__).resolve().parents[3]
_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in b"bcdefghij"
)


def _configs(_: Path) -> Sequence[Files]:
    """The demo's, one over it, and the arms that it names."""
    whole = (REPOSITORY / "configs" / "demo.yaml").read_bytes()
    arm = (REPOSITORY / "configs" / "encoders" / "kmer-spectrum.yaml").read_bytes()
    over = b"extends: demo.yaml\nseed: 7\nworkers: 1\nencoders:\n  - arm.yaml\nalignment: {pca_components: 30}\n"
    return [
        {"run.yaml": whole},
        {"run.yaml": over, "demo.yaml": whole, "arm.yaml": arm},
        {"run.yaml": b"extends: b.yaml\n", "b.yaml": b"extends: c.yaml\nseed: 3\n", "c.yaml": whole},
    ]


READERS = (
    Reader(
        "configuration", _configs, lambda folder: load_config(folder / "run.yaml"), {".yaml": "text"},
        (
            b"extends: run.yaml", b"extends: b.yaml", b"extends: [a]", b"extends: /etc",
            b"&a", b"*a", b"<<: *a", b"- ",  b"? ",
            b"!!python/object/apply:os.system ['true']", b"!!timestamp 2001-01-01", b"${HOME}", b"${NOT_SET}",
            b"${X:-[1]}",
            b"0o17", b"1:30", b"yes", b"~", b"{a: {b: 1}}", b"seed: 1", b"|", b">-", b"---", b"...", b"%YAML 9.9",
            _BOMB,
        ),
        suite=100,
    ),
)  # fmt: skip
