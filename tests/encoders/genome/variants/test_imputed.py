"""Genotypes that nobody called: refused with counts, or guessed with how sure the guess is; in every format."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pgenlib
import pytest
import zarr
from bgen import BgenWriter

from encoders.errors import InputError
from encoders.genome.haplotypes.haplotype_sequences import haplotype_sequences
from encoders.genome.intervals import Interval, parse_region
from encoders.genome.population.dosages import RecordReport, read_dosages
from encoders.genome.reference import Reference
from encoders.genome.variants.best_guess import check_dosage_policy
from encoders.genome.variants.files import VariantFiles
from encoders.genome.variants.genotypes import GenotypeBlock

REGION = Interval("20", 0, 3_000)
Write = Callable[..., Path]


def _line(position: int, keys: str, cells: Sequence[str], *, alt: str = "C") -> str:
    return f"20\t{position}\t.\tA\t{alt}\t.\tPASS\t.\t{keys}\t" + "\t".join(cells)


def _guess(path: Path, subjects: Sequence[str]) -> GenotypeBlock:
    (block,) = VariantFiles(path, dosages="best-guess").fetch(REGION, subjects)
    return block


def test_each_kind_of_uncalled_record_is_counted(write_lines: Write) -> None:
    lines = [
        _line(110, "GT", ["0|1", "1|1"]), _line(120, "DS", ["1.98", "0.02"]), _line(130, "DS", ["0", "."]),
        _line(140, "GT:DS", ["0|0:0.1", "./.:1.1"]), _line(150, "GT:DS", ["./.:.", "0|0:."]),
        _line(160, "DP", ["7", "8"]), _line(170, ".", [".", "."]),
    ]  # fmt: skip
    vcf = write_lines(lines, samples=("S1", "S2"))
    with pytest.raises(
        InputError, match=r"5 of 7 records in .* are not: 2 with FORMAT DS and no GT, .* \(first 20:120"
    ):
        VariantFiles(vcf).fetch(REGION, ["S1", "S2"])
    with pytest.raises(InputError, match=r"1 of 1 records in .*: 1 with GT missing beside DS .* or choose dosages"):
        VariantFiles(vcf).fetch(Interval("20", 139, 140), ["S1", "S2"])
    assert VariantFiles(vcf).fetch(Interval("20", 139, 140), ["S1"])[0].alleles.tolist() == [[[0, 0]]]
    assert VariantFiles(vcf).fetch(Interval("20", 149, 150), ["S1"])[0].alleles.tolist() == [[[-1, -1]]]
    for start in (159, 169):
        for policy in ("refuse", "best-guess"):
            with pytest.raises(InputError, match=r"are not: 1 with (FORMAT DP and no GT|no FORMAT) .* records out\."):
                VariantFiles(vcf, dosages=policy).fetch(Interval("20", start, start + 1), ["S1"])
    with pytest.raises(InputError, match="5 of 7 records in 20 are not"):
        list(read_dosages(VariantFiles(vcf), ["S1", "S2"], RecordReport()))


def test_the_best_guess_is_the_nearest_genotype_and_says_how_sure_it_is(write_lines: Write) -> None:
    names = ("S1", "S2", "S3", "S4")
    lines = [
        _line(110, "DS", ["1.98", "0.02", "0.7", "."]),
        _line(120, "GP", ["0,0.05,0.95", "0.9,0.1,0", "0.3,0.4,0.3", "."]),
        _line(130, "DS:HDS", ["1:0.99,0.01", "1:0.02,1", "1.3:0.6,0.7", ".:."]),
        _line(140, "GT:GP", ["0|1:0,1,0", "./.:0,0,1", "0/0:0,1,0", "./.:."]),
        _line(150, "GP", ["0,0,0,0,1,0", "1,0,0,0,0,0", "0,0,0,.5,0,.5", "."], alt="C,T"),
    ]
    block = _guess(write_lines(lines, samples=names), names)
    assert block.alleles.tolist() == [
        [[1, 1], [0, 0], [0, 1], [-1, -1]],
        [[1, 1], [0, 0], [0, 1], [-1, -1]],
        [[1, 0], [0, 1], [1, 1], [-1, -1]],
        [[0, 1], [1, 1], [0, 0], [-1, -1]],
        [[1, 2], [0, 0], [0, 2], [-1, -1]],
    ]
    assert block.guessed is not None
    assert block.guessed.tolist() == [[1, 1, 2, 0], [1, 1, 2, 0], [1, 1, 2, 0], [0, 1, 0, 0], [1, 1, 2, 0]]
    assert block.phased[:, :3].tolist() == [[False] * 3, [False] * 3, [True] * 3, [True, False, False], [False] * 3]
    turned = _guess(write_lines(lines, samples=names), ["S3", "S1"])
    assert np.array_equal(turned.alleles, block.alleles[:, [2, 0]])


def test_a_guessed_heterozygote_has_no_phase_unless_haplotypes_were_imputed(
    write_lines: Write, write_fasta: Write
) -> None:
    reference, region = Reference(write_fasta({"20": "A" * 300})), parse_region("20:109-111")
    unphased = VariantFiles(write_lines([_line(110, "DS", ["1.02"])]), dosages="best-guess")
    with pytest.raises(InputError, match="unphased heterozygote in S1"):
        haplotype_sequences(reference, unphased, region, ["S1"])
    assert haplotype_sequences(reference, unphased, region, ["S1"], unphased="iupac") == {"S1": ("AMA",)}
    phased = VariantFiles(write_lines([_line(110, "HDS", ["0.01,0.99"])]), dosages="best-guess")
    assert haplotype_sequences(reference, phased, region, ["S1"]) == {"S1": ("AAA", "ACA")}


@pytest.mark.parametrize(
    ("keys", "cell", "alt", "message"),
    [
        ("GP", "0.2,0.2,0.2", "C", r"3 values of GP from 0 to 1 that sum to 1; 20:110 A>C"),
        ("GP", "0.5,0.5", "C", r"3 values of GP"),
        ("DS", "2.4", "C", r"1 values of DS from 0 to 2"),
        ("DS", "1,1", "C,T", r"has not one ALT needs GP; 20:110 A>C,T"),
        ("DS", "0", ".", r"has not one ALT needs GP"),
    ],
)
def test_values_that_are_none_are_refused(write_lines: Write, keys: str, cell: str, alt: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _guess(write_lines([_line(110, keys, [cell], alt=alt)]), ["S1"])
    with pytest.raises(InputError, match="must be one of refuse, best-guess; got 'guess'"):
        check_dosage_policy("guess")


def test_kinship_counts_guesses_and_refuses_alleles_that_are_not_there(write_lines: Write) -> None:
    report = RecordReport()
    lines = [_line(110, "DS", ["1.98", "0.6", "1.0"]), _line(120, "GT", ["0|1", "1|1", "0|0"])]
    vcf = write_lines(lines, samples=("S1", "S2", "S3"))
    (found,) = read_dosages(VariantFiles(vcf, dosages="best-guess"), ["S1", "S2", "S3"], report)
    assert found.tolist() == [[2, 1, 1], [1, 2, 0]]
    assert report.to_dict()["best_guess"] == {"n_genotypes": 3, "share_uncertain": 1 / 3}
    with pytest.raises(InputError, match=r"20:110 A>C of .* has 1 ALT and is called with number 2 in S1"):
        list(read_dosages(VariantFiles(write_lines([_line(110, "GT", ["0|2"])])), ["S1"], RecordReport()))
    with pytest.raises(InputError, match="at least one subject"):
        list(read_dosages(VariantFiles(vcf), [], RecordReport()))


def _probabilities(rng: np.random.Generator, n_records: int, n_samples: int) -> np.ndarray:
    """Imputed genotypes in steps of 1/255: some certain, most nearly, some open."""
    drawn = rng.dirichlet([0.15, 0.12, 0.1], size=(n_records, n_samples))
    steps = np.floor(drawn * 255)
    steps[..., 2] = 255 - steps[..., 0] - steps[..., 1]
    return steps / 255


def test_one_imputed_cohort_is_the_same_in_every_format(write_lines: Write, tmp_path: Path) -> None:
    rng, names = np.random.default_rng(8), tuple(f"S{number}" for number in range(7))
    probabilities = _probabilities(rng, 19, len(names))
    dosages = probabilities @ [0, 1, 2]
    positions = [100 + 10 * record for record in range(len(probabilities))]

    def lines(keys: str, cell: Callable[[int, int], str]) -> list[str]:
        return [
            _line(position, keys, [cell(record, column) for column in range(len(names))])
            for record, position in enumerate(positions)
        ]

    paths = {
        "GP": write_lines(
            lines("GP", lambda r, c: ",".join(f"{p:.6f}" for p in probabilities[r, c])), samples=names, name="gp"
        ),
        "DS": write_lines(lines("DS", lambda r, c: f"{dosages[r, c]:.6f}"), samples=names, name="ds"),
        "PGEN": _write_pgen(tmp_path / "pgen", dosages, positions, names),
        "BGEN": tmp_path / "study.bgen",
        "Zarr": _write_zarr(tmp_path / "study.vcz", dosages, positions, names),
    }  # fmt: skip
    with BgenWriter(str(paths["BGEN"]), len(names), list(names)) as writer:
        for record, position in enumerate(positions):
            writer.add_variant("", f"rs{position}", "20", position, ["A", "C"], probabilities[record])
    for path in paths.values():
        with pytest.raises(InputError, match=r"Genotypes must be called.*or choose dosages: best-guess"):
            VariantFiles(path).fetch(REGION, names)
    sure = probabilities.max(axis=2) >= 0.9
    best = np.array([[0, 0], [0, 1], [1, 1]])[probabilities.argmax(axis=2)]
    assert 0.2 < sure.mean() < 0.9
    blocks = {kind: _guess(path, names) for kind, path in paths.items()}
    for kind, block in blocks.items():
        assert np.array_equal(np.sort(block.alleles[sure], axis=1), best[sure]), kind
        assert (block.alleles >= 0).all(), kind
    assert np.array_equal(blocks["BGEN"].alleles, blocks["GP"].alleles)
    for kind in ("PGEN", "Zarr"):
        assert np.array_equal(blocks[kind].alleles, blocks["DS"].alleles), kind


def _write_pgen(prefix: Path, dosages: np.ndarray, positions: Sequence[int], names: Sequence[str]) -> Path:
    with pgenlib.PgenWriter(
        str(prefix.with_suffix(".pgen")).encode(), len(names), variant_ct=len(dosages), nonref_flags=False,
        dosage_present=True,
    ) as writer:  # fmt: skip
        for row in dosages:
            writer.append_dosages(row.astype(np.float32))
    lines = [f"20\t{position}\t.\tA\tC\n" for position in positions]
    prefix.with_suffix(".pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
    prefix.with_suffix(".psam").write_text("#IID\n" + "".join(f"{name}\n" for name in names))
    return prefix.with_suffix(".pgen")


def _write_zarr(path: Path, dosages: np.ndarray, positions: Sequence[int], names: Sequence[str]) -> Path:
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    texts = {"sample_id": list(names), "contig_id": ["20"]}
    for name, values in texts.items():
        group.create_array(name, shape=(len(values),), dtype="str")[:] = np.array(values, dtype=object)
    alleles = np.array([["A", "C"]] * len(positions), dtype=object)
    group.create_array("variant_allele", shape=alleles.shape, dtype="str")[:] = alleles
    arrays = {
        "variant_contig": np.zeros(len(positions), np.int8), "variant_position": np.array(positions, np.int32),
        "call_genotype": np.full((*dosages.shape, 2), -1, np.int8), "call_DS": dosages[..., None].astype(np.float32),
    }  # fmt: skip
    for name, array in arrays.items():
        group.create_array(name, shape=array.shape, dtype=array.dtype, config={"write_empty_chunks": True})[:] = array
    return path


@pytest.mark.parametrize("seed", range(3))
def test_a_phased_bgen_equals_the_vcf_of_the_same_haplotypes(write_lines: Write, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    names = tuple(f"S{number}" for number in range(5))
    path = tmp_path / "haplotypes.bgen"
    lines = []
    with BgenWriter(str(path), len(names), [], compression=rng.choice(["zlib", "zstd"])) as writer:
        for record in range(11):
            alts = ["C", "T", "AG"][: rng.randrange(1, 4)]
            pairs = [[rng.randrange(len(alts) + 1) for _ in range(2)] for _ in names]
            stored = np.zeros((len(names), 2, len(alts) + 1))
            for column, pair in enumerate(pairs):
                stored[column, [0, 1], pair] = 1
            writer.add_variant(
                "", "", "20", 100 + record, ["A", *alts], stored.reshape(len(names), -1), phased=True,
                bit_depth=rng.choice([1, 8, 16]),
            )  # fmt: skip
            lines.append(_line(100 + record, "GT", [f"{a}|{b}" for a, b in pairs], alt=",".join(alts)))
    path.with_suffix(".sample").write_text("ID_1 ID_2 missing\n0 0 0\n" + "".join(f"F {name} 0\n" for name in names))
    wanted = rng.sample(names, 3)
    found, expected = (
        VariantFiles(source).fetch(Interval("20", 102, 109), wanted)[0]
        for source in (path, write_lines(lines, samples=names))
    )
    assert np.array_equal(found.alleles, expected.alleles)
    assert np.array_equal(found.phased, expected.phased)
    assert (found.refs, found.alts, found.positions.tolist()) == (
        expected.refs, expected.alts, expected.positions.tolist(),
    )  # fmt: skip
    assert [site[:3] for site in VariantFiles(path).sites(REGION)] == [
        site[:3] for site in VariantFiles(write_lines(lines, samples=names)).sites(REGION)
    ]


def _write_bgen(path: Path, chrom: str = "20", positions: Sequence[int] = (110, 120), **options: object) -> Path:
    with BgenWriter(str(path), 2, options.pop("samples", ["S1", "S2"]), **options) as writer:
        for position in positions:
            writer.add_variant("", "", chrom, position, ["A", "C"], np.array([[1.0, 0, 0], [0, 0, 1.0]]))
    return path


def test_bgen_files_each_have_their_sentence(tmp_path: Path) -> None:
    path = _write_bgen(tmp_path / "s.bgen", chrom="07")
    assert VariantFiles(path).contigs == ("7",)  # as UK Biobank names it
    assert VariantFiles(path).fetch(Interval("chr7", 0, 115), ["S2"])[0].alleles.tolist() == [[[1, 1]]]
    sample = path.with_suffix(".sample")
    sample.write_text("ID_1 ID_2 missing\n0 0 0\nF S1 0\nF S9 0\n")
    with pytest.raises(InputError, match=r"same samples; sample 2 is S2 in the one and S9 in the other"):
        VariantFiles(path)
    sample.write_text("ID_1 ID_2 missing\n0 0 0\nF S1 0\n")
    with pytest.raises(InputError, match=r"must name the 2 samples of s\.bgen; it names 1"):
        VariantFiles(path)
    sample.write_text("S1\nS2\n")
    with pytest.raises(InputError, match="line of types"):
        VariantFiles(path)
    sample.unlink()
    bytes_ = path.read_bytes()
    path.write_bytes(bytes_[:-10])
    Path(f"{path}.bgi").unlink()
    with pytest.raises(InputError, match=r"s\.bgen"):
        VariantFiles(path).fetch(Interval("7", 0, 300), ["S1"])
    path.write_bytes(b"no BGEN")
    with pytest.raises(InputError, match="cannot be read as BGEN"):
        VariantFiles(path)
    with pytest.raises(InputError, match="does not exist"):
        VariantFiles(tmp_path / "none.bgen")
    with pytest.raises(InputError, match="must be sorted by position"):
        VariantFiles(_write_bgen(tmp_path / "unsorted.bgen", positions=(120, 110)))
    with pytest.raises(InputError, match=r"names no samples: put bare\.sample beside it"):
        VariantFiles(_write_bgen(tmp_path / "bare.bgen", samples=[]))
    with pytest.raises(InputError, match="of layout 1"):
        VariantFiles(_write_bgen(tmp_path / "old.bgen", layout=1, compression="zlib", samples=[]))
    beyond = tmp_path / "beyond.bgen"  # makes the library ask for 4 GB
    beyond.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])
    with pytest.raises(InputError, match=r"header claims 4,294,967,295 bytes of a file of \d+"):
        VariantFiles(beyond)


def test_the_index_of_another_bgen_never_gives_its_records(tmp_path: Path) -> None:
    path, other = _write_bgen(tmp_path / "a.bgen", positions=(110, 120, 130)), tmp_path / "b.bgen"
    right = VariantFiles(path).fetch(REGION, ["S1", "S2"])[0].alleles
    with BgenWriter(str(other), 2, ["S1", "S2"]) as writer:
        for position, ref in ((90, "A"), (110, "ACGT"), (120, "A"), (130, "AC")):
            writer.add_variant("", "longer", "20", position, [ref, "C"], np.array([[0, 1.0, 0], [0, 0, 1.0]]))
    Path(f"{path}.bgi").write_bytes(Path(f"{other}.bgi").read_bytes())
    with pytest.raises(InputError, match=r"a\.bgen"):
        VariantFiles(path).fetch(REGION, ["S1"])
    Path(f"{path}.bgi").unlink()
    assert np.array_equal(VariantFiles(path).fetch(REGION, ["S1", "S2"])[0].alleles, right)


def test_haploid_samples_of_a_bgen_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bgen"
    with BgenWriter(str(path), 2, ["S1", "S2"]) as writer:
        table = np.array([[1.0, 0, 0], [0, 1.0, np.nan]])
        writer.add_variant("", "", "20", 110, ["A", "C"], table, ploidy=np.array([2, 1], dtype=np.uint8))
    with pytest.raises(InputError, match=r"needs two alleles; 20:110 A>C of .* for S2"):
        VariantFiles(path).fetch(REGION, ["S1", "S2"])
    assert VariantFiles(path).fetch(REGION, ["S1"])[0].alleles.tolist() == [[[0, 0]]]


@pytest.mark.parametrize("bits", [0x80, 0x0A])
def test_dosages_of_subjects_beyond_the_last_are_refused(tmp_path: Path, bits: int) -> None:
    """The byte that says whose dosages follow: pgenlib writes behind its array where it names more than there are."""
    whole = bytes.fromhex("6c1b10020000000300000044180000000000000060600404 2c0200202104 9a79")
    names = ("S1", "S2", "S3")
    (tmp_path / "s.psam").write_text("#IID\n" + "\n".join(names) + "\n", "utf-8")
    (tmp_path / "s.pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n20\t150\t.\tA\tC\n20\t160\t.\tA\tC\n", "utf-8")
    path = tmp_path / "s.pgen"
    path.write_bytes(whole)
    assert _guess(path, names).alleles[0].tolist() == [[0, 0], [0, 0], [1, 1]]
    path.write_bytes(whole[:25] + bytes([bits]) + whole[26:])
    with pytest.raises(InputError, match=r"s\.pgen is damaged"):
        _guess(path, names)
