"""Genotypes in every format: VCF, BCF, PGEN, BGEN, VCF Zarr, with the files beside them."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pgenlib
import pyarrow as pa
import pysam
import pysam.bcftools
import zarr
from bgen import BgenWriter

from encoders.genome.intervals import Interval
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock
from tests.fuzz.reader import Files, Reader, read_files

SAMPLES = ("S1", "S2", "S3")
REGION = Interval("20", 120, 300)
RECORDS = ((130, "A", "C", "0|1 1|1 0|0"), (150, "A", "C,T", "0|2 1|0 0/1"), (151, "CGT", "C", "0|0 .|. 1|0"),
           (190, "T", "G", "1|0 0|1 0|0"), (230, "G", "<DEL>", "0|1 0|0 0|0"))  # fmt: skip
HEADER = [
    "##fileformat=VCFv4.2", "##contig=<ID=20,length=400>",
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">',
    '##FORMAT=<ID=DS,Number=1,Type=Float,Description="DS">',
    '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="PS">',
    "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *SAMPLES)),
]  # fmt: skip
WORDS = (
    b"0|1", b"0/1", b"|0|1", b".|.", b"0|9", b"1", b"0|0|1", b"<DEL>", b"<DUP>", b"*", b".", b"END=5", b"END=",
    b"SVLEN=3",
    b"GT:DS", b"DS", b"GT:PS", b"##contig=<ID=20>", b"##fileformat=VCFv4.4", b"S1", b"20", b"chr20",
)  # fmt: skip


def _vcf_text() -> str:
    rows = [
        f"20\t{at}\t.\t{ref}\t{alt}\t.\tPASS\t{'END=240' if alt == '<DEL>' else '.'}\tGT\t" + cells.replace(" ", "\t")
        for at, ref, alt, cells in RECORDS
    ]
    return "\n".join([*HEADER, *rows, ""])


def _vcfs(folder: Path) -> Sequence[Files]:
    found = []
    for number, csi in enumerate((False, True)):
        made = folder / str(number) / "v.vcf"
        made.parent.mkdir()
        made.write_text(_vcf_text())
        pysam.tabix_index(str(made), preset="vcf", force=True, csi=csi)
        found.append(read_files(made.parent))
    return found


def _bcfs(folder: Path) -> Sequence[Files]:
    (folder / "v.vcf").write_text(_vcf_text())
    pysam.bcftools.view("-O", "b", "-o", str(folder / "v.bcf"), str(folder / "v.vcf"), catch_stdout=False)
    pysam.bcftools.index(str(folder / "v.bcf"), catch_stdout=False)
    (folder / "v.vcf").unlink()
    return [read_files(folder)]


def _codes() -> np.ndarray:
    cells = [[cell.replace("/", "|").replace(".", "-1").split("|") for cell in row[3].split()] for row in RECORDS[:4]]
    return np.array(cells, dtype=np.int8)


def _pgens(folder: Path) -> Sequence[Files]:
    with pgenlib.PgenWriter(
        str(folder / "v.pgen").encode(), 3, variant_ct=4, nonref_flags=False, hardcall_phase_present=True,
        allele_ct_limit=3
    ) as writer:  # fmt: skip
        for row, codes in zip(RECORDS, _codes(), strict=False):
            pairs = np.where(codes < 0, -9, codes).astype(np.int32).ravel()
            writer.append_partially_phased(pairs, np.ones(3, np.uint8), allele_ct=2 + row[2].count(","))
    table = "##x\n#CHROM\tPOS\tID\tREF\tALT\tINFO\n" + "".join(
        f"20\t{at}\t.\t{ref}\t{alt}\t.\n" for at, ref, alt, _ in RECORDS[:4]
    )
    people = "#FID\tIID\tSEX\n" + "".join(f"F\t{name}\tNA\n" for name in SAMPLES)
    pgen = (folder / "v.pgen").read_bytes()
    with pa.output_stream(str(folder / "v.pvar.zst"), compression="zstd") as stream:
        stream.write(table.encode())
    with pgenlib.PgenWriter(
        str(folder / "d.pgen").encode(), 3, variant_ct=2, nonref_flags=False, dosage_present=True
    ) as writer:
        for row in ((0.0, 0.5, 2.0), (1.0, 0.0, 1.9)):
            writer.append_dosages(np.array(row, dtype=np.float32))
    short = "#CHROM\tPOS\tID\tREF\tALT\n20\t150\t.\tA\tC\n20\t160\t.\tA\tC\n"
    return [
        {"v.pgen": pgen, "v.pvar": table.encode(), "v.psam": people.encode()},
        {"v.pgen": pgen, "v.pvar.zst": (folder / "v.pvar.zst").read_bytes(), "v.psam": people.encode()},
        {"v.pgen": (folder / "d.pgen").read_bytes(), "v.pvar": short.encode(), "v.psam": people.encode()},
    ]


def _bgens(folder: Path) -> Sequence[Files]:
    found = []
    for number, compression in enumerate(("zlib", "zstd", None)):
        path = folder / f"{number}.bgen"
        with BgenWriter(str(path), 3, list(SAMPLES) if number else [], compression=compression) as writer:
            for at, ref, alt, _ in RECORDS[:4:2]:
                table = np.zeros((3, 2 * (2 + alt.count(","))))
                table[:, 0] = table[:, -1] = 1
                writer.add_variant(
                    "", "", "20", at, [ref, *alt.split(",")], table, phased=True, bit_depth=8 * (1 + number % 2)
                )
            writer.add_variant("v", "", "20", 200, ["A", "C"], np.array([[1.0, 0, 0], [0, 0, 1], [0, 1, 0]]))
        files: dict[str, bytes] = {"v.bgen": path.read_bytes()}
        if number == 0:
            lines = "ID_1 ID_2 missing\n0 0 0\n" + "".join(f"F {name} 0\n" for name in SAMPLES)
            files["v.sample"] = lines.encode()
        found.append(files)
    return found


WHOLE = {"write_empty_chunks": True}


def _zarrs(folder: Path) -> Sequence[Files]:
    found = []
    for version in (2, 3):
        path = folder / str(version) / "v.vcz"
        path.parent.mkdir()
        group = zarr.open_group(str(path), mode="w", zarr_format=version)
        for name, values in {"sample_id": SAMPLES, "contig_id": ("19", "20")}.items():
            group.create_array(name, shape=(len(values),), dtype="str")[:] = np.array(values, dtype=object)
        alleles = np.array([[ref, *alt.split(","), ""][:3] for _, ref, alt, _ in RECORDS[:4]], dtype=object)
        group.create_array("variant_allele", shape=alleles.shape, chunks=(3, 3), dtype="str")[:] = alleles
        arrays = {
            "variant_contig": np.ones(4, np.int8), "variant_position": np.array([row[0] for row in RECORDS[:4]],
            np.int32),
            "call_genotype": _codes(), "call_genotype_phased": np.ones((4, 3), dtype=bool),
            "variant_length": np.array([len(row[1]) for row in RECORDS[:4]], np.int32),
        }  # fmt: skip
        for name, array in arrays.items():
            chunks = (3, 2, 2)[: array.ndim]
            made = group.create_array(name, shape=array.shape, chunks=chunks, dtype=array.dtype, config=WHOLE)
            made[:] = array
        found.append(read_files(path.parent))
    shutil.make_archive(str(folder / "v"), "zip", folder / "2" / "v.vcz")
    return [*found, {"v.vcz.zip": (folder / "v.zip").read_bytes()}]


def _read(folder: Path, suffixes: Sequence[str]) -> list[GenotypeBlock]:
    path = next((one for suffix in suffixes if (one := folder / f"v{suffix}").exists()), folder / f"v{suffixes[0]}")
    files = VariantFiles(path, dosages="best-guess")
    sites = list(files.sites(REGION))
    blocks = files.fetch(REGION, files.samples_on(["20"]))
    whole = list(files.chunks("20", files.samples_on(["20"]), n_records=3))
    assert sum(len(block.positions) for block in blocks) <= max(
        len(sites), sum(len(block.positions) for block in whole)
    )
    return blocks


def _same_as_by_hand(folder: Path, value: object) -> None:
    """Alleles of records as the text of the file has them, where every cell is one plain genotype."""
    path = folder / "v.vcf.gz"
    if not isinstance(value, list) or not path.is_file():
        return
    expected: dict[tuple[int, str, str], list[str]] = {}
    header: list[str] = []
    for line in gzip.decompress(path.read_bytes()).decode("latin-1").split("\n"):
        cells = line.rstrip("\r").split("\t")
        if line.startswith("#CHROM"):
            header = cells[9:]
        elif not line.startswith("#") and len(cells) == 9 + len(header) and cells[8].split(":")[0] == "GT":
            expected[int(cells[1]), cells[3].upper(), cells[4].upper()] = [cell.split(":")[0] for cell in cells[9:]]
    for block in value:
        for record, position in enumerate(block.positions.tolist()):
            key = position + 1, block.refs[record], ",".join(block.alts[record]) or "."
            for column, subject in enumerate(block.subjects):
                text = expected.get(key, header)[header.index(subject)].partition("\0")[
                    0
                ]  # where htslib takes it to end
                cell = text.replace("/", "|").replace(".", "-1")
                if cell.count("|") == 1 and block.guessed is None:
                    assert sorted(map(int, cell.split("|"))) == sorted(block.alleles[record, column].tolist()), key


def _reader(
    name: str, seeds: Callable[[Path], Sequence[Files]], suffixes: Sequence[str], kinds: dict[str, str], **more: object
) -> Reader:
    return Reader(name, seeds, partial(_read, suffixes=suffixes), kinds, WORDS, **more)  # type: ignore[arg-type]


READERS = (
    _reader("vcf", _vcfs, (".vcf.gz",), {".vcf.gz": "bgzf/text", ".tbi": "bgzf/bytes", ".csi": "bgzf/bytes"},
    agrees=_same_as_by_hand),
    _reader("bcf", _bcfs, (".bcf",), {".bcf": "bgzf/bytes", ".csi": "bgzf/bytes"}),
    _reader("pgen", _pgens, (".pgen",), {".pgen": "bytes", ".pvar": "text", ".psam": "text", ".zst": "bytes"}),
    _reader("bgen", _bgens, (".bgen",), {".bgen": "bytes", ".sample": "text"}),
    _reader(
        "vcf zarr", _zarrs, (".vcz", ".vcz.zip"),
        {".zip": "zip/bytes", ".json": "json", ".zarray": "json", ".zattrs": "json", ".zgroup": "json", "": "bytes"},
        suite=30,
    ),
)  # fmt: skip
