"""PGEN and VCF Zarr give the same blocks as the VCF they were made from."""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pgenlib
import pyarrow as pa
import pytest
import zarr

from encoders.errors import InputError
from encoders.genome.annotation.panel import Panel
from encoders.genome.intervals import Gene, Interval, parse_region
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock
from encoders.genome.variants.pvar import read_pvar
from encoders.genome.windows.haplotype_windows import make_window_table

SAMPLES = tuple(f"S{number}" for number in range(1, 12))
REGION = Interval("20", 100, 200)


def _block(path: Path | Sequence[Path], region: Interval, subjects: Sequence[str]) -> GenotypeBlock:
    (block,) = VariantFiles(path).fetch(region, subjects)
    return block


def _assert_equal(found: GenotypeBlock, expected: GenotypeBlock, *, ordered: bool) -> None:
    """``ordered`` is False for PGEN: unphased alleles lose their order, homozygotes and missing ones their phase."""
    assert found.subjects == expected.subjects
    assert found.refs == expected.refs
    assert found.alts == expected.alts
    for name in ("positions", "info_ends"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist(), name
    heterozygous = expected.alleles[..., 0] != expected.alleles[..., 1]
    if ordered:
        assert np.array_equal(found.phased, expected.phased)
    else:
        assert np.array_equal(found.phased[heterozygous], expected.phased[heterozygous])
    loose = heterozygous & ~expected.phased if not ordered else np.zeros_like(heterozygous)
    assert np.array_equal(found.alleles[~loose], expected.alleles[~loose])
    assert np.array_equal(np.sort(found.alleles[loose], axis=1), np.sort(expected.alleles[loose], axis=1))


@pytest.fixture
def small_vcf(write_vcf: Callable[..., Path]) -> Path:
    """Multiallelic, unphased, missing, long deletion from before the region, no ALT; 11 samples."""
    rng = np.random.default_rng(3)
    records = []
    for position, ref, alt in (
        (95, "ACGTACGTAC", "A"), (110, "A", "C,T"), (111, "A", "G"), (120, "G", "GTT,A,*"), (150, "T", "."),
        (190, "C", "T"), (230, "C", "G"),
    ):  # fmt: skip
        n_alleles = 1 if alt == "." else 2 + alt.count(",")
        pairs = rng.integers(0, n_alleles, size=(len(SAMPLES), 2))
        genotypes = ["|/"[rng.integers(2)].join(map(str, pair)) for pair in pairs]
        genotypes[int(rng.integers(len(SAMPLES)))] = "./."
        records.append((position, ref, alt, ".", genotypes))
    return write_vcf(records, samples=SAMPLES)


def _write_pgen(vcf: Path, prefix: Path, *, zst: bool = False) -> Path:
    """A PGEN of a small VCF, written by pgenlib."""
    block = _block(vcf, Interval("20", 0, 3_000_000), SAMPLES)
    most = max(len(alts) for alts in block.alts) + 1
    with pgenlib.PgenWriter(
        str(prefix.with_suffix(".pgen")).encode(), len(SAMPLES), variant_ct=len(block.positions),
        nonref_flags=False, hardcall_phase_present=True, allele_ct_limit=most,
    ) as writer:  # fmt: skip
        for alleles, phased, alts in zip(block.alleles, block.phased, block.alts, strict=True):
            codes = np.where(alleles < 0, -9, alleles).astype(np.int32).reshape(-1)
            writer.append_partially_phased(codes, phased.astype(np.uint8), allele_ct=max(2, len(alts) + 1))
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT"]
    lines += [
        f"20\t{position + 1}\t.\t{ref}\t{','.join(alts) or '.'}"
        for position, ref, alts in zip(block.positions, block.refs, block.alts, strict=True)
    ]
    text = "\n".join([*lines, ""]).encode()
    if zst:
        with pa.output_stream(str(prefix.with_suffix(".pvar.zst")), compression="zstd") as stream:
            stream.write(text)
    else:
        prefix.with_suffix(".pvar").write_bytes(text)
    prefix.with_suffix(".psam").write_text("\n".join(["#FID\tIID\tSEX", *(f"F\t{name}\tNA" for name in SAMPLES), ""]))
    return prefix.with_suffix(".pgen")


WHOLE = {"write_empty_chunks": True}
"""Chunks in which everybody is reference are stored, too."""


def _write_zarr(vcf: Path, path: Path, *, zarr_format: int = 2, length: bool = True) -> Path:
    """The arrays of the bio2zarr layout."""
    block = _block(vcf, Interval("20", 0, 3_000_000), SAMPLES)
    group = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
    n, most = len(block.positions), max(len(alts) for alts in block.alts) + 1
    alleles = np.full((n, most), "", dtype=object)
    for record, (ref, alts) in enumerate(zip(block.refs, block.alts, strict=True)):
        alleles[record, : 1 + len(alts)] = [ref, *alts]
    for name, values in {"sample_id": SAMPLES, "contig_id": ("19", "20")}.items():
        group.create_array(name, shape=(len(values),), dtype="str")[:] = np.array(values, dtype=object)
    group.create_array("variant_allele", shape=alleles.shape, chunks=(3, most), dtype="str")[:] = alleles
    arrays = {
        "variant_contig": np.ones(n, dtype=np.int8), "variant_position": (block.positions + 1).astype(np.int32),
        "call_genotype": block.alleles.astype(np.int8), "call_genotype_phased": block.phased,
    }  # fmt: skip
    if length:
        arrays["variant_length"] = (block.info_ends - block.positions).astype(np.int32)
    for name, values in arrays.items():
        chunks = (3, 5, 2)[: values.ndim]
        made = group.create_array(name, shape=values.shape, chunks=chunks, dtype=values.dtype, config=WHOLE)
        made[:] = values
    return path


@pytest.mark.parametrize("zst", [False, True])
@pytest.mark.parametrize("subjects", [SAMPLES, ("S9", "S2", "S5")])
def test_pgen_equals_its_vcf(small_vcf: Path, tmp_path: Path, subjects: tuple[str, ...], zst: bool) -> None:
    pgen = _write_pgen(small_vcf, tmp_path / "study", zst=zst)
    _assert_equal(_block(pgen, REGION, subjects), _block(small_vcf, REGION, subjects), ordered=False)
    variants = VariantFiles(pgen)
    assert variants.contigs == ("20",)
    assert sorted(site[:3] for site in variants.sites(REGION)) == sorted(
        site[:3] for site in VariantFiles(small_vcf).sites(REGION)
    )


@pytest.mark.parametrize(("zarr_format", "length"), [(2, True), (3, False)])
@pytest.mark.parametrize("subjects", [SAMPLES, ("S9", "S2"), ("S11", "S1")])
def test_vcf_zarr_equals_its_vcf(
    small_vcf: Path, tmp_path: Path, subjects: tuple[str, ...], zarr_format: int, length: bool
) -> None:
    store = _write_zarr(small_vcf, tmp_path / "study.vcz", zarr_format=zarr_format, length=length)
    _assert_equal(_block(store, REGION, subjects), _block(small_vcf, REGION, subjects), ordered=True)
    variants = VariantFiles(store)
    assert variants.contigs == ("20",)
    assert [site[:3] for site in variants.sites(REGION)] == [site[:3] for site in VariantFiles(small_vcf).sites(REGION)]


@pytest.mark.parametrize("kind", ["vcf", "pgen", "zarr"])
def test_chunks_of_records_are_the_whole(small_vcf: Path, tmp_path: Path, kind: str) -> None:
    path = {
        "vcf": lambda: small_vcf,
        "pgen": lambda: _write_pgen(small_vcf, tmp_path / "study"),
        "zarr": lambda: _write_zarr(small_vcf, tmp_path / "study.zarr"),
    }[kind]()
    variants = VariantFiles(path)
    chunks = list(variants.chunks("chr20", ["S3", "S1"], n_records=2))
    assert [len(chunk.positions) for chunk in chunks] == [2, 2, 2, 1]
    assert np.concatenate([chunk.positions for chunk in chunks]).tolist() == [94, 109, 110, 119, 149, 189, 229]
    ((members, stream),) = variants.stream(REGION, ["S3", "S1"], n_records=4)
    parts = list(stream)
    whole = _block(path, REGION, ["S3", "S1"])
    assert members == ("S3", "S1")
    assert [len(part.positions) for part in parts] == [4, 2]
    assert np.array_equal(np.concatenate([part.alleles for part in parts]), whole.alleles)


@pytest.mark.parametrize("subjects", [slice(None), slice(None, None, 3)])
def test_pgen_that_plink2_made_equals_its_vcf(simulated_genome: Path, subjects: slice) -> None:
    vcf, pgen = simulated_genome / "mixed.vcf.gz", simulated_genome / "mixed.pgen"
    chosen = VariantFiles(vcf).samples[subjects]
    for region in (Interval("20", 0, 60_000), Interval("22", 8_000, 19_500)):
        _assert_equal(_block(pgen, region, chosen), _block(vcf, region, chosen), ordered=False)


def test_plink2_makes_the_same_pgen_of_real_genotypes(real_data: Path, plink2: Callable[..., Path]) -> None:
    for pattern, text in (
        ("grch37_chr20/*EUR203*.vcf.gz", "20:1093906-1160596"),
        ("grch37_chr22/*.vcf.gz", "22:19929001-19957498"),
    ):
        vcf, region = next((real_data / "genome").glob(pattern)), parse_region(text)
        pgen = plink2("--vcf", vcf, "--make-pgen", "vzs", name=region.chrom).with_suffix(".pgen")
        subjects = VariantFiles(vcf).samples[::3]
        _assert_equal(_block(pgen, region, subjects), _block(vcf, region, subjects), ordered=False)


def test_bad_pgen_sets_each_have_their_sentence(small_vcf: Path, tmp_path: Path) -> None:
    pgen = _write_pgen(small_vcf, tmp_path / "study")
    whole = pgen.read_bytes()
    pgen.write_bytes(whole[: len(whole) - 9])
    with pytest.raises(InputError, match=r"study\.pgen (is damaged|must agree)"):
        _block(pgen, Interval("20", 0, 3_000_000), SAMPLES)
    pgen.write_bytes(b"\x6c\x1b\x03" + whole[3:])
    with pytest.raises(InputError, match="holds dosages only"):
        VariantFiles(pgen)
    pgen.write_bytes(b"BGEN" + whole)
    with pytest.raises(InputError, match="is no PGEN"):
        VariantFiles(pgen)
    pgen.write_bytes(whole)
    psam = tmp_path / "study.psam"
    names = psam.read_text()
    psam.write_text(names.replace("S3", "S2"))
    with pytest.raises(InputError, match=r"S2 is named 2 times in .*study\.psam"):
        VariantFiles(pgen)
    psam.write_text("\n".join(names.splitlines()[:-1]))
    with pytest.raises(InputError, match=r"must agree with its \.psam \(10 samples\)"):
        VariantFiles(pgen)
    psam.write_text(names)
    pvar = tmp_path / "study.pvar"
    lines = pvar.read_text().splitlines()
    pvar.write_text("\n".join([*lines[:2], *lines[:1:-1], ""]))
    with pytest.raises(InputError, match="must be sorted by contig and position"):
        VariantFiles(pgen)
    pvar.unlink()
    with pytest.raises(InputError, match=r"study\.psam and study\.pvar"):
        VariantFiles(pgen)


def test_a_dosage_that_nobody_called_is_refused(tmp_path: Path) -> None:
    prefix = tmp_path / "imputed"
    with pgenlib.PgenWriter(
        str(prefix.with_suffix(".pgen")).encode(), 3, variant_ct=1, nonref_flags=False, dosage_present=True
    ) as writer:
        writer.append_dosages(np.array([0.0, 0.5, 2.0], dtype=np.float32))
    prefix.with_suffix(".pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n20\t150\t.\tA\tC\n")
    prefix.with_suffix(".psam").write_text("#IID\nS1\nS2\nS3\n")
    with pytest.raises(
        InputError, match=r"1 of 1 records .* dosage without a hard call \(first 20:150 A>C .* for S2\)"
    ):
        _block(prefix.with_suffix(".pgen"), REGION, ["S3", "S2"])


LOST = (
    "call_genotype", "call_genotype_phased", "variant_position", "variant_allele", "variant_length", "sample_id",
    "contig_id",
)  # fmt: skip
"""Not ``variant_contig``: the first contig is 0, the fill value, and zarr writes no chunk that holds nothing else."""


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name", LOST)
def test_a_chunk_that_was_lost_is_not_filled_in(small_vcf: Path, tmp_path: Path, name: str, zarr_format: int) -> None:
    """Zarr reads what is not stored as the array's fill value, which is the reference in calls of ours."""
    store = _write_zarr(small_vcf, tmp_path / "study.vcz", zarr_format=zarr_format)
    whole = _block(store, REGION, SAMPLES)
    kept: list[str] = []
    for chunk in sorted(path for path in (store / name).rglob("*") if path.is_file() and path.name[0].isdigit()):
        content = chunk.read_bytes()
        chunk.unlink()
        with suppress(InputError):  # or it was not read, or is unphased where it was phased, which is a policy's matter
            found = _block(store, REGION, SAMPLES)
            assert np.array_equal(found.alleles, whole.alleles)
            assert not (found.phased & ~whole.phased).any()
            kept.append(chunk.name)
        chunk.write_bytes(content)
    # The first contig has the number 0, so that its chunks may rightly be absent: they cannot be told from lost ones.
    assert not kept or name in {"call_genotype", "call_genotype_phased", "variant_allele", "variant_contig"}


@pytest.mark.parametrize("fill", [-1, 0])
def test_a_chunk_may_be_absent_where_its_fill_is_no_call(small_vcf: Path, tmp_path: Path, fill: int) -> None:
    store = _write_zarr(small_vcf, tmp_path / "study.vcz")
    array = store / "call_genotype" / ".zarray"
    array.write_text(json.dumps(json.loads(array.read_text()) | {"fill_value": fill}))
    shutil.rmtree(store / "call_genotype" / "0", ignore_errors=True)
    for chunk in store.glob("call_genotype/0.*"):
        chunk.unlink()
    if fill == 0:
        with pytest.raises(InputError, match=r"lacks call_genotype/0.* would be read as 0"):
            _block(store, REGION, SAMPLES)
    else:
        assert (_block(store, REGION, SAMPLES).alleles[:1] == -1).all()


def test_bad_zarr_stores_each_have_their_sentence(
    small_vcf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _write_zarr(small_vcf, tmp_path / "study.vcz")
    group = zarr.open_group(str(store), mode="a")
    calls = group["call_genotype"][:]
    calls[3, 4] = [1, -2]
    group["call_genotype"][:] = calls
    with pytest.raises(InputError, match=r"needs two alleles; 20:120 .* for S5"):
        _block(store, REGION, SAMPLES)
    calls[3, 4] = [-1, -2]
    group["call_genotype"][:] = calls
    assert _block(store, REGION, ["S5"]).alleles[3].tolist() == [[-1, -1]]
    group["variant_position"][:] = group["variant_position"][:][::-1]
    with pytest.raises(InputError, match="must be sorted by contig and position"):
        VariantFiles(store)
    del group["call_genotype"]
    with pytest.raises(InputError, match="lacks call_genotype"):
        VariantFiles(store)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match=r"pip install 'gene-brain-fusion\[zarr\]'"):
        VariantFiles(store)


@pytest.mark.parametrize("kind", ["pgen", "zarr"])
@pytest.mark.parametrize("unphased", ["iupac", "alternate"])
def test_windows_of_every_format_are_those_of_the_vcf(
    small_vcf: Path, write_fasta: Callable[..., Path], tmp_path: Path, kind: str, unphased: Any
) -> None:
    bases = list("ACGT" * 100)
    for site in VariantFiles(small_vcf).sites(Interval("20", 0, 400)):
        bases[site.position : site.position + len(site.ref)] = site.ref
    reference = Reference(write_fasta({"20": "".join(bases)}))
    gene = Gene("G", "G", Interval("20", 90, 240, "-"), (Interval("20", 90, 240, "-"),), "by hand")
    panel = Panel((gene,), "canonical", ("by hand",), "none")
    path = _write_pgen(small_vcf, tmp_path / "s") if kind == "pgen" else _write_zarr(small_vcf, tmp_path / "s.zarr")
    expected, found = (
        make_window_table(reference, panel, VariantFiles(source), window=17, unphased=unphased, missing="N")
        for source in (small_vcf, path)
    )
    for window in range(expected.n_windows):
        ours, theirs = (np.array(t.sequence_ids)[t.haplotypes(window)] for t in (found, expected))
        assert np.array_equal(ours, theirs)
    assert found.events.keys() == expected.events.keys()


def test_deletions_of_one_record_of_a_pvar_have_lengths_of_their_own(tmp_path: Path) -> None:
    rows = [("<DEL>,<DEL>", "SVLEN=-5,-10;X=1"), ("<DEL>,<DEL>", "SVLEN=7,7"), ("<DEL>,A", "SVLEN=-5,."),
            ("<DEL>", "SVTYPE=DEL;SVLEN=3"), ("<DEL>", "END=55;SVLEN=-3"), ("<DEL>,<DUP>", "END=65;SVLEN=-3,4"),
            ("<DEL>", "END=75;SVLEN=-4")]  # fmt: skip
    lines = [f"20\t{10 * k + 11}\t.\tA\t{alt}\t.\tPASS\t{info}" for k, (alt, info) in enumerate(rows)]
    path = tmp_path / "study.pvar"
    header = "##fileformat=VCFv4.4\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    path.write_text(header + "\n".join(lines) + "\n")
    records = read_pvar(path)["20"]
    alts = [records.alleles(number)[1] for number in range(len(rows))]
    assert alts[:4] == [("<DEL:5>", "<DEL:10>"), ("<DEL>", "<DEL>"), ("<DEL>", "A"), ("<DEL>",)]
    assert alts[4:] == [("<DEL:END 4, SVLEN 3>",), ("<DEL>", "<DUP>"), ("<DEL>",)]
    assert (records.ends - records.starts).tolist() == [11, 8, 6, 4, 5, 5, 5]


def test_deletions_of_one_record_of_a_zarr_have_lengths_of_their_own(tmp_path: Path, write_lines: Any) -> None:
    vcf = write_lines(["20\t11\t.\tA\t<DEL>,<DEL>\t.\tPASS\tSVLEN=5,10\tGT\t1|2"], samples=SAMPLES[:1], version="4.4")
    written = _block(vcf, Interval("20", 0, 100), SAMPLES[:1])
    assert written.alts == (("<DEL:5>", "<DEL:10>"),)
    path = tmp_path / "study.vcz"
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    for name, values in {"sample_id": SAMPLES[:1], "contig_id": ("20",)}.items():
        group.create_array(name, shape=(len(values),), dtype="str")[:] = np.array(values, dtype=object)
    alleles = np.array([["A", "<DEL>", "<DEL>"]], dtype=object)
    group.create_array("variant_allele", shape=(1, 3), chunks=(1, 3), dtype="str")[:] = alleles
    arrays = {
        "variant_contig": np.zeros(1, dtype=np.int8), "variant_position": np.array([11], dtype=np.int32),
        "variant_length": np.array([11], dtype=np.int32), "variant_SVLEN": np.array([[5, 10]], dtype=np.int32),
        "call_genotype": written.alleles.astype(np.int8), "call_genotype_phased": written.phased,
    }  # fmt: skip
    for name, values in arrays.items():
        made = group.create_array(name, shape=values.shape, chunks=values.shape, dtype=values.dtype, config=WHOLE)
        made[:] = values
    assert _block(path, Interval("20", 0, 100), SAMPLES[:1]).alts == written.alts
    group["variant_allele"][:] = np.array([["A", "<DEL>", ""]], dtype=object)
    group["variant_SVLEN"][:] = np.array([[-4, -2]], dtype=np.int32)  # beyond the last one: a mark for none
    assert _block(path, Interval("20", 0, 100), SAMPLES[:1]).alts == (("<DEL:END 10, SVLEN 4>",),)
