"""What runs left, as others read it: results of several studies, frozen weights, who took part, what was tracked."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analyses.experiments.tune import open_journal
from analyses.figures.atlas import configured_atlas
from analyses.genome.parts import _read_agreement
from analyses.report.first_screen import compare_runs, find_results, list_runs, show_run
from analyses.results.folder import load_results
from analyses.results.schema.meta_analyses import MetaResult
from analyses.results.schema.planted_links import PlantedLink
from analyses.results.serialisation import from_json
from analyses.results.subject_ids import count_shared, shared_ids
from analyses.run.run import _read_truth
from analyses.tracking.mlflow_store import prepare_store
from analyses.tracking.store import Ledger, sqlite_uri
from analyses.workflow.meta_analysis import combine_folders
from analyses.workflow.privacy_audit import audit_privacy
from encoders.publishing import private_folder
from fusion import FrozenAlignment
from tests.fuzz.reader import Files, Reader, read_files
from tests.fuzz.readers.arrays import npy, npz

GOLDENS = Path(__file__).resolve().parents[2] / "goldens"
IDS = ("SUBJ0000X", "P0001", "0017")
_ARM = b"kmer-5"
_WORDS = (b"linked", _ARM, b'"format": 5', b'"../../x"', b"<5", b"null", b"1e-320", b"-1", b"0.999999999999", b"1")


def _golden(name: str, at: str) -> Files:
    kept = ("run.json", "alignments", "private", "splits.json", "comparison.json", "config")
    found = read_files(GOLDENS / name)
    return {f"{at}/{path}": content for path, content in found.items() if path.startswith(kept)}


def _renamed(files: Files, name: str, subject: str) -> Files:
    """The same results under another name, of another person, and with intervals of which none is missing."""
    made = dict(files)
    for path, content in files.items():
        if path.endswith("run.json"):
            made[path] = json.dumps(json.loads(content) | {"name": name}).encode()
        if path.endswith("subjects.json"):
            made[path] = json.dumps({"format": 1, "analysed": [subject], "others": []}).encode()
        if path.endswith("alignment.json"):
            summary = json.loads(content)
            summary["held_out"]["interval"][0] = [0.11, 0.43]
            made[path] = json.dumps(summary).encode()
    return made


def _studies(_: Path) -> Sequence[Files]:
    three = [_renamed(_golden("results_5", name), name, f"of {name}") for name in ("bonn", "oslo", "turin")]
    return [{**three[0], **three[1]}, {**three[0], **three[1], **three[2]}]


def _meta(folder: Path) -> MetaResult:
    return combine_folders([folder / name for name in ("bonn", "oslo", "turin") if (folder / name).is_dir()])


def _is_possible(_: Path, value: object) -> None:
    """Shares add up to all, an average lies between what it is of, and p are such."""
    assert isinstance(value, MetaResult)
    for row in value.combined:
        assert 0 < row.p <= row.p_holm <= 1
        if row.pooled is not None:
            known = [one for one in row.studies if one.weight is not None]
            assert abs(sum(one.weight or 0.0 for one in known) - 1) < 1e-9
            rhos = [one.rho for one in known]
            assert min(rhos) - 1e-9 <= row.pooled.fixed.rho <= max(rhos) + 1e-9


def _screens(_: Path) -> Sequence[Files]:
    """A run without an experiment, and one of each experiment that came later."""
    plain = _golden("results_5", "r/align")
    found = [plain]
    for name in ("predict", "replicate"):
        run = json.loads(plain["r/align/run.json"]) | {"experiment": name}
        result = (GOLDENS / "experiments_5" / f"{name}.json").read_bytes()
        found.append(
            {**plain, "r/align/run.json": json.dumps(run).encode(), f"r/align/experiments/{name}.json": result}
        )
    return found


def _show(folder: Path) -> object:
    found = find_results(folder / "r")
    shown = [show_run(found[0]), compare_runs([*found, *found]), list_runs(found)]
    results = load_results(found[0])
    return shown, results.table(), configured_atlas(results, "linked"), results.null_draws()


def _weights(_: Path) -> Sequence[Files]:
    return [{"w.npz": (GOLDENS / "weights_1" / "weights.npz").read_bytes()}]


def _read_weights(folder: Path) -> object:
    model: FrozenAlignment = FrozenAlignment.load(folder / "w.npz")
    model.check_origin(dict(model.origin))
    return model.aligned_to(y=model.y_columns)


def _same_as_numpy(folder: Path, value: object) -> None:
    """The arrays as numpy gives them, a weight for every column, and nothing that is no number."""
    assert isinstance(value, FrozenAlignment)
    with np.load(folder / "w.npz") as stored:
        assert np.array_equal(stored["x_weights"], value.x_weights)
        assert np.array_equal(stored["y_weights"], value.y_weights)
        record = json.loads(str(stored["record.json"]))
    assert sum(width for _, width in record["x_columns"]) == len(value.x_weights)
    assert np.isfinite(value.x_weights.sum() + value.y_weights.sum())


def _who(folder: Path) -> Sequence[Files]:
    return [_golden("results_5", "a")]


def _read_who(folder: Path) -> object:
    other = folder / "b"
    (other / "private").mkdir(parents=True, exist_ok=True)
    (other / "private" / "subjects.json").write_text(json.dumps({"format": 1, "analysed": IDS, "others": []}))
    by_ids = count_shared(folder / "a", other)
    (folder / "a" / "private" / "subjects.json").unlink(missing_ok=True)
    return by_ids, shared_ids(folder / "a", IDS)


def _audited(folder: Path) -> Sequence[Files]:
    """A results folder with one file of each kind that is opened."""
    shared = {"subjects": 17, "note": "none"}
    parquet, zipped = BytesIO(), BytesIO()
    pq.write_table(pa.table({"who": ["a", "b"], "n": [1, 2]}).replace_schema_metadata({"note": "x"}), parquet)
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", json.dumps(shared))
    with closing(sqlite3.connect(folder / "a.db")) as database, database:
        database.execute("CREATE TABLE t (key, value)")
        database.execute("INSERT INTO t VALUES ('k', 'v')")
    files = {
        "private/subjects.json": json.dumps({"format": 1, "analysed": IDS, "others": []}).encode(),
        "private/id_key.txt": bytes(range(32)).hex().encode(),
        "a.json": json.dumps(shared).encode(),
        "a.csv": b"gene,n\nG1,3\n",
        "a.html": b"<p>&#x33;, <b>none</b></p>",
        "a.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><text>3</text></svg>',
        "a.npy": npy(np.arange(5.0)),
        "a.npz": npz(ids=np.array(["a", "b"]), x=np.zeros(3)),
        "a.parquet": parquet.getvalue(),
        "a.json.gz": gzip.compress(json.dumps(shared).encode(), mtime=0),
        "a.zip": zipped.getvalue(),
        "a.db": (folder / "a.db").read_bytes(),
    }
    (folder / "a.db").unlink()
    return [{f"r/{name}": content for name, content in files.items()}]


def _audit(folder: Path) -> object:
    private_folder(folder / "r" / "private")
    return audit_privacy(folder / "r").findings


def _databases(folder: Path) -> Sequence[Files]:
    prepare_store(sqlite_uri(folder / "mlflow.db"))
    return [{"mlflow.db": (folder / "mlflow.db").read_bytes()}]


def _prepare(folder: Path) -> object:
    prepare_store(sqlite_uri(folder / "mlflow.db"))
    return (folder / "mlflow.db").stat().st_size


def _records(folder: Path) -> Sequence[Files]:
    ledger = Ledger(folder / "tracking.json", "sqlite:///a")
    ledger["align"] = {"content": "c", "report": "r", "run_id": "0" * 32}
    return [{"tracking.json": (folder / "tracking.json").read_bytes()}]


def _read_record(folder: Path) -> object:
    ledger = Ledger(folder / "tracking.json", "sqlite:///a")
    return ledger.results_id, ledger["align"]


def _shares(_: Path) -> Sequence[Files]:
    rows = [["20", "20", 130, "A", "v.vcf.gz", True, 3, 3], ["20", "20", 150, "C", "v.vcf.gz", False, 0, 3]]
    return [{"a.json.gz": gzip.compress(json.dumps(rows).encode(), mtime=0)}]


def _truths(_: Path) -> Sequence[Files]:
    variant = {"gene": "G1", "rank": 1, "frequency": 0.2, "weight": 1.0, "variants": ["20:130:A>C"]}
    truth = {"genes": ["G1"], "features": ["roi1"], "view": "linked", "strength": 0.5, "how": "by hand"}
    return [{"t.json": json.dumps(truth | {"haplotypes": [variant]}).encode()}]


def _journals(folder: Path) -> Sequence[Files]:
    study = open_journal(folder / "a.journal", "key")
    for number in range(3):
        trial = study.ask()
        trial.suggest_int("n", 2, 9)
        study.tell(trial, number / 3)
    return [{"a.journal": (folder / "a.journal").read_bytes()}]


def _read_journal(folder: Path) -> object:
    return [(trial.params, trial.value) for trial in open_journal(folder / "a.journal", "key").trials]


READERS = (
    Reader("meta-analysis", _studies, _meta, {".json": "json", ".txt": "text"}, _WORDS, _is_possible, suite=30),
    Reader("first screen", _screens, _show, {".json": "json", ".npz": "zip/npy", ".yaml": "text"}, _WORDS, suite=30),
    Reader("frozen weights", _weights, _read_weights, {".npz": "zip/npy"}, (b"FrozenAlignment", b'"schema": 1'),
           _same_as_numpy),
    Reader("who took part", _who, _read_who, {"s.json": "json", ".txt": "text"}, (b"analysed", b"folds")),
    Reader(
        "privacy audit", _audited, _audit,
        {".json": "json", ".csv": "text", ".html": "text", ".svg": "text", ".npy": "npy", ".npz": "zip/npy",
         ".parquet": "bytes", ".gz": "gzip/json", ".zip": "zip/json", ".db": "bytes", ".txt": "text"},
        (b"&#", b"<!--", b"data:image/png;base64,"), suite=30,
    ),
    Reader("tracking store", _databases, _prepare, {".db": "bytes"}, (b"CREATE TABLE", b"alembic_version"), suite=15),
    Reader("tracking record", _records, _read_record, {".json": "json"}, (b"format", b"results")),
    Reader("share of windows", _shares, lambda folder: _read_agreement(folder / "a.json.gz"), {".gz": "gzip/json"}),
    Reader(
        "planted link", _truths,
        lambda folder: from_json(PlantedLink, _read_truth(folder / "t.json"), source="t.json"), {".json": "json"},
    ),
    Reader("journal of a search", _journals, _read_journal, {".journal": "json"}, (b"op_code", b"trial_id")),
)  # fmt: skip
