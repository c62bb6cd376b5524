"""The genotype baseline: from a VCF through windows, store and gene factors, the dosages come out again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pysam
import pytest

from encoders import EmbeddingStore, InputError, load_encoder
from encoders.dna.models.one_hot_dosage import OneHotDosage
from encoders.dna.verification.contract import check_encoder
from encoders.embedding import embed_missing, read_embeddings
from encoders.genome.annotation.panel import Panel
from encoders.genome.intervals import Gene, Interval
from encoders.genome.reference import Reference
from encoders.genome.variants.files import VariantFiles
from encoders.genome.windows.haplotype_windows import WindowTable, make_window_table
from encoders.subjects import make_gene_factors

N_SUBJECTS, WINDOW = 37, 64
GENE_START, GENE_END = 100, 260
SNPS = {109: "G", 131: "A", 175: "C", 250: "T"}
"""Position from 0 and alternate base; at different places of their windows, seen from either end."""
COLLIDING = {131: "A", 259: "T"}
"""At one place of two windows, seen from the 5' end of the forward strand."""

HEADER = """##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##contig=<ID=20,length=600>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"""


@pytest.fixture
def genotypes() -> np.ndarray:
    """Alleles, shape (n_snps, n_subjects, 2)."""
    return np.random.default_rng(6).binomial(1, 0.3, (len(SNPS), N_SUBJECTS, 2))


def make_table(
    folder: Path, snps: dict[int, str], genotypes: np.ndarray, *, strand: str = "+", window: int = WINDOW
) -> WindowTable:
    genome = list("".join(np.random.default_rng(7).choice(list("ACGT"), 600)))
    for position, alternate in snps.items():
        genome[position] = "T" if alternate != "T" else "G"
    (folder / "genome.fa").write_text(">20\n" + "".join(genome) + "\n")
    subjects = [f"s{i:02d}" for i in range(N_SUBJECTS)]
    lines = [HEADER + "\t".join(subjects)]
    for (position, alternate), alleles in zip(snps.items(), genotypes, strict=False):
        calls = "\t".join(f"{first}|{second}" for first, second in alleles)
        lines.append(f"20\t{position + 1}\t.\t{genome[position]}\t{alternate}\t.\tPASS\t.\tGT\t{calls}")
    (folder / "v.vcf").write_text("\n".join(lines) + "\n")
    vcf = Path(pysam.tabix_index(str(folder / "v.vcf"), preset="vcf", force=True))
    body = Interval("20", GENE_START, GENE_END, strand)
    panel = Panel((Gene("G", "G", body, (body,), "by hand"),), "canonical", ("by hand",), "none")
    return make_window_table(Reference(folder / "genome.fa"), panel, VariantFiles(vcf), window=window, unit="gene")


@pytest.fixture(params=["+", "-"])
def table(request: pytest.FixtureRequest, tmp_path: Path, genotypes: np.ndarray) -> WindowTable:
    return make_table(tmp_path, SNPS, genotypes, strand=request.param)


def gene_view(table: WindowTable, folder: Path, *, window: int = WINDOW) -> np.ndarray:
    encoder = OneHotDosage(window)
    store = EmbeddingStore(folder, encoder.spec)
    embed_missing(encoder, table.sequences, store)
    factors = make_gene_factors(table, read_embeddings(table.sequences, store))
    view: np.ndarray = factors.offsets[0] + factors.designs[0] @ factors.embeddings[0]
    return view


def test_each_dosage_is_a_column_of_the_gene_view(table: WindowTable, genotypes: np.ndarray, tmp_path: Path) -> None:
    view = gene_view(table, tmp_path / "store")
    assert view.shape == (N_SUBJECTS, 4 * WINDOW)
    complement = dict(zip("ACGT", "TGCA", strict=True))
    for (position, alternate), alleles in zip(SNPS.items(), genotypes, strict=True):
        (window,) = np.flatnonzero((table.start <= position) & (position < table.end))
        place = position - table.start[window]
        letter = alternate
        if table.strand[window] == "-":
            place, letter = table.end[window] - 1 - position, complement[alternate]
        column = view[:, 4 * place + "ACGT".index(letter)]
        dosage = alleles.sum(axis=1)
        found = (column - column.mean()) * 2 / table.weight[window]
        np.testing.assert_allclose(found, dosage - dosage.mean(), atol=1e-6)


def test_a_linear_fit_recovers_every_dosage(table: WindowTable, genotypes: np.ndarray, tmp_path: Path) -> None:
    view = gene_view(table, tmp_path / "store")
    centred = view - view.mean(axis=0)
    dosages = genotypes.sum(axis=2).T.astype(float)
    fitted = centred @ np.linalg.lstsq(centred, dosages - dosages.mean(axis=0), rcond=1e-10)[0]
    np.testing.assert_allclose(fitted, dosages - dosages.mean(axis=0), atol=1e-6)
    assert np.linalg.matrix_rank(centred, tol=1e-8) == len(SNPS)  # and nothing but the dosages is in it


def test_one_place_of_two_windows_adds_up_and_one_window_for_the_gene_does_not(
    genotypes: np.ndarray, tmp_path: Path
) -> None:
    dosages = genotypes[:2].sum(axis=2).T.astype(float)
    errors = {}
    for window in (WINDOW, GENE_END - GENE_START):
        table = make_table(tmp_path, COLLIDING, genotypes, window=window)
        view = gene_view(table, tmp_path / str(window), window=window)
        found = []
        for position, letter in COLLIDING.items():
            number, place = divmod(position - GENE_START, window)
            found.append(view[:, 4 * place + "ACGT".index(letter)] * 2 / table.weight[number])
        centred = np.stack(found, axis=1) - np.mean(found, axis=1)
        errors[window] = np.abs(centred - (dosages - dosages.mean(axis=0))).max()
    assert errors[GENE_END - GENE_START] < 1e-6
    assert errors[WINDOW] > 0.1


def test_the_encoding_is_one_hot() -> None:
    with pytest.warns(UserWarning, match="hold an N"):
        (vector,) = OneHotDosage(6).embed(["GATNC"])
    expected = np.zeros((6, 4))
    expected[[0, 1, 2, 4], [2, 0, 3, 1]] = 1
    assert np.array_equal(vector.reshape(6, 4), expected)


def test_it_keeps_the_contract_and_needs_no_torch() -> None:
    assert [check for check in check_encoder(load_encoder("one-hot-dosage", window=130)) if not check.passed] == []
    code = (
        "import sys\n"
        "from encoders import load_encoder\n"
        "assert load_encoder('one-hot-dosage').embed(['ACGT']).shape == (1, 2040)\n"
        "assert not {'torch', 'transformers', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rc": "average"}, "cannot average both strands: a base is known by its place"),
        ({"rc": "equivariant"}, "not equivariant"),
        ({"window": 0}, "window from 1 to 100000 bp; got 0"),
        ({"source": "somewhere"}, "source must be None"),
        ({"pooling": "max"}, "pooling must be 'mean'"),
        ({"k": 3}, "no option 'k'"),
    ],
)
def test_settings_it_cannot_take_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder("one-hot-dosage", **settings)  # type: ignore[arg-type]
