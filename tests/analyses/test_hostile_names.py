"""A string is that string in every sink, whatever it looks like: path, page, drawing, tracking, script, terminal."""

import csv
import html
import io
import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
import yaml

from analyses.config.file import load_config
from analyses.config.names import LONGEST_TITLE
from analyses.config.run_config import RunConfig
from analyses.errors import InputError, printable
from analyses.formats import table_text
from analyses.progress import say
from analyses.tracking.mlflow_client import resolve_tracking_uri
from analyses.workflow.privacy_audit import audit_privacy, describe
from analyses.workflow.slurm import Job, Resources, _script, emit_slurm
from tests.analyses.config.conftest import MINIMAL
from tests.analyses.hostile_run import (
    AGE,
    CELLS,
    CLASSES,
    GENES,
    NAME,
    OUTCOME,
    SITE,
    TITLE,
    HostileRun,
    command,
    make_hostile_experiments,
    make_hostile_run,
)
from tests.hostile import HOSTILE, ODD_FOLDER

kinds = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(MINIMAL)
    return path


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory) -> HostileRun:
    return make_hostile_run(tmp_path_factory.mktemp("hostile") / ODD_FOLDER)


@pytest.fixture(scope="session")
def experiments(hostile_run: HostileRun, tracked: object) -> dict[str, HostileRun]:
    return make_hostile_experiments(hostile_run)


each_experiment = pytest.mark.parametrize("name", ["predict", "replicate"])


# Paths ----------------------------------------------------------------------------------------------------------------


def test_nothing_is_written_outside_the_results_nor_named_by_a_file(hostile_run: HostileRun) -> None:
    around = hostile_run.folder.parent.parent
    assert sorted(path.name for path in around.parent.iterdir()) == [ODD_FOLDER]
    assert sorted(path.name for path in around.iterdir()) == ["inputs", "results"]
    assert sorted(path.name for path in (around / "inputs").iterdir()) == [
        "brain.csv",
        "people.csv",
        "study.yaml",
        "vectors",
    ]
    named = [path.name for path in (around / "results").rglob("*")]
    assert len(named) > 40
    assert not [name for name in named if not re.fullmatch(r"[\w. ü-]+", name)]


# The page and its drawings --------------------------------------------------------------------------------------------


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="session")
def page(hostile_run: HostileRun) -> Page:
    return Page((hostile_run.folder / "report.html").read_text(encoding="utf-8"))


def test_nothing_in_the_page_can_act_or_load(page: Page) -> None:
    assert page.tags["script"] == 1  # its own
    assert not page.tags.keys() & {"img", "iframe", "object", "embed", "form", "base", "link"}
    assert page.handlers == []
    assert not [link for link in page.links if not link.startswith(("#", "data:image/png"))]


@pytest.mark.parametrize("text", [*CELLS.values(), TITLE, AGE, SITE])
def test_every_name_stands_in_the_page_as_it_is(page: Page, text: str) -> None:
    shown = " ".join(" ".join(page.words).split())
    assert " ".join(text.split()) in shown or " ".join(printable(text).split()) in shown


def test_drawings_are_well_formed_and_hold_names_as_text(hostile_run: HostileRun) -> None:
    words = ""
    for path in hostile_run.folder.glob("figures/*.svg"):
        tree = ElementTree.parse(path).getroot()
        assert not {one.tag.rpartition("}")[2] for one in tree.iter()} & {"script", "image", "foreignObject", "a"}
        assert not [name for one in tree.iter() for name in one.attrib if name.startswith("on")]
        words += " ".join(tree.itertext())
    drawn = [text for text in (*GENES.values(), *CELLS.values()) if text in words or printable(text) in words]
    assert len(drawn) > 30  # the largest of each kind


# Tables ---------------------------------------------------------------------------------------------------------------


@kinds
def test_a_cell_is_no_formula_and_is_read_back(text: str) -> None:
    written = table_text(pd.DataFrame({text: [text, "-1.5"], "n": [-2.5, 3]}))
    header, row, negative = csv.reader(io.StringIO(written))
    for cell in (header[0], row[0]):
        assert cell in (text, f"'{text}")
        assert not re.match(r"\s*[=+@\uff0b\uff0d\uff1d\uff20]|\s*-[^\d.]|[\t\r\n]", cell)
    assert (row[1], negative[0]) == ("-2.5", "-1.5")  # numbers stay numbers


def test_no_table_of_a_run_holds_a_formula(hostile_run: HostileRun) -> None:
    tables = [path for path in hostile_run.folder.rglob("*.csv") if "private" not in path.parts]
    assert len(tables) > 5
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=+@\uff1d\t\r]|\s*-[^\d.]", cell)], path


@each_experiment
def test_an_experiment_shows_names_as_they_are(experiments: dict[str, HostileRun], name: str) -> None:
    run = experiments[name]
    shown = Page((run.folder / "report.html").read_text(encoding="utf-8"))
    assert shown.tags["script"] == 1
    assert not shown.tags.keys() & {"img", "iframe", "object", "embed", "form", "base", "link"}
    assert shown.handlers == []
    words = " ".join(" ".join(shown.words).split())
    for text in (OUTCOME, *CLASSES) if name == "predict" else (NAME,):
        assert " ".join(text.split()) in words
    drawing = ElementTree.parse(next(run.folder.glob(f"figures/{name}*.svg"))).getroot()
    assert not {one.tag.rpartition("}")[2] for one in drawing.iter()} & {"script", "image", "foreignObject", "a"}
    assert printable(run.printed, keep="\n\t") == run.printed
    for path in run.folder.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            cells = [cell for row in csv.reader(stream) for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=+@\uff1d\t\r]|\s*-[^\d.]", cell)], path


@each_experiment
def test_an_experiment_shares_nobody_and_closes_what_is_private(experiments: dict[str, HostileRun], name: str) -> None:
    folder = experiments[name].folder
    audit = audit_privacy(folder)
    assert set(experiments[name].ids) == set(audit.identities.ids)
    assert audit.findings == ()
    private = {
        path.relative_to(folder / "private"): path.stat().st_mode & 0o777 for path in folder.rglob("private/**/*")
    }
    assert {mode for path, mode in private.items() if (folder / "private" / path).is_file()} == {0o600}
    assert ("predictions.csv" in {path.name for path in private}) == (name == "predict")
    assert "weights" in {path.name for path in private}


# Tracking -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tracked(hostile_run: HostileRun) -> tuple[Any, list[Any]]:
    from mlflow import MlflowClient

    client = MlflowClient(resolve_tracking_uri(None, hostile_run.folder.parent))
    (experiment,) = [one for one in client.search_experiments() if one.name != "Default"]
    return experiment, list(client.search_runs([experiment.experiment_id]))


def test_names_are_text_in_tracking(tracked: tuple[Any, list[Any]]) -> None:
    experiment, runs = tracked
    assert experiment.name == f"{NAME}/alignment"
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["panel"] for run in runs} == {NAME}
    names = {run.info.run_name for run in runs}
    assert {f"{NAME}: align", "mine.v2 × Dicke ü 1", "fold 1", "fold 2"} == names


def test_a_tracked_table_holds_the_genes(hostile_run: HostileRun, tracked: tuple[Any, list[Any]]) -> None:
    (run,) = [one for one in tracked[1] if one.data.tags["stage"] == "alignment"]
    table = hostile_run.folder.parent / "mlartifacts" / run.info.run_id / "artifacts" / "tables" / "gene_loadings.json"
    content = json.loads(table.read_text(encoding="utf-8"))
    genes = [row[content["columns"].index("gene_id")] for row in content["data"]]
    assert sorted(genes) == sorted(GENES.values())


@pytest.mark.parametrize("key", ["name", "tracking.panel"])
def test_what_cannot_name_a_tracked_run_is_refused_at_the_edge(minimal: Path, key: str) -> None:
    assert load_config(minimal, [f"{key}={'x' * LONGEST_TITLE}"])
    with pytest.raises(InputError, match=f"at most {LONGEST_TITLE} characters; got {LONGEST_TITLE + 1}"):
        load_config(minimal, [f"{key}={'x' * (LONGEST_TITLE + 1)}"])
    with pytest.raises(InputError, match="one line without control characters"):
        load_config(minimal, [f"{key}=a\x1b[31mb"])


@kinds
def test_a_title_and_a_name_are_text_or_refused(minimal: Path, text: str) -> None:
    tree = yaml.safe_load(minimal.read_text()) | {"title": text, "name": text}
    minimal.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    if text.isprintable():
        assert (load_config(minimal).title, load_config(minimal).name) == (text, text)
    else:
        with pytest.raises(InputError, match="one line without control characters"):
            load_config(minimal)


# Scripts of a cluster -------------------------------------------------------------------------------------------------


@kinds
def test_a_word_of_a_script_is_one_word(text: str, tmp_path: Path) -> None:
    words = ("align", f"{text}.yaml", "--set", f"title={text}", "--output", text)
    script = _script(Job("align", "align", words), text, Resources())
    options = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert all(re.fullmatch(r"#SBATCH --[\w-]+(=[\w.%/-]+)?", line) for line in options), options
    spoken = tmp_path / "genebrain"
    spoken.write_text("#!/bin/bash\nprintf '%s\\0' \"$@\"\n")
    spoken.chmod(0o755)
    lines = script.split("\n")
    last = script[script.index("\ngenebrain ") + 1 :]
    heard = subprocess.run(["bash", "-c", f"PATH={shlex.quote(str(tmp_path))}:$PATH\n{last}"], capture_output=True)
    assert tuple(heard.stdout.decode().split("\0")[:-1]) == words
    assert lines[0] == "#!/bin/bash"


def test_scripts_of_a_hostile_run_are_valid(hostile_run: HostileRun, tmp_path: Path) -> None:
    study = hostile_run.folder.parent.parent / "inputs" / "study.yaml"
    folder = tmp_path / ODD_FOLDER
    scripts = emit_slurm(folder, load_config(study), [str(study)], Resources(shards=2))
    assert scripts
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)


# The terminal ---------------------------------------------------------------------------------------------------------


@kinds
def test_a_terminal_gets_no_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(f"view {text}")
    printed = capsys.readouterr().out.replace("\n", "").replace("\t", "")
    assert printed.isprintable()
    assert str(InputError(f"got {text}.")).isprintable()


def test_a_run_prints_no_command(hostile_run: HostileRun) -> None:
    assert printable(hostile_run.printed, keep="\n\t") == hostile_run.printed
    assert len(hostile_run.printed.splitlines()) < 40


# Subjects -------------------------------------------------------------------------------------------------------------


def test_no_id_is_shared_however_it_is_written(hostile_run: HostileRun) -> None:
    audit = audit_privacy(hostile_run.folder)
    assert set(hostile_run.ids) == set(audit.identities.ids)
    assert audit.findings == ()
    assert audit.is_clean


@pytest.fixture(scope="session")
def planted(hostile_run: HostileRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, set[str]], str]:
    """One subject of each kind in a page, in JSON and in a table: where each was found, and what was said."""
    folder = tmp_path_factory.mktemp("planted")
    for number, cell in enumerate(CELLS.values()):
        subject = next(one for one in hostile_run.ids if one.startswith(cell))
        (folder / f"{number}.html").write_text(f"<td>{html.escape(subject)}</td>", encoding="utf-8")
        (folder / f"{number}.json").write_text(json.dumps({"note": f"row of {subject}"}))
        (folder / f"{number}.csv").write_text(table_text(pd.DataFrame({"who": [subject]})), encoding="utf-8")
    audit = audit_privacy(hostile_run.folder, also=[folder])
    found: dict[str, set[str]] = {kind: set() for kind in CELLS}
    for finding in audit.findings:
        assert finding.n == 1
        found[list(CELLS)[int(Path(finding.file).stem)]].add(Path(finding.file).suffix)
    return found, describe(audit)


@pytest.mark.parametrize("kind", sorted(CELLS))
def test_every_id_is_found_in_a_page_in_json_and_in_a_table(
    hostile_run: HostileRun, planted: tuple[dict[str, set[str]], str], kind: str
) -> None:
    found, said = planted
    assert found[kind] == {".html", ".json", ".csv"}
    assert not [subject for subject in hostile_run.ids if subject in said]


# A folder that looks like an address ----------------------------------------------------------------------------------


def test_the_other_commands_find_the_results_in_an_odd_folder(hostile_run: HostileRun) -> None:
    study = hostile_run.folder.parent.parent / "inputs" / "study.yaml"
    before = len(list(hostile_run.folder.parent.rglob("report.html")))
    code, printed = command("report", study, "--output", hostile_run.folder)
    assert (code, "up to date" in printed) == (0, True)
    code, printed = command("log", hostile_run.folder)
    assert code == 0, printed
    assert len(list(hostile_run.folder.parent.rglob("report.html"))) == before  # logged once
    last = printed.splitlines()[-1].partition("opens while this runs: ")[2]
    assert shlex.split(last)[-2] == "ui"
    assert Path(shlex.split(last)[-1]).resolve() == (hostile_run.folder.parent / "mlflow.db").resolve()
    code, printed = command("audit-privacy", hostile_run.folder)
    assert (code, "nobody was found" in printed) == (0, True)


def test_init_drafts_a_study_of_hostile_files_in_an_odd_folder(hostile_run: HostileRun, tmp_path: Path) -> None:
    """Names of columns and files are text in the configuration, comments of it included."""
    folder = tmp_path / ODD_FOLDER
    shutil.copytree(hostile_run.folder.parent.parent / "inputs", folder, ignore=shutil.ignore_patterns("*.yaml", "v*"))
    study = folder / "study.yaml"
    code, printed = command("init", folder, "--output", study)
    assert code == 0, printed
    assert printable(printed, keep="\n\t") == printed
    drafted = yaml.safe_load(study.read_text(encoding="utf-8"))
    assert set(drafted) <= set(RunConfig.model_fields)  # no name became a key
    assert sorted(path.name for path in tmp_path.iterdir()) == [ODD_FOLDER]
