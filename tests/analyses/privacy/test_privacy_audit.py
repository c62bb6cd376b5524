"""A subject is found wherever it hides, by id, by hash or by sequence; and where none is, none is found."""

import base64
import gzip
import hashlib
import io
import json
import os
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.errors import InputError
from analyses.privacy.identities import Identities, names_subjects
from analyses.workflow.privacy_audit import audit_privacy, describe
from encoders.errors import InputError as EncodersError
from encoders.publishing import private_folder
from tests.analyses.commands import Command

STRONG = "NDAR_INV7K-é<2>"  # needs unescaping in a page, a capital and an accent that may be written in two ways
SHORT = "17"
IDS = ("P0001", STRONG, SHORT, "1234567")
KEY = bytes(range(32))
KEYED = hashlib.blake2b(STRONG.encode(), key=KEY, digest_size=8).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder that holds what numbers look like, and nobody."""
    run = tmp_path / "run"
    private = private_folder(run / "private")
    (private / "subjects.json").write_text(json.dumps({"format": 1, "analysed": IDS[:3], "others": IDS[3:]}))
    (private / "id_key.txt").write_text(KEY.hex())
    (run / "alignments").mkdir()
    numbers = {"n": {"subjects": 17}, "n_subjects": 17, "rho": [0.1234567, 17.1234567], "seed": "17", "rank": 17}
    (run / "run.json").write_text(json.dumps(numbers | {"sha": "17" * 32, "ids": "none"}))
    (run / "alignments" / "loadings.csv").write_text("gene_id,rank,loading\nG17,17,0.17\nG18,18,1234567.5\n")
    (run / "report.html").write_text('<p id="a17">17 subjects, <b>P0001X</b>; rho = 17</p>')
    (run / "splits.json").write_text(json.dumps({"folds": {KEYED: 1}}))
    return run


def png(text: bytes, kind: bytes = b"tEXt") -> bytes:
    """An image of one pixel with a text chunk."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixel = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(kind, b"note\0" + text) + pixel + chunk(b"IEND", b"")


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def parquet(metadata: str = "", **columns: Any) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"note": metadata}), buffer)
    return buffer.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def database(value: object, *, column: str = "value", delete: bool = False) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute(f'CREATE TABLE "odd "" table" (key, "{column}")')
            connection.execute('INSERT INTO "odd "" table" VALUES (?, ?)', ("n", 3))
            connection.execute('INSERT INTO "odd "" table" VALUES (?, ?)', ("k", value))
            if delete:
                connection.execute('DELETE FROM "odd "" table" WHERE key = \'k\'')

    return write


DECOMPOSED = "ndar_inv7k-e\u0301<2>"
ESCAPED = "NDAR_INV7K-&#xe9;&lt;2&gt;"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg"><g id="axes_1"><text x="3">{ESCAPED}</text></g></svg>'
IMAGE = f'<img src="data:image/png;base64,{base64.b64encode(png(STRONG.encode())).decode()}">'
STATE = base64.b64encode(zlib.compress(STRONG.encode())).decode()
MD5 = hashlib.md5(STRONG.encode())
SHA = hashlib.sha256(STRONG.encode())

PLACES: dict[str, tuple[str, bytes | str | Callable[[Path], None]]] = {
    "page": ("report.html", f"<p>sent by {STRONG}</p>"),
    "page, escaped": ("report.html", f"<td>{ESCAPED}</td>"),
    "page, within an image": ("report.html", IMAGE),
    "drawing": ("figures/a.svg", SVG),
    "drawing, in a comment": ("figures/a.svg", f"<svg><!-- {STRONG} --></svg>"),
    "image, text": ("figures/a.png", png(STRONG.encode())),
    "image, packed text": ("figures/a.png", png(b"\0" + zlib.compress(STRONG.encode()), b"zTXt")),
    "image, behind its end": ("figures/a.png", png(b"-") + STRONG.encode()),
    "table": ("a.csv", f"gene,who\nG1,{STRONG}\n"),
    "table, quoted": ("a.csv", 'gene,who\nG1,"say ""P0001"""\n'),
    "table, number in a column of ids": ("a.csv", f"participant_id,x\n3,1\n{SHORT},2\n"),
    "table, tabs": ("a.tsv", f"x\tIID\n1\t{SHORT}\n"),
    "table, number read as float": ("a.csv", "eid,x\n1234567.0,1\n"),
    "list": ("a.txt", f"P0001\n{SHORT}\n1234567\n"),
    "JSON": ("a.json", json.dumps({"note": [{"by": STRONG}]}, ensure_ascii=True)),
    "JSON, key": ("a.json", json.dumps({STRONG: 1})),
    "JSON, number under a name": ("a.json", '{"rows": [{"subject_id": 17}]}'),
    "JSON, numbers in a list of a name": ("a.json", '{"subjects": [3, 17]}'),
    "JSON, keys under a name": ("a.json", '{"samples": {"17": 0.5}}'),
    "arrays, text": ("a.npz", npz(names=np.array(["G1", STRONG]))),
    "arrays, numbers in an array of a name": ("a.npz", npz(iids=np.array([3, 17]))),
    "array": ("subject_ids.npy", npy(np.array([b"P0001", b"x"]))),
    "array, fields": ("a.npy", npy(np.array([(17, 0.5)], dtype=[("subject_id", "i8"), ("x", "f8")]))),
    "parquet": ("a.parquet", parquet(who=["x", STRONG])),
    "parquet, numbers in a column of ids": ("a.parquet", parquet(eid=[3, 17])),
    "parquet, categories": ("a.parquet", parquet(who=pd.Categorical(["x", STRONG]))),
    "parquet, lists": ("a.parquet", parquet(who=[["x"], [STRONG]])),
    "parquet, metadata": ("a.parquet", parquet(STRONG, x=[1])),
    "packed": ("a.json.gz", gzip.compress(json.dumps({"a": STRONG}).encode())),
    "packed, table": ("a.csv.gz", gzip.compress(f"subject,x\n{SHORT},1\n".encode())),
    "packed twice": ("a.zip", zipped("inner.csv.gz", gzip.compress(STRONG.encode()))),
    "packed, name of a member": ("a.zip", zipped("P0001.csv", b"x")),
    "database": ("mlflow.db", database(STRONG)),
    "database, JSON": ("mlflow.db", database(json.dumps({"a": STRONG}))),
    "database, saved view": ("mlflow.db", database(json.dumps({"state": f"deflate;{STATE}"}))),
    "database, blob": ("mlflow.db", database(STRONG.encode())),
    "database, number in a column of ids": ("mlflow.db", database(17, column="subject_id")),
    "database, deleted row": ("mlflow.db", database("subject P0001 of the north", delete=True)),
    "journal of a database": ("mlflow.db-journal", b"\0\0\0" + b" by P0001 " + b"\0"),
    "settings": ("config/resolved.yaml", f"title: {STRONG}\n"),
    "answer of an experiment": ("experiments/replicate.json", json.dumps({"answer": [f"Nobody but {STRONG}."]})),
    "meta-analysis": ("meta.json", json.dumps({"left_out": [f"{STRONG} is in both"]})),
    "weights for others": ("w.npz", npz(**{"record.json": np.array(json.dumps({"y_columns": ["roi1", STRONG]}))})),
    "draft of a configuration": ("study.yaml", f"name: x  # ids such as {STRONG}\n"),
    "job log": ("logs/align.out", f"genebrain: row 3 of x.csv has no age (subject {SHORT}).\n"),
    "name of a file": (f"figures/{DECOMPOSED.replace('<2>', '_P0001_')}.svg", "<svg/>"),
    "Windows text": ("a.csv", f"x,who\n1,{STRONG}\n".encode("utf-16")),
    "other capitals and accents": ("a.txt", DECOMPOSED),
    "part of an address": ("a.txt", "see /data/sub-17/anat and x?subject_id=NDAR_INV7K-%C3%A9%3C2%3E"),
    "md5": ("a.json", json.dumps({"who": MD5.hexdigest().upper()})),
    "md5 of echo": ("a.json", json.dumps({"who": hashlib.md5(f"{STRONG}\n".encode()).hexdigest()})),
    "sha256, cut": ("a.csv", f"who\n{SHA.hexdigest()[:16]}\n"),
    "sha256 in base64": ("a.txt", base64.b64encode(SHA.digest()).decode()),
    "md5 in base64 of addresses": ("a.txt", base64.urlsafe_b64encode(MD5.digest()).decode().rstrip("=")),
    "keyed hash": ("a.json", json.dumps({"who": KEYED})),
    "hash as a name": (f"{hashlib.sha1(b'P0001').hexdigest()}.csv", "x\n1\n"),
}


def place(folder: Path, name: str, content: bytes | str | Callable[[Path], None]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if callable(content):
        content(path)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_numbers_are_nobody_and_folds_hold_keyed_hashes(folder: Path) -> None:
    audit = audit_privacy(folder)
    assert audit.findings == ()
    assert audit.is_clean
    assert audit.looked.files.total() == 4
    assert audit.looked.n_keyed == 1


@pytest.mark.parametrize(("name", "content"), PLACES.values(), ids=PLACES)
def test_who_hides_is_found(folder: Path, name: str, content: bytes | str | Callable[[Path], None]) -> None:
    if name == "config/resolved.yaml":  # not a configuration: the text of one
        name = "config/title.yaml"
    place(folder, name, content)
    audit = audit_privacy(folder)
    assert {finding.file for finding in audit.findings} == {name}
    assert not audit.is_clean
    assert not audit.looked.unread
    assert STRONG not in describe(audit).replace(name, "")


@pytest.mark.parametrize("name", ["a.npz", "a.parquet", "a.csv.gz", "mlflow.db", "a.png"])
def test_what_is_damaged_is_said_and_its_bytes_are_searched(folder: Path, name: str) -> None:
    heads = {"a.npz": b"PK\x03\x04", "a.parquet": b"PAR1", "a.csv.gz": b"\x1f\x8b", "mlflow.db": b"SQLite format 3\0"}
    place(folder, name, heads.get(name, b"\x89PNG\r\n\x1a\n") + b"\0\0 written by P0001 \0")
    audit = audit_privacy(folder)
    assert [finding.file for finding in audit.findings] == [name]
    assert (name in audit.looked.unread) == (name != "a.png")


def test_texts_of_no_letters_are_nobody_however_many_they_are(folder: Path) -> None:
    header = b"{'descr': '<U0', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    place(folder, "subject_ids.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    assert audit_privacy(folder).is_clean


def test_a_file_that_cannot_be_read_is_no_proof(folder: Path) -> None:
    (folder / "gone.csv").symlink_to(folder / "elsewhere.csv")
    audit = audit_privacy(folder)
    assert list(audit.looked.unread) == ["gone.csv"]
    assert not audit.is_clean


def test_a_private_folder_that_others_may_enter_is_said(folder: Path) -> None:
    (folder / "private").chmod(0o750)
    audit = audit_privacy(folder)
    assert audit.open_folders == ("private/",)
    assert not audit.is_clean
    assert "private/ may be entered by others" in describe(audit)


def test_logs_elsewhere_and_other_lists_are_searched(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "terminal.txt").write_text("first line\nnobody but S-77 here\n")
    (tmp_path / "ids.txt").write_text("\ufeffS-77\nS-78\n", encoding="utf-8")
    (found,) = audit_privacy(folder, subjects=tmp_path / "ids.txt", also=[tmp_path / "terminal.txt"]).findings
    assert (found.file, found.place, found.n) == (str(tmp_path / "terminal.txt"), "line 2", 1)
    assert audit_privacy(folder, also=[tmp_path / "terminal.txt"]).findings == ()


def test_a_sequence_of_a_window_is_found_on_either_strand() -> None:
    rng = np.random.default_rng(3)
    window = "".join(rng.choice(list("ACGT"), 510))
    identities = Identities(["P0001"], sequences=[window])
    backward = window[100:180].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    assert [match.kind for match in identities.find(f">x\n{window[7:60]}\n{backward.lower()}")] == [
        "sequence of a window"
    ] * 2
    assert list(identities.find("".join(rng.choice(list("ACGT"), 300)))) == []


def test_ids_that_begin_alike_are_told_apart() -> None:
    identities = Identities([f"sub-{i:05d}" for i in range(3000)] + ["a b", "???"])
    text = " ".join(f"sub-{i:05d}" for i in (7, 2999, 3000, 70)) + " A B abc"
    assert sorted(match.row for match in identities.find_ids(text)) == [7, 70, 2999, 3000]
    assert identities.mask("no value of sub-00007, none of sub-30000") == "no value of (an id), none of sub-30000"


@pytest.mark.parametrize("name", ["subject_id", "IID", "eid", "participant_id", "Subject ID", "sample", "id"])
def test_names_of_ids(name: str) -> None:
    assert names_subjects(name)


@pytest.mark.parametrize("name", ["n_subjects", "n/subjects", "valid", "grid", "gene_id_rank", "experiment_ids_n"])
def test_names_of_other_things(name: str) -> None:
    assert not names_subjects(name)
    assert not names_subjects(name, many=True)


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_looked_at_and_ends_with_what_it_found(
    genebrain: Command, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert genebrain("audit-privacy", folder) == 0
    said = capsys.readouterr().out
    for words in ("4 ids of private/subjects.json", "1 of the ids", "4 files", "1 csv (2 rows)", "nobody was found"):
        assert words in said
    place(folder, "a.json", json.dumps({"who": KEYED}))
    assert genebrain("audit-privacy", folder, "--json") == 1
    found = json.loads(capsys.readouterr().out)["found"]
    assert [(one["file"], one["kind"], one["n"], one["row"]) for one in found] == [("a.json", "keyed hash", 1, 1)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none",), "searches the results folder of a run"),
        ((".",), r"a run keeps in private/subjects\.json"),
        ((".", "--subjects", "no.txt"), "with one id a line"),
        ((".", "--subjects", "empty.txt"), "holds none"),
        ((".", "--also", "no.log"), r"no\.log does not exist"),
    ],
)
def test_what_is_missing_is_said(
    genebrain: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n")
    assert genebrain("audit-privacy", *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)


def test_a_list_of_another_format_is_refused(folder: Path) -> None:
    (folder / "private" / "subjects.json").write_text('{"format": 2, "people": []}')
    with pytest.raises(InputError, match="must have format 1 to be read by this version; it has format 2"):
        audit_privacy(folder)


@pytest.mark.parametrize(
    ("name", "text"), [("subjects.json", '{"format": 1}'), ("subjects.json", "[]"), ("id_key.txt", "not a key")]
)
def test_damaged_private_files_are_said(folder: Path, name: str, text: str) -> None:
    (folder / "private" / name).write_text(text)
    with pytest.raises((InputError, EncodersError), match=rf"private/{name} must"):
        audit_privacy(folder)


# A run ----------------------------------------------------------------------------------------------------------------


def test_a_run_shares_nobody(results: Path) -> None:
    audit = audit_privacy(results)
    assert audit.findings == ()
    assert audit.is_clean
    assert len(audit.identities.ids) == 300
    assert audit.identities.has_key
    assert audit.identities.n_sequences > 100
    assert audit.looked.files["SQLite database"] == 1
    assert audit.looked.n_tables > 20
    assert audit.looked.n_keyed > 1
    assert any(os.sep in reason and "windows" in reason for reason in audit.skipped)
