"""The smallest run whose every name is hostile: ids, genes, regions, columns, sites, title, folder."""

import csv
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import yaml

from analyses.cli import app as cli
from tests.hostile import HOSTILE

N_SUBJECTS = 64
#: A cell of a table is one line, and blanks around it are no part of it.
CELLS = {kind: text.strip() for kind, text in HOSTILE.items() if kind not in ("line end", "number", "boolean")}
#: Genes are files.
GENES = {kind: text.replace("/", "|") for kind, text in HOSTILE.items()}
OUTCOME, CLASSES = f"{CELLS['SQL']} outcome", (CELLS["tags"], CELLS["formula"])
AGE, SITE = f"age {CELLS['formula']}", f"{CELLS['tags']} site"
NAME = f"{HOSTILE['tags']} {HOSTILE['SQL']} {HOSTILE['mathtext']}"
TITLE = " ".join(text for text in HOSTILE.values() if text.isprintable())


@dataclass(frozen=True)
class HostileRun:
    """Results folder, subjects, and what the run printed."""

    folder: Path
    ids: tuple[str, ...]
    printed: str


def command(*arguments: object) -> tuple[int, str]:
    """``genebrain`` as from a shell, in process: exit code and what it printed, errors too."""
    printed = io.StringIO()
    argv = patch.object(sys, "argv", ["genebrain", *map(str, arguments)])
    with argv, redirect_stdout(printed), redirect_stderr(printed):
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def write_inputs(folder: Path) -> tuple[Path, tuple[str, ...]]:
    """Configuration and inputs below a folder, and the ids."""
    rng = np.random.default_rng(5)
    texts = list(CELLS.values())
    ids = tuple(f"{texts[i % len(texts)]}-S{i:03d}" for i in range(N_SUBJECTS))
    (folder / "vectors").mkdir(parents=True)
    for text in GENES.values():
        np.savez(
            folder / "vectors" / f"{text}.npz",
            iids=np.array(ids),
            embeddings=rng.standard_normal((N_SUBJECTS, 2)).astype(np.float32),
        )
    sites = [texts[i % 4] for i in range(N_SUBJECTS - 2)] + ["", ""]
    _write(
        folder / "people.csv",
        ["subject_id", AGE, SITE, OUTCOME],
        [
            [one, f"{rng.normal(50, 9):.2f}", site, CLASSES[row % 3 == 0]]
            for row, (one, site) in enumerate(zip(ids, sites, strict=True))
        ],
    )
    values = rng.standard_normal((N_SUBJECTS, len(texts)))
    _write(
        folder / "brain.csv",
        ["subject_id", *texts],
        [[one, *row] for one, row in zip(ids, values.tolist(), strict=True)],
    )
    config = {
        "name": NAME,
        "title": TITLE,
        "participants": [{"path": "people.csv"}],
        "brain": {"Dicke ü 1": {"path": "brain.csv", "description": HOSTILE["line end"]}},
        "confounds": [{"column": AGE, "kind": "continuous"}, {"column": SITE, "kind": "categorical"}],
        "encoders": [{"name": "mine.v2", "encoder": "precomputed", "source": "vectors"}],
        "alignment": {"n_permutations": 19},
        "folds": {"n_splits": 2},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    return path, ids


def _write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def make_hostile_run(folder: Path) -> HostileRun:
    """Run it into ``results/run`` below a folder."""
    config, ids = write_inputs(folder / "inputs")
    output = folder / "results" / "run"
    code, printed = command("run", config, "--output", output)
    assert code == 0, printed
    return HostileRun(output, ids, printed)


def read_run(run: HostileRun) -> dict[str, object]:
    """Its ``run.json``."""
    found: dict[str, object] = json.loads((run.folder / "run.json").read_text(encoding="utf-8"))
    return found


def make_hostile_experiments(run: HostileRun) -> dict[str, HostileRun]:
    """The outcome predicted, and the link of the run tested in the same people by its own weights."""
    study = run.folder.parent.parent / "inputs" / "study.yaml"
    settings = {
        "predict": {"outcome": OUTCOME, "positive": CLASSES[1], "n_components": 2},
        "replicate": {"results": str(run.folder), "same_ids": "other-people"},
    }
    made = {}
    for name, given in settings.items():
        folder = run.folder.parent / name
        words = [
            "--set",
            f"experiment={name}",
            "--set",
            f"{name}={json.dumps(given, ensure_ascii=False)}",
            "--output",
            folder,
        ]
        code, printed = command("report", study, *words)
        assert code == 0, printed
        made[name] = HostileRun(folder, run.ids, printed)
    return made
