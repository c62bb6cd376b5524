"""Indexes of other files: whatever stands beside a file, every record that it holds is found."""

import gzip
import os
import random
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from encoders.errors import InputError
from encoders.genome.intervals import Interval
from encoders.genome.population.dosages import RecordReport, read_dosages
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.indexes import find_mismatch, indexed_path

Place = tuple[str, int]
WIDTH = 2_000_000


def _places(n_records: int, seed: int) -> list[Place]:
    rng = random.Random(seed)
    return sorted({(rng.choice(("20", "21")), rng.randrange(1_000_000, WIDTH)) for _ in range(n_records)})


def _write(path: Path, places: Sequence[Place], seed: int = 0) -> Path:
    """Records at these places with random genotypes of five samples, bgzip VCF or BCF, without an index."""
    rng = random.Random(seed)
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "S1", "S2", "S3", "S4", "S5"]
    header = [f"##contig=<ID={name},length=63025520>" for name in ("20", "21")]
    header = ["##fileformat=VCFv4.2", *header, '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">']
    rows = [
        [
            contig,
            str(position),
            ".",
            "A",
            "C",
            ".",
            ".",
            ".",
            "GT",
            *(rng.choice(("0|0", "0|1", "1|1")) for _ in range(5)),
        ]
        for contig, position in places
    ]
    plain = path.with_name("plain.vcf")
    plain.write_text("\n".join([*header, *("\t".join(row) for row in [columns, *rows])]) + "\n")
    if path.suffix == ".bcf":
        pysam.bcftools.view("-Ob", "-o", str(path), str(plain), catch_stdout=False)
    else:
        pysam.tabix_compress(str(plain), str(path), force=True)
    return path


def _index(path: Path, kind: str) -> Path:
    pysam.bcftools.index(f"--{kind}", "--force", str(path), catch_stdout=False)
    return Path(f"{path}.{kind}")


def _found(path: Path) -> list[Place]:
    """Every record that is found by asking for one stretch after the other."""
    with pysam.VariantFile(str(path)) as file:
        stretches = [(name, start) for name in ("20", "21") for start in range(999_424, WIDTH + 16_000, 16_384)]
        return [
            (name, record.pos)
            for name, start in stretches
            if name in file.index
            for record in file.fetch(name, start, start + 16_384)
        ]


OTHERS: dict[str, Callable[[list[Place]], list[Place]]] = {
    "half of it": lambda places: places[: len(places) // 2],
    "its second half": lambda places: places[len(places) // 2 :],
    "without its last record": lambda places: places[:-1],
    "one record elsewhere": lambda places: sorted([*places[1:], ("21", 1_999_999)]),
    "other places": lambda places: _places(len(places), 99),
    "one contig only": lambda places: [place for place in places if place[0] == "20"],
    "contigs exchanged": lambda places: sorted(("21" if name == "20" else "20", place) for name, place in places),
    "no records": lambda places: [],
}


@pytest.mark.parametrize("suffix", ["vcf.gz tbi", "vcf.gz csi", "bcf csi"])
@pytest.mark.parametrize("other", OTHERS)
def test_with_the_index_of_another_file_every_record_is_found(tmp_path: Path, suffix: str, other: str) -> None:
    name, kind = suffix.split()
    places = _places(2_500, 7)
    path, former = _write(tmp_path / f"v.{name}", places), _write(tmp_path / f"former.{name}", OTHERS[other](places))
    shutil.copy(_index(former, kind), f"{path}.{kind}")
    with pytest.warns(
        UserWarning, match=rf"An index of .*v\.{name} is that of another file .*: one was made for this run"
    ):
        opened = indexed_path(path, small=0)
    assert _found(opened) == places


@pytest.mark.parametrize("suffix", ["vcf.gz tbi", "vcf.gz csi", "bcf csi"])
@pytest.mark.parametrize("n_records", [0, 1, 40, 3_000])
@pytest.mark.parametrize("seconds", [-9_000, 9_000])
def test_the_right_index_is_taken_whatever_its_time(tmp_path: Path, suffix: str, n_records: int, seconds: int) -> None:
    name, kind = suffix.split()
    path = _write(tmp_path / f"v.{name}", _places(n_records, 11))
    index = _index(path, kind)
    os.utime(index, (path.stat().st_mtime + seconds,) * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert indexed_path(path, small=0) == path
    assert find_mismatch(path, index) == ""


def test_every_real_index_fits_its_file_and_no_other(real_data: Path) -> None:
    folders = [
        real_data / "genome" / name for name in ("grch37_chr20", "grch37_chr22", "grch38_chr22", "grch38_pgx_vcf")
    ]
    indexes = sorted(path for folder in folders for path in folder.iterdir() if path.suffix in {".tbi", ".csi"})
    assert len(indexes) > 60
    for index, other in zip(indexes, indexes[1:] + indexes[:1], strict=True):
        assert find_mismatch(index.with_suffix(""), index) == ""
        assert find_mismatch(index.with_suffix(""), other) != ""


@pytest.mark.parametrize("stale", ["tbi", "csi"])
def test_of_two_indexes_the_right_one_is_used(tmp_path: Path, stale: str) -> None:
    places = _places(2_500, 7)
    path, former = _write(tmp_path / "v.vcf.gz", places), _write(tmp_path / "former.vcf.gz", places[:900])
    _index(path, {"tbi": "csi", "csi": "tbi"}[stale])
    shutil.copy(_index(former, stale), f"{path}.{stale}")
    with pytest.warns(UserWarning, match=rf"\(v\.vcf\.gz\.{stale}: .* is used instead; remove the other"):
        assert _found(indexed_path(path, small=0)) == places


def test_genotypes_and_kinship_see_what_a_stale_index_hides(tmp_path: Path) -> None:
    places = _places(12_000, 3)
    path, former = _write(tmp_path / "v.vcf.gz", places), _write(tmp_path / "former.vcf.gz", places[:2_000])
    assert path.stat().st_size > 1 << 16, "large enough that its index is looked at"
    shutil.copy(_index(former, "tbi"), f"{path}.tbi")
    with pytest.warns(UserWarning, match="another file"):
        variants = VariantFiles(path)
    (block,) = variants.fetch(Interval("21", 0, WIDTH), ["S1"])
    assert block.positions.tolist() == [place - 1 for name, place in places if name == "21"]
    report = RecordReport()
    list(read_dosages(variants, variants.samples, report))
    assert report.n_records == len(places)


@pytest.mark.parametrize("content", [b"", b"no index", "cut", "zeros"])
def test_a_damaged_index_is_made_anew(tmp_path: Path, content: bytes | str) -> None:
    places = _places(400, 2)
    path = _write(tmp_path / "v.vcf.gz", places)
    right = _index(path, "tbi").read_bytes()
    damaged = {"cut": right[: len(right) // 2], "zeros": right[:40] + bytes(len(right) - 40)}
    Path(f"{path}.tbi").write_bytes(damaged[content] if isinstance(content, str) else content)
    with pytest.warns(UserWarning, match="one was made for this run"):
        assert _found(indexed_path(path, small=0)) == places


def test_unsorted_records_are_named_though_an_index_stands_beside_them(tmp_path: Path) -> None:
    places = _places(50, 2)
    path = _write(tmp_path / "v.vcf.gz", places)
    _index(path, "tbi")
    _write(path, [*places[1:], places[0]])
    with pytest.raises(InputError, match=r"is not sorted \(20:\d+ follows a later position\)"):
        indexed_path(path)


def test_nothing_beside_the_file_is_touched(tmp_path: Path) -> None:
    path = _write(tmp_path / "v.vcf.gz", _places(30, 2))
    index = _index(_write(tmp_path / "former.vcf.gz", _places(20, 1)), "tbi").rename(f"{path}.tbi")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    opened = indexed_path(path)
    assert opened.parent != tmp_path
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert index in before


def test_a_damaged_index_never_ends_the_process(tmp_path: Path) -> None:
    """htslib trusts the index beside a file, and sizes that it claims."""
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=20,length=400>"]
    lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="">']
    lines += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1", "20\t130\t.\tA\tC\t.\tPASS\t.\tGT\t0|1", ""]
    (tmp_path / "v.vcf").write_text("\n".join(lines))
    path = Path(pysam.tabix_index(str(tmp_path / "v.vcf"), preset="vcf", force=True, csi=True))
    index = Path(f"{path}.csi")
    whole = gzip.decompress(index.read_bytes())
    code = (
        "import sys\nfrom encoders.genome.variants import VariantFiles\n"
        "from encoders.genome.intervals import Interval\n"
        "from pathlib import Path\n"
        "blocks = VariantFiles(Path(sys.argv[1])).fetch(Interval('20', 0, 400), ['S1'])\n"
        "print(blocks[0].alleles.tolist())"
    )
    for place in (4, 8, 12):
        index.write_bytes(gzip.compress(whole[:place] + b"\xff\xff\xff\x7f" + whole[place + 4 :]))
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "[[[0, 1]]]\n"), done.stderr
