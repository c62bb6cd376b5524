"""The smallest configuration."""

from pathlib import Path

import pytest

MINIMAL = """
name: small
output: out
genome: {reference: ref.fa, annotation: genes.gtf, variants: [a.vcf.gz]}
brain: {thickness: {path: brain.csv}}
encoders: [{name: kmer-3, encoder: kmer-spectrum, options: {k: 3}}]
"""


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    """A file with the keys that are required; what its paths name does not exist."""
    path = tmp_path / "small.yaml"
    path.write_text(MINIMAL)
    return path
