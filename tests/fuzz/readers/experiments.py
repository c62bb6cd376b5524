"""What experiments are given beside a cohort: gene sets, motifs, annotated variants, orthologs, strata, outcomes."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from analyses.config.file import load_config
from analyses.experiments.associations.responses import read_responses
from analyses.experiments.prediction.outcomes import read_outcome
from analyses.experiments.prediction.predictors import Features
from analyses.experiments.species.sequences import Orthologs, read_orthologs
from analyses.experiments.strata.labels import read_strata
from analyses.genome.allele_tables import KEY, read_annotations
from analyses.genome.gene_sets import read_gene_sets
from analyses.run.run import Run
from analyses.workflow.privacy_audit import _read_list
from encoders.dna.pieces.position_weights import PositionWeights, read_jaspar
from fusion.prediction.outcome import NotDefinedError
from tests.fuzz.reader import Files, Reader
from tests.fuzz.readers.arrays import npz
from tests.fuzz.readers.cohorts import PEOPLE, STUDY, N, _csv
from tests.fuzz.readers.genomes import CONTIGS
from tests.fuzz.readers.tables import WORDS

GMT = "PATHWAY_A\thttps://example.org/a\tG1\tG2\tG3\nPATHWAY B\tna\tG3\tG4\t\nSYNAPSE\t\tG1\tG5\n"
JASPAR = (
    ">MA0001.1 first\nA [ 3 0 9 1 ]\nC [ 4 10 0 2 ]\nG [ 1 0 1 3 ]\nT [ 2 0 0 4 ]\n"
    ">MA0002.1\n0.5 0\n0.25 1\n0.25 0\n0 0\n"
)
VEP = (
    "## VEP's remark\n#CHROM\tPOS\tREF\tALT\tConsequence\tSIFT\n"
    "20\t131\tA\tC\tmissense_variant\t0.02\n20\t151\tA\tC\tintron_variant\t\n20\t152\tCGT\tC\tframeshift_variant\t-\n"
)
CADD = (
    "## CADD GRCh38-v1.7\n#Chrom\tPos\tRef\tAlt\tRawScore\tPHRED\n"
    "chr20\t131\tA\tC\t0.61\t8.9\nchr20\t131\tA\tG\t1.2\t12.4\nchr21\t9\tG\tT\t-0.3\t0.2\n"
)
SPECIES = ("home", "sister")


def _gene_sets(_: Path) -> Sequence[Files]:
    return [{"s.gmt": GMT.encode()}, {"s.gmt": gzip.compress(GMT.encode(), mtime=0)}]


def _same_as_cells(folder: Path, value: object) -> None:
    """Every gene of a set stands in its line, as the csv module parts it, where the file is plain."""
    assert isinstance(value, dict)
    text = _plain_text(folder / "s.gmt")
    if text is None:
        return
    rows = csv.reader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    lines = {row[0].strip(): {cell.strip() for cell in row[2:]} - {""} for row in rows if "".join(row).strip()}
    assert {name: set(genes) for name, genes in value.items()} == lines


def _plain_text(path: Path) -> str | None:
    """Text of a file of printable ASCII, line feeds and tabs; any other is left to the reader alone."""
    raw = path.read_bytes()
    return raw.decode() if re.fullmatch(rb"[\x20-\x7e\n\t]*", raw) else None


def _same_as_numbers(folder: Path, value: object) -> None:
    """Every count stands in the file, digit by digit."""
    assert isinstance(value, tuple)
    text = (folder / "m.jaspar").read_text("utf-8")
    for motif in value:
        assert isinstance(motif, PositionWeights)
        told = [float(word) for word in re.findall(r"[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9]+", text)]
        assert set(motif.counts.ravel()) <= {*told, 0.0}


def _variants(_: Path) -> Sequence[Files]:
    return [{"v.tsv": VEP.encode()}, {"v.tsv": CADD.encode()}]


def _same_as_pandas(folder: Path, value: object) -> None:
    """As many alleles as pandas finds, where it takes the file for a table of that header."""
    assert isinstance(value, pd.DataFrame)
    text = _plain_text(folder / "v.tsv")
    if text is None:
        return
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("##") and line.strip())
    frame = pd.read_csv(StringIO(kept), sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    frame.columns = frame.columns.str.strip().str.lstrip("#").str.lower()
    places = frame[list(KEY)].apply(lambda column: column.str.strip())
    places["chrom"] = places["chrom"].str.removeprefix("chr")
    for name in ("ref", "alt"):
        places[name] = places[name].str.upper()
    assert len(places.drop_duplicates()) == len(value)


def _species(_: Path) -> Sequence[Files]:
    first = "".join(f">{name} home\n{bases[:90]}\n" for name, bases in CONTIGS.items())
    second = "".join(f">{name} sister\n{bases[3:50]}--{bases[50:97]}\n" for name, bases in CONTIGS.items())
    asked = STUDY | {
        "experiment": "species",
        "species": {"genomes": [{"name": name, "path": f"{name}.fa"} for name in SPECIES]},
    }
    fixed = _fixed(asked | {"predict": {}}, PEOPLE)
    return [
        {**fixed, "home.fa": first.encode(), "sister.fa": second.encode()},
        {**fixed, "home.fa": first.encode(), "sister.fa": gzip.compress(second.lower().encode(), mtime=0)},
    ]


def _orthologs(folder: Path) -> Orthologs:
    found = read_orthologs(Run(load_config(folder / "study.yaml"), dry=True), shortest=11)
    found.alignment_distances()
    return found


def _are_letters(_: Path, value: object) -> None:
    assert isinstance(value, Orthologs)
    for own in value.sequences:
        assert all(set(bases) <= set("ACGTN") for bases in own.values())
    distances = value.alignment_distances()
    assert ((distances >= 0) & (distances <= 1) | np.isnan(distances)).all()


def _fixed(study: dict[str, object], people: pd.DataFrame) -> dict[str, bytes]:
    """A study of few people, small enough to be read thousands of times."""
    rng = np.random.default_rng(5)
    ids = people["subject_id"].tolist()
    brain = pd.DataFrame(rng.standard_normal((len(ids), 2)).round(4), columns=["roi1", "roi2"])
    brain.insert(0, "subject_id", ids)
    return {
        "study.yaml": yaml.safe_dump(study).encode(),
        "brain.csv": _csv(brain),
        "v/G1.npz": npz(iids=np.array(ids), embeddings=rng.standard_normal((len(ids), 3)).astype(np.float32)),
        "people.csv": _csv(people),
    }


def _studies(
    experiment: str, sections: Sequence[dict[str, object]], columns: dict[str, Sequence[object]]
) -> Callable[[Path], Sequence[Files]]:
    people = PEOPLE.assign(**columns)
    asked = [STUDY | {"experiment": experiment, "predict": {}} | {experiment: section} for section in sections]
    return lambda _: [_fixed(study, people) for study in asked]


def _run(folder: Path) -> Run:
    return Run(load_config(folder / "study.yaml"), dry=True)


def _scored(folder: Path) -> object:
    """The block of a score as a predictor is given it, or why it is not defined."""
    run = _run(folder)
    read = read_outcome(run)
    if read.outcome is None:
        return None
    features = Features(run, read.outcome, read.known)
    try:
        made = features._make("polygenic score", "", np.arange(len(read.known)))
    except NotDefinedError as error:
        return str(error)
    assert np.isfinite(made).all()
    return made


_STRATA: list[dict[str, object]] = [{"column": "group"}, {"column": "dose", "bands": [1, 2.5]}]
_RESPONSES: list[dict[str, object]] = [
    {"outcomes": [{"column": "dose", "kind": "continuous"}, {"column": "group", "kind": "multiclass"}]},
    {"outcomes": [{"column": "years", "kind": "time", "event": "relapsed", "positive": "yes"}]},
    {"outcomes": [{"column": "grade", "kind": "ordinal", "levels": ["none", "mild", "severe"]}]},
]
_COLUMNS: dict[str, Sequence[object]] = {
    "group": [f"group {'ABC'[row % 3]}" for row in range(N)],
    "dose": [round(0.13 * row, 2) for row in range(N)],
    "years": [round(1 + row * 0.37 % 5, 2) for row in range(N)],
    "relapsed": ["yes" if row % 4 else "no" for row in range(N)],
    "grade": [["none", "mild", "severe"][row % 3] for row in range(N)],
}
_CELLS = (*WORDS, b"group A", b"yes", b"severe", b"inf", b"1e308", b"-0.5", b"True")

READERS = (
    Reader("gene sets", _gene_sets, lambda folder: read_gene_sets(folder / "s.gmt"), {".gmt": "text"},
           (b"\t", b"SYNAPSE", b"G1", b"\t\t"), _same_as_cells),
    Reader("motif matrices", lambda _: [{"m.jaspar": JASPAR.encode()}], lambda folder: read_jaspar(folder / "m.jaspar"),
           {".jaspar": "text"}, (b">", b">MA0001.1", b"[", b"]", b"A", b"1e3", b"T [ 1 1 1 1 ]"), _same_as_numbers),
    Reader("annotated variants", _variants, lambda folder: read_annotations(folder / "v.tsv"), {".tsv": "text"},
           (b"#CHROM", b"POS", b"REF", b"ALT", b"chr20", b"##", b"PHRED", b"chrchr"), _same_as_pandas),
    Reader("orthologs", _species, _orthologs, {".fa": "text"}, (b">", b">20", b"N", b"-", b"*", b"U", b"@", b"+"),
           _are_letters, suite=30),
    Reader("strata", _studies("stratify", _STRATA, _COLUMNS), lambda folder: read_strata(_run(folder)).names,
           {"people.csv": "text"}, _CELLS, suite=30),
    Reader("outcomes to associate", _studies("associate", _RESPONSES, _COLUMNS),
           lambda folder: read_responses(_run(folder)), {"people.csv": "text"}, _CELLS, suite=30),
    Reader(
        "polygenic score",
        _studies("predict", [{"outcome": "grade", "polygenic_score": "dose"}], _COLUMNS), _scored,
        {"people.csv": "text"}, _CELLS, suite=30,
    ),
    Reader("ids to search for", lambda _: [{"ids.txt": "\n".join(PEOPLE["subject_id"]).encode()}],
           lambda folder: _read_list(folder / "ids.txt"), {".txt": "text"}, (b"p01", b"subject_id")),
)  # fmt: skip
