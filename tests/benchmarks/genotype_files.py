"""Phased genotypes of any number of subjects as BCF and as PGEN, written from arrays, record by record.

BCF is written by the rules of the specification of VCF 4.3, section 6: libraries take genotypes subject by subject.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pgenlib
import pysam
import pysam.bcftools

from analyses.simulation.genome import Contig, Haplotypes

_MAGIC = b"BCF\x02\x02"
_SIZES = struct.Struct("<II")
_SITE = struct.Struct("<iiiIII")
_STRING, _INT8, _LONG = 7, 1, 15
_MISSING_QUALITY = 0x7F800001
_PASS, _GT = 0, 1
"""Numbers of the header's FILTER and FORMAT in its dictionary of strings."""

_GT_IS_TWO_BYTES = bytes([1 << 4 | _INT8, _GT, 2 << 4 | _INT8])
_MOST_ALLELES = 4


class GenotypeFiles:
    """Writes ``cohort.bcf`` with its index and, when all records are known, ``cohort.pgen``, ``.pvar`` and ``.psam``.

    Parameters
    ----------
    folder : Path
    subject_ids : sequence of str
    contigs : sequence of Contig
        Records come in their order.
    """

    def __init__(self, folder: Path, subject_ids: Sequence[str], contigs: Sequence[Contig]) -> None:
        self._folder = folder
        self._subject_ids = subject_ids
        self._numbers = {contig.name: number for number, contig in enumerate(contigs)}
        self._sites: list[tuple[str, int, tuple[str, ...]]] = []
        self._bcf = pysam.BGZFile(str(folder / "cohort.bcf"), "w", index=None)
        header = _header(subject_ids, contigs).encode() + b"\0"
        self._bcf.write(_MAGIC + struct.pack("<I", len(header)) + header)

    def __enter__(self) -> "GenotypeFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bcf.close()
        if kind is None:
            pysam.bcftools.index(str(self._folder / "cohort.bcf"), catch_stdout=False)
            self._write_pgen()

    def add(self, contig: str, haplotypes: Haplotypes) -> None:
        """Further records, by position."""
        for position, texts, alleles in zip(
            haplotypes.positions.tolist(), haplotypes.texts, haplotypes.alleles, strict=True
        ):
            place = (self._numbers[contig], position, len(texts[0]))
            counts = (len(texts) << 16, 1 << 24 | len(alleles))  # of alleles and INFO, of FORMAT and samples
            site = _SITE.pack(*place, _MISSING_QUALITY, *counts) + bytes([_STRING])
            site += b"".join(map(_typed, texts)) + bytes([1 << 4 | _INT8, _PASS])
            calls = (alleles + 1) << 1
            calls[:, 1] |= 1  # phased with the allele before it
            genotypes = _GT_IS_TWO_BYTES + calls.astype(np.int8).tobytes()
            self._bcf.write(_SIZES.pack(len(site), len(genotypes)) + site + genotypes)
            self._sites.append((contig, position, texts))

    def _write_pgen(self) -> None:
        path = self._folder / "cohort.pgen"
        writer = pgenlib.PgenWriter(
            str(path).encode(),
            len(self._subject_ids),
            variant_ct=len(self._sites),
            nonref_flags=False,
            allele_ct_limit=_MOST_ALLELES,
            hardcall_phase_present=True,
        )
        with writer:
            for (_, _, texts), alleles in zip(self._sites, self._read_bcf(), strict=True):
                writer.append_alleles(alleles, all_phased=True, allele_ct=len(texts))
        lines = (f"{c}\t{position + 1}\t.\t{texts[0]}\t{','.join(texts[1:])}\n" for c, position, texts in self._sites)
        path.with_suffix(".pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
        path.with_suffix(".psam").write_text("#IID\n" + "".join(f"{name}\n" for name in self._subject_ids))

    def _read_bcf(self) -> Iterator[np.ndarray]:
        """Alleles of both haplotypes of every subject, record by record: PGEN asks first how many there are."""
        with pysam.BGZFile(str(self._folder / "cohort.bcf"), "r") as file:
            file.read(len(_MAGIC))
            file.read(struct.unpack("<I", file.read(4))[0])
            while sizes := file.read(_SIZES.size):
                site, genotypes = _SIZES.unpack(sizes)
                file.read(site)
                calls = np.frombuffer(file.read(genotypes), np.int8)[len(_GT_IS_TWO_BYTES) :]
                yield (calls >> 1).astype(np.int32) - 1


def _header(subject_ids: Sequence[str], contigs: Sequence[Contig]) -> str:
    lines = [
        "##fileformat=VCFv4.3",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Phased genotype">',
        *(f"##contig=<ID={contig.name},length={contig.length}>" for contig in contigs),
        "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *subject_ids]),
    ]
    return "\n".join(lines) + "\n"


def _typed(text: str) -> bytes:
    """An allele as BCF has it; none of the simulated ones is longer than what one character counts."""
    assert len(text) < _LONG, text
    return bytes([len(text) << 4 | _STRING]) + text.encode()
