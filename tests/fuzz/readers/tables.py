"""Tables: participants, brains in their dialects, parquet, labels of atlases, FreeSurfer's own files."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from encoders.brain.connectivity.label_tables import read_coordinates, read_lut
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.sources import read_source
from encoders.brain.records import one_row_per_subject
from encoders.brain.tables import read_brain_table
from encoders.tables.subjects import SubjectTable, read_subject_table
from encoders.training.tasks import read_labelled_set
from tests.fuzz.reader import Files, Reader

IDS = [f"s{number:02d}" for number in range(11)]
NUMBERS = np.random.default_rng(8).normal(2.5, 0.4, size=(11, 5)).round(3)

PARTICIPANTS = "subject_id,age,sex,site,volume\n" + "".join(
    f"{name},{20 + 3 * row},{'MF'[row % 2]},site {'AB'[row % 3 > 0]},{NUMBERS[row, 0] * 1000:.1f}\n"
    for row, name in enumerate(IDS)
)
GERMAN = PARTICIPANTS.replace(",", ";").replace(".", ",")
QUOTED = PARTICIPANTS.replace("site A", '"site, ""A"""').replace("M", "NA")
WIDE = "subject_id,session,run,fd,lh_bankssts_thickness,lh_cuneus_thickness,eTIV\n" + "".join(
    f"{name},ses-{1 + row // 6},{1 + row % 3},{0.1 + row / 50:.2f},{NUMBERS[row, 0]},{NUMBERS[row, 1]},1500000.5\n"
    for row, name in enumerate([*IDS[:6], *IDS[:5]])
)
FEATURES = "subject_id,roi1,roi2,eTIV\n" + "".join(
    f"{name},{NUMBERS[row, 0]},{NUMBERS[row, 1]},1500000.5\n" for row, name in enumerate(IDS)
)
FREESURFER = "lh.aparc.thickness\tlh_bankssts_thickness\tlh_cuneus_thickness\tBrainSegVolNotVent\teTIV\n" + "".join(
    f"sub-{name}\t{NUMBERS[row, 0]}\t{NUMBERS[row, 1]}\t{1e6 + row}\t{1.5e6 + row}\n" for row, name in enumerate(IDS)
)
ENIGMA = "SubjID,L_bankssts_thickavg,R_bankssts_thickavg,ICV\n" + "".join(
    f"{name},{NUMBERS[row, 0]},{NUMBERS[row, 1]},{1.5e6 + row}\n" for row, name in enumerate(IDS)
)
BIOBANK = "eid,26755-2.0,26756-2.0,26755-3.0,31-0.0\n" + "".join(
    f"{1000000 + row},{NUMBERS[row, 0]},{NUMBERS[row, 1]},{NUMBERS[row, 2] if row % 2 else ''},{row % 2}\n"
    for row in range(11)
)
LUT = "index,name\n" + "".join(f"{number},region {number}\n" for number in range(1, 8))
COORDINATES = "name\tx\ty\tz\n" + "".join(f"region{n}\t{n - 4.5}\t{2 * n}\t{-n}\n" for n in range(1, 8))
LABELLED = {
    f"{name}.csv": "sequence,label,chromosome,cluster\n"
    + "".join(f"{word * 3}{'ACGT'[row % 4] * row}G,{row % 3},20,c{row}\n" for row in range(9))
    for name, word in (("train", "ACCA"), ("dev", "GATT"), ("test", "TTCG"))
}
CARD = "format: 1\nname: sites\nkind: multiclass\nclasses:\n- neither\n- donor\n- acceptor\nseed: 3\n"
STATS = (
    "# Title Segmentation Statistics\n# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated, 1500000.5, mm^3\n"
    "# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd\n"
    "bankssts 1300 900 2200 2.512 0.4\ncuneus 1200 800 2100 1.912 0.5\n"
)
WORDS = (
    b"sep=;", b"subject_id", b"eid", b"session", b"run", b"lh_", b"26755-2.0", b"age", b"5,843", b"1.234", b"s01",
    b"NA",
    b"-9", b"999", b"fail", b"2001-01-01", b"ses-10", b"pre", b"0.1", b"=1+1", b"# ",
)  # fmt: skip


def _texts(*tables: str, name: str = "t.csv") -> Callable[[Path], Sequence[Files]]:
    def seeds(_: Path) -> Sequence[Files]:
        return [{name: text.encode()} for text in tables]

    return seeds


def _participants(_: Path) -> Sequence[Files]:
    return [
        {"t.csv": PARTICIPANTS.encode()},
        {"t.csv": QUOTED.encode()},
        {"t.csv": GERMAN.encode("utf-16")},
        {"t.csv": PARTICIPANTS.replace(",", "\t").encode()},
        {"t.csv.gz": gzip.compress(PARTICIPANTS.encode(), mtime=0)},
    ]


def _same_as_csv(folder: Path, value: object) -> None:
    """Ids and words as the csv module of Python reads them, where a file is plain: commas, UTF-8, nothing told."""
    assert isinstance(value, SubjectTable)
    path = folder / "t.csv"
    if value.notes or not path.is_file():
        return
    text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    if any(mark in text for mark in ";\t|"):
        return
    header, *rows = [row for row in csv.reader(text.split("\n"), strict=False) if row]
    column = [name.strip() for name in header].index("subject_id")
    assert list(value.frame.index) == [row[column] for row in rows]


def _parquet(_: Path) -> Sequence[Files]:
    frame = pd.DataFrame(NUMBERS, columns=[f"roi{n}" for n in range(5)]).assign(
        subject_id=IDS, site=list("ABABABABABA")
    )
    made = [BytesIO() for _ in range(3)]
    frame.to_parquet(made[0], index=False)
    frame.set_index("subject_id").to_parquet(made[1], compression="gzip")
    frame.assign(age=range(11), is_left=True).to_parquet(made[2], index=False, compression=None, row_group_size=4)
    return [{"t.parquet": one.getvalue()} for one in made]


def _vectors(_: Path) -> Sequence[Files]:
    made = [BytesIO() for _ in range(2)]
    frame = pd.DataFrame({"eid": IDS, "vector": list(NUMBERS)})
    frame.to_parquet(made[0], index=False)
    frame.assign(layer="last", source_model="m", eTIV=1.5).to_parquet(made[1], index=False, compression=None)
    return [{"t.parquet": one.getvalue()} for one in made]


def _same_as_pandas(folder: Path, value: object) -> None:
    assert isinstance(value, SubjectTable)
    frame = pd.read_parquet(folder / "t.parquet")
    frame = frame if "subject_id" in frame else frame.reset_index()
    assert len(value.frame) <= len(frame)  # rows without a cell are left out
    if not value.notes:
        assert list(value.frame.index) == [str(one) for one in frame["subject_id"]]


def _labelled(_: Path) -> Sequence[Files]:
    plain = {name: text.encode() for name, text in LABELLED.items()}
    several = {name: text.replace(",1,", ",0;1,").encode() for name, text in LABELLED.items()}
    values = {name: text.replace(",1,", ",0.25,").encode() for name, text in LABELLED.items()}
    return [plain, plain | {"task.yaml": CARD.encode()}, several, values]


def _stats_folder(_: Path) -> Sequence[Files]:
    files = {}
    for subject in ("sub-01", "sub-02", "sub-03"):
        for side in "lr":
            files[f"fs/{subject}/stats/{side}h.aparc.stats"] = STATS.encode()
    return [files]


def _import(path: Path, **options: object) -> object:
    records, _ = read_source(path, ImportOptions(**options))  # type: ignore[arg-type]
    return one_row_per_subject(records, session="first", session_order=(), run_weights="mean")


def _wide(folder: Path) -> object:
    path = folder / "t.csv"
    header = path.read_bytes()[:400] if path.is_file() else b""
    keys = {"session_column": "session", "run_column": "run", "fd_column": "fd"} if b"session" in header else {}
    more = {"instance": 2} if b"-2.0" in header else {}
    return _import(path, **keys, **more)


def _first(folder: Path, pattern: str) -> Path:
    return next(iter(sorted(folder.glob(pattern))), folder / "t.csv")


READERS = (
    Reader(
        "participants", _participants,
        lambda folder: read_subject_table(_first(folder, "t.csv*"), "subject_id", missing_codes=("-9",)),
        {".csv": "text", ".gz": "gzip/text"}, WORDS, _same_as_csv,
    ),
    Reader(
        "parquet table", _parquet, lambda folder: read_subject_table(folder / "t.parquet", "subject_id"),
        {".parquet": "bytes"}, (b"PAR1", b"pandas", b"index_columns", b"UTF8"), _same_as_pandas,
    ),
    Reader("parquet vectors", _vectors, lambda folder: _import(folder / "t.parquet"), {".parquet": "bytes"}),
    Reader(
        "brain table", _texts(FEATURES, ENIGMA.replace("SubjID", "subject_id")),
        lambda folder: read_brain_table(folder / "t.csv", id_column="subject_id", nan="drop-subjects"),
        {".csv": "text"}, WORDS,
    ),
    Reader("brain import", _texts(WIDE, FREESURFER, ENIGMA, BIOBANK), _wide, {".csv": "text"}, WORDS),
    Reader(
        "stats files", _stats_folder, lambda folder: _import(folder / "fs"), {".stats": "text"},
        (b"# ColHeaders", b"# Measure a, eTIV, b, 1e999, c", b"# Measure a, eTIV, b, x, c", b"ThickAvg", b"StructName"),
    ),
    Reader(
        "labelled set", _labelled, read_labelled_set, {".csv": "text", ".yaml": "text"},
        (
            b"sequence", b"label", b"ACGT", b"NNNN", b"none", b"0;1", b"1e9", b"-1", b"donor", b"format: 2", b"&a [1]",
            b"*a", b"kind: binary", b"classes: [yes, no]", b"!!python/object/apply:os.system ['true']",
        ),
    ),
    Reader("label table", _texts(LUT), lambda folder: read_lut(folder / "t.csv"), {".csv": "text"}, WORDS),
    Reader(
        "coordinates", _texts(COORDINATES, name="t.tsv"), lambda folder: read_coordinates(folder / "t.tsv"),
        {".tsv": "text"}, WORDS,
    ),
)  # fmt: skip
