"""Who is in a study and what is asked of them: relatives, outcomes, formulas of confounds, a folder of files."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import yaml
from patsy import ModelDesc, PatsyError

from analyses.brain.connectivity_table import ConnectivityRequest, _reference
from analyses.cohort.kinship_tables import read_kinship_tables
from analyses.cohort.pedigree import read_pedigree
from analyses.config.file import load_config
from analyses.drafts.draft import write_draft
from analyses.experiments.prediction.outcomes import ReadOutcome, read_outcome
from analyses.run.run import Run
from fusion.confounds.formula import read_formula
from fusion.confounds.terms import Interaction
from tests.fuzz.reader import Files, Reader
from tests.fuzz.readers.arrays import npz
from tests.fuzz.readers.genomes import FASTA, GTF
from tests.fuzz.readers.genotypes import _vcf_text
from tests.fuzz.readers.tables import FEATURES, IDS, PARTICIPANTS, WORDS

FAM = "".join(
    f"F1 {one} {father} {mother} {1 + row % 2} -9\n"
    for row, (one, father, mother) in enumerate(
        [(IDS[0], "0", "0"), (IDS[1], "0", "0"), (IDS[2], IDS[0], IDS[1]), (IDS[3], IDS[0], IDS[1])]
        + [(one, "0", "0") for one in IDS[4:9]]
        + [(IDS[9], IDS[2], IDS[4]), (IDS[10], IDS[9], IDS[8])]
    )
)
PEDIGREE = "IID\tPAT\tMAT\n" + "".join("\t".join(line.split()[1:4]) + "\n" for line in FAM.splitlines())
KIN0 = (
    "#FID1\tIID1\tFID2\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\n"
    f"1\t{IDS[0]}\t1\t{IDS[2]}\t900\t0.1\t0\t0.248\n1\t{IDS[2]}\t1\t{IDS[3]}\t900\t0.1\t0\t0.251\n"
)
KIN = f"FID\tID1\tID2\tKinship\tInfType\nF1\t{IDS[0]}\t{IDS[2]}\t0.24\tPO\nF1\t{IDS[2]}\t{IDS[3]}\t0.25\tFS\n"
FORMULAS = (
    "age + sex", "ns(age, df=3)*C(site)", "bs(age, df=4) + age:C(site)", "poly(age, 2) + `mean FD`", "(a + b + c)**2",
    "age/sex - sex", "1 + C(site):C(batch)",
)  # fmt: skip
N = 31
PEOPLE = pd.DataFrame(
    {
        "subject_id": [f"p{row:02d}" for row in range(N)],
        "age": np.random.default_rng(2).normal(50, 9, N).round(2),
        "site": [f"site {'AB'[row % 2]}" for row in range(N)],
    }
)
OUTCOMES: dict[str, Sequence[object]] = {
    "words": ["yes" if row % 3 else "no" for row in range(N)],
    "amounts": np.random.default_rng(3).normal(10, 3, N).round(3).tolist(),
    "codes with gaps": ["" if row % 7 == 0 else str(row % 2) for row in range(N)],
    "three": [f"level {row % 3}" for row in range(N)],
}
STUDY = {
    "name": "fuzz", "experiment": "predict", "predict": {"outcome": "asked"}, "participants": [{"path": "people.csv"}],
    "brain": {"linked": {"path": "brain.csv"}}, "encoders": [{"name": "a", "encoder": "precomputed", "source": "v"}],
    "confounds": [{"column": "age", "kind": "continuous"}, {"column": "site", "kind": "categorical"}],
    "folds": {"n_splits": 2}, "tracking": {"enabled": False},
}  # fmt: skip


def _relatives(folder: Path) -> object:
    found = read_pedigree(next(iter(sorted(folder.iterdir())), folder / "p.fam"), IDS)
    return found.families, found.codes.sum()


def _pairs(folder: Path) -> object:
    return read_kinship_tables(sorted(folder.iterdir()) or [folder / "a.kin0"], IDS).families


def _read_formula(folder: Path) -> tuple[Interaction, ...]:
    return read_formula((folder / "formula.txt").read_bytes().decode("utf-8", "replace").rstrip("\n"))


def _same_as_patsy(folder: Path, value: object) -> None:
    """As many factors in as many terms as the parser of another library finds, where it knows the grammar."""
    assert isinstance(value, tuple)
    text = (folder / "formula.txt").read_bytes().decode("utf-8", "replace").rstrip("\n")
    if any(mark in text for mark in ("`", "^", "%", "~", "{")) or not text.isascii():
        return
    try:
        terms = ModelDesc.from_formula(text).rhs_termlist
    except (PatsyError, SyntaxError, OverflowError, RecursionError):
        return
    other = sorted(len({factor.name() for factor in term.factors}) for term in terms if term.factors)
    assert sorted(len(term.factors) for term in value) == other


def _cohorts(_: Path) -> Sequence[Files]:
    rng = np.random.default_rng(4)
    ids = PEOPLE["subject_id"].tolist()
    brain = pd.DataFrame(rng.standard_normal((N, 3)).round(4), columns=["roi1", "roi2", "roi3"])
    brain.insert(0, "subject_id", ids)
    fixed = {
        "study.yaml": yaml.safe_dump(STUDY).encode(),
        "brain.csv": _csv(brain),
        "v/G1.npz": npz(iids=np.array(ids), embeddings=rng.standard_normal((N, 4)).astype(np.float32)),
    }
    return [{**fixed, "people.csv": _csv(PEOPLE.assign(asked=list(values)))} for values in OUTCOMES.values()]


def _csv(frame: pd.DataFrame) -> bytes:
    made = StringIO()
    frame.to_csv(made, index=False)
    return made.getvalue().encode()


def _outcome(folder: Path) -> tuple[tuple[str, ...], ReadOutcome]:
    run = Run(load_config(folder / "study.yaml"), dry=True)
    return run.cohort.subject_ids, read_outcome(run)


def _same_as_pandas(folder: Path, value: object) -> None:
    """Who has an outcome, and how many classes it has, as pandas reads the column, where the file is plain."""
    assert isinstance(value, tuple)
    ids, read = value
    try:
        frame = pd.read_csv(folder / "people.csv", dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, pd.errors.ParserError):  # in another encoding, or in a dialect that pandas is not told
        return
    if read.outcome is None or "asked" not in frame or not frame["subject_id"].is_unique:
        return
    cells = frame.set_index("subject_id")["asked"].reindex(ids).str.strip()
    assert not (read.known & (cells == "").to_numpy()).any()
    if read.outcome.classes:
        assert len(read.outcome.classes) <= cells.nunique()


def _listed(folder: Path) -> object:
    return _reference(ConnectivityRequest(fit_on=folder / "ids.txt"), IDS)


def _files_of_a_study(folder: Path) -> Sequence[Files]:
    made = folder / "v.vcf"
    made.write_text(_vcf_text())
    pysam.tabix_index(str(made), preset="vcf", force=True)
    variants = {f"in/{path.name}": path.read_bytes() for path in folder.glob("v.vcf.gz*")}
    tables = {"in/people.csv": PARTICIPANTS.encode(), "in/thickness.csv": FEATURES.encode()}
    genome = {"in/r.fa": FASTA.encode(), "in/a.gtf": GTF.encode(), **variants}
    return [tables, {**tables, "in/p.fam": FAM.encode(), "in/k.kin0": KIN0.encode()}, {**tables, **genome}]


def _draft(folder: Path) -> object:
    study = write_draft([folder / "in"], folder / "study.yaml")
    return list(study.needs()), yaml.safe_load((folder / "study.yaml").read_text("utf-8"))


READERS = (
    Reader(
        "pedigree", lambda _: [{"p.fam": FAM.encode()}, {"p.tsv": PEDIGREE.encode()}], _relatives,
        {".fam": "text", ".tsv": "text"}, (b"0", b"s00", b"s10", b"#FID", b"father_id"), suite=40,
    ),
    Reader(
        "kinship table",
        lambda _: [{"a.kin0": KIN0.encode()}, {"a.kin": KIN.encode()}, {"a.kin0": gzip.compress(KIN0.encode())}],
        _pairs, {".kin0": "text", ".kin": "text"}, (b"0.5", b"1e9", b"Dup/MZ", b"KINSHIP", b"s00"), suite=40,
    ),
    Reader(
        "formula", lambda _: [{"formula.txt": text.encode()} for text in FORMULAS], _read_formula, {".txt": "text"},
        (b"C(", b"ns(age, ", b"df=", b"**9", b"%in%", b"~ y", b"- 1", b"0 +", b"(((", b")", b"`", b"I(age)", b"eval(",
         b"__import__('os')", b"a:a", b"lambda: 1", b"[0]", b"{1}"),
        _same_as_patsy,
    ),
    Reader("outcome", _cohorts, _outcome, {"people.csv": "text"}, (*WORDS, b"asked", b"site A", b"inf", b"1e308"),
           _same_as_pandas, suite=30),
    Reader("list of ids", lambda _: [{"ids.txt": "\n".join(IDS[:5]).encode()}], _listed, {".txt": "text"}, (b"s07",)),
    Reader(
        "files of a study", _files_of_a_study, _draft,
        {".csv": "text", ".fam": "text", ".kin0": "text", ".fa": "text", ".gtf": "text", ".gz": "bgzf/text"},
        (*WORDS, b"PC1", b"family", b"{x: 'y'}"), suite=20,
    ),
)  # fmt: skip
