"""Logged by the contract: headline first, folds as children, no subject, nothing twice, and how it really ended."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest

from analyses.errors import InputError
from analyses.tracking import runs as tracked_runs
from analyses.tracking.alignment import NOT_STATED, RC_MODES, short_name
from analyses.tracking.mlflow_client import (
    LoggedRun,
    log_run,
    prepare_store,
    resolve_tracking_uri,
    serve_ui,
    ui_command,
)
from analyses.tracking.saved_views import ALL, BY_RC_MODE, STRANDS, SUMMARY, view_of, views_supported
from analyses.tracking.store import sqlite_path
from tests import warm_processes
from tests.analyses.example_alignment import N_SPLITS
from tests.analyses.run_folder import SUBJECTS, write_run_folder
from tests.conftest import PATIENCE
from tests.hostile import ODD_FOLDER

STAGE = "tags.stage = 'alignment'"


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One store for all tests, in a folder whose name looks like an address; experiments keep them apart."""
    address = resolve_tracking_uri(None, tmp_path_factory.mktemp("tracking") / ODD_FOLDER)
    prepare_store(address)
    return address


@pytest.fixture(scope="session")
def client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri)


@pytest.fixture(scope="session")
def logged(reported: Path, uri: str) -> LoggedRun:
    return log_run(reported, uri)


def runs(client: Any, experiment_id: str, stage: str = "alignment") -> list[Any]:
    return list(client.search_runs([experiment_id], filter_string=f"tags.stage = '{stage}'"))


def parent_of(client: Any, run_id: str) -> str:
    """The run of the whole experiment, which holds the report."""
    return str(client.get_run(run_id).data.tags["mlflow.parentRunId"])


# Addresses ------------------------------------------------------------------------------------------------------------


def test_relative_addresses_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in ("sqlite:///a/mlflow.db", "a/mlflow.db", f"sqlite:///{tmp_path}/a/mlflow.db"):
        assert resolve_tracking_uri(given, Path("elsewhere")) == f"sqlite:///{tmp_path}/a/mlflow.db"
    assert resolve_tracking_uri(None, Path("results")) == f"sqlite:///{tmp_path}/results/mlflow.db"
    assert resolve_tracking_uri("http://tracking:5000/", Path()) == "http://tracking:5000"


@pytest.mark.parametrize("given", ["file:///tmp/mlruns", "file:mlruns", "./mlruns", "sqlite:///", "http://", ""])
def test_other_stores_are_refused_with_what_to_use(given: str) -> None:
    with pytest.raises(InputError, match=r"use sqlite:////results/mlflow\.db instead"):
        resolve_tracking_uri(given, Path("/results"))


def test_what_is_no_database_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are my notes, not a database")
    with pytest.raises(InputError, match="must be an SQLite database"):
        prepare_store(f"sqlite:///{tmp_path}/notes.db")
    with pytest.raises(InputError, match="must be a writable file"):
        prepare_store(f"sqlite:///{tmp_path}/notes.db/below/mlflow.db")


def test_processes_that_meet_on_a_fresh_store_do_not_break_it(tmp_path: Path) -> None:
    uri = resolve_tracking_uri(None, tmp_path)
    code = f"from analyses.tracking.mlflow_client import prepare_store; prepare_store({uri!r})"
    racing = [warm_processes.start(code) for _ in range(2)]
    assert [process.wait() for process in racing] == [0, 0]


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = "import sys, analyses.tracking.mlflow_client; print({'mlflow', 'pandas', 'matplotlib'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# What is logged -------------------------------------------------------------------------------------------------------


def test_one_finished_run_per_alignment_with_the_headline_first(client: Any, logged: LoggedRun, reported: Path) -> None:
    assert client.get_experiment(logged.experiment_id).name == "example/alignment"
    assert len(runs(client, logged.experiment_id)) == len(logged.run_ids) == 4
    run = client.get_run(logged.run_ids["kmer-5__linked"])
    facts = json.loads((reported / "alignments" / "kmer-5__linked" / "alignment.json").read_text())
    metrics = run.data.metrics
    assert run.info.status == "FINISHED"
    assert list(metrics)[:5] == ["heldout/rho_1", "heldout/rho_2", "heldout/rho_3", "perm/p_1", "perm/neglog10p_1"]
    assert metrics["heldout/rho_1"] == pytest.approx(facts["held_out"]["rho"][0], rel=1e-3)
    assert {float(f"{value:.4g}") for value in metrics.values()} == set(metrics.values())  # what a table shows
    assert metrics["perm/neglog10p_1"] == pytest.approx(-np.log10(facts["held_out"]["p"][0]), rel=1e-3)
    assert metrics["train/rho_1"] == pytest.approx(facts["in_sample"]["canonical_correlations"][0], rel=1e-3)
    assert metrics["place"] == 1
    assert run.data.params["n_subjects"] == "612"  # equal in every run: nothing to compare
    assert len(metrics) <= 40


def test_params_and_tags_follow_the_contract(client: Any, logged: LoggedRun) -> None:
    data = client.get_run(logged.run_ids["untrained-dnabert-3__unlinked"]).data
    assert data.params["encoder.name"] == "un-dnab-3"
    assert data.params["encoder.rc_mode"] == "rc-avg"
    assert data.params["encoder.weights"] == "untrained"
    assert data.params["brain.role"] == "control"
    wanted = {"stage": "alignment", "panel": "example", "brain.model": "unlinked", "rc_averaged": "true"}
    assert wanted.items() <= data.tags.items()
    named = {"config_sha256", "splits_sha256", "git.sha", "git.dirty", "checkpoint.sha256", "tokenizer_version"}
    assert named | {"pooling_strategy"} <= data.tags.keys()


def test_the_spectrum_is_a_series_by_component(client: Any, logged: LoggedRun, reported: Path) -> None:
    facts = json.loads((reported / "alignments" / "kmer-5__linked" / "alignment.json").read_text())
    points = client.get_metric_history(logged.run_ids["kmer-5__linked"], "spectrum/train_rho")
    correlations = facts["in_sample"]["canonical_correlations"]
    assert {point.step: point.value for point in points} == {
        step: float(f"{value:.4g}") for step, value in enumerate(correlations, start=1)
    }


def test_runs_took_what_the_work_took_and_not_what_logging_did(client: Any, logged: LoggedRun) -> None:
    took = {}
    for number, (name, run_id) in enumerate(logged.run_ids.items(), start=1):
        info = client.get_run(run_id).info
        took[name] = info.end_time - info.start_time
        assert info.end_time == datetime(2026, 1, number, 12, 0, 0, 250_000, UTC).timestamp() * 1000
    assert list(took.values()) == [11_000, 12_000, 13_000, 14_000]
    whole = client.get_run(parent_of(client, logged.run_ids["kmer-5__linked"])).info
    assert whole.end_time - whole.start_time == 50_000  # days passed between the first stage and the last
    fold = runs(client, logged.experiment_id, "fold")[0]
    assert fold.info.end_time - fold.info.start_time in took.values()


def test_without_a_manifest_runs_have_the_times_of_their_logging(
    another_run: Callable[[str], Path], client: Any, uri: str
) -> None:
    folder, before = another_run("no-manifest"), time.time_ns() // 10**6
    (folder / "manifest.json").unlink()
    for run_id in log_run(folder, uri).run_ids.values():
        info = client.get_run(run_id).info
        assert before <= info.start_time <= info.end_time


@pytest.mark.parametrize("record", [{"finished": "yesterday", "seconds": 1}, {"finished": None}, 3])
def test_a_damaged_manifest_is_said(another_run: Callable[[str], Path], uri: str, record: object) -> None:
    folder = another_run("damaged-manifest")
    (folder / "manifest.json").write_text(json.dumps({"schema": 1, "stages": {"align kmer-5__linked": record}}))
    with pytest.raises(InputError, match=r"manifest\.json must say of each finished stage when it ended"):
        log_run(folder, uri)


def test_folds_are_children(client: Any, logged: LoggedRun) -> None:
    folds = runs(client, logged.experiment_id, "fold")
    assert len(folds) == 4 * N_SPLITS
    assert {fold.data.tags["mlflow.parentRunId"] for fold in folds} == set(logged.run_ids.values())
    assert {fold.info.status for fold in folds} == {"FINISHED"}


def test_report_figures_and_tables_are_artifacts(client: Any, logged: LoggedRun) -> None:
    run_id = logged.run_ids["kmer-5__linked"]
    listed = {
        item.path for folder in (None, "figures", "tables", "config") for item in client.list_artifacts(run_id, folder)
    }
    tables = {
        f"tables/{n}{s}" for n in ("canonical_correlations", "gene_loadings", "roi_loadings") for s in (".json", ".csv")
    }
    figures = {f"figures/kmer-5__linked__{kind}.svg" for kind in ("held_out", "spectrum", "genes", "features")}
    files = {"env.json", "splits.json", "null_draws.npz", "config/resolved.yaml", "figures/overview.svg"}
    assert tables | figures | files <= listed
    assert "report.html" not in listed  # one is enough
    parent = parent_of(client, run_id)
    assert "report.html" in {item.path for item in client.list_artifacts(parent)}
    pivots = {item.path for item in client.list_artifacts(parent, "tables")}
    assert {"tables/comparison.json", "tables/arm_differences.json"} <= pivots
    assert not any("unlinked" in path for path in listed)


def test_descriptions_answer_the_question(client: Any, logged: LoggedRun) -> None:
    run = client.get_run(logged.run_ids["kmer-5__linked"]).data
    parent = parent_of(client, logged.run_ids["kmer-5__linked"])
    whole = client.get_run(parent).data
    note, above = run.tags["mlflow.note.content"], whole.tags["mlflow.note.content"]
    assert "**Genes \\(kmer\\-5\\) and brain \\(linked\\) align beyond chance" in above
    assert above.count("\n| ") == 1 + 4  # the head, and a row an alignment
    assert "Negative control: **silent**" in above
    assert f"#/experiments/{logged.experiment_id}/runs/{parent}/artifacts/report.html" in note
    assert "Place 1 on linked" in note
    assert whole.tags["best_arm"] == "kmer-5 × linked"
    assert whole.params["n_subjects"] == "612"


def test_no_subject_id_is_in_the_store_or_an_artifact(uri: str, logged: LoggedRun) -> None:
    root = (sqlite_path(uri) or Path()).parent
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) > 4 * 10
    kept = b"".join(path.read_bytes() for path in files)
    assert not [subject for subject in SUBJECTS if subject.encode() in kept]


def test_saved_views_open_on_the_headline(client: Any, logged: LoggedRun) -> None:
    tags = client.get_experiment(logged.experiment_id).tags
    assert "heldout/rho_1" in tags["mlflow.note.content"]
    shown = {}
    for view in ALL:
        stored = json.loads(tags[f"mlflow.sharedViewState.{view.key}"])
        kind, packed = stored["state"].split(";")
        state = json.loads(zlib.decompress(base64.b64decode(packed)))
        assert kind == "deflate"
        shown[view.key] = state
    for view in (SUMMARY, BY_RC_MODE):
        state = shown[view.key]
        metrics = [column for column in state["selectedColumns"] if column.startswith("metrics.")]
        assert {"metrics.`heldout/rho_1`", "metrics.`perm/p_corrected_1`"} < set(metrics)
        assert len(metrics) == 4  # more of them hide the corrected p beyond the edge: the table sorts them by name
        assert not any("perm/p_1" in column for column in state["selectedColumns"])  # never the uncorrected one
        assert state["searchFilter"].startswith("tags.stage = 'alignment'")
    assert state["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": STRANDS}]
    assert "metrics.`p_corrected/rc_equiv_minus_avg`" in state["selectedColumns"]
    charts = [(card["type"], card["displayName"]) for card in shown[SUMMARY.key]["compareRunCharts"]]
    assert charts[:3] == [("BAR", "Held-out correlation"), ("BAR", "95 % point of its null"), ("BAR", "p, corrected")]
    query = f"workflowType=machine_learning&viewStateShareKey={SUMMARY.key}"
    assert logged.link == f"http://127.0.0.1:5000/#/experiments/{logged.experiment_id}/runs?{query}"


def test_no_two_ways_to_read_strands_have_one_colour() -> None:
    """The interface of MLflow 3.17 takes one of 29 colours, by a checksum of what a group is called there."""

    def colour(group: str) -> int:
        low, high = 0, 0
        for letter in group:
            low = (low + ord(letter)) % 255
            high = (high + low) % 255
        return (low | high << 8) % 29

    assert colour("param.encoder.rc_mode.rc-avg") == colour("param.encoder.rc_mode.rc-equiv")  # as it was seen to be
    modes = {*RC_MODES.values(), NOT_STATED}
    assert len({colour(f"param.{STRANDS}.{mode}") for mode in modes}) == len(modes)


def test_a_run_opens_on_what_its_experiment_asks() -> None:
    assert [view_of(kind).key for kind in ("align", "rc", "tune", "predict")] == [
        *("alignment-summary", "rc-equivariant-vs-averaged", "trials", "experiments")
    ]


def test_saved_views_are_left_out_of_an_unknown_mlflow() -> None:
    assert views_supported("3.17.2")
    assert not views_supported("4.0.0")


def test_short_values_differ_within_ten_characters() -> None:
    assert all(len(value) <= 10 for value in (*RC_MODES.values(), NOT_STATED))
    names = ["caduceus-ph", "caduceus-ps", "dnabert-3", "untrained-dnabert-3", "untrained-dnabert-6", "kmer-5"]
    assert len({short_name(name)[:10] for name in names}) == len(names)
    assert short_name("dnabert-3") == "dnabert-3"


# Again, and when something goes wrong ---------------------------------------------------------------------------------


def test_logging_again_logs_nothing_until_an_alignment_changes(
    another_run: Callable[[str], Path], client: Any, uri: str
) -> None:
    folder = another_run("again")
    first = log_run(folder, uri)
    assert log_run(folder, uri) == first
    assert len(runs(client, first.experiment_id)) == 4
    path = folder / "alignments" / "kmer-5__linked" / "alignment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"flags": ["changed"]}))
    second = log_run(folder, uri)
    assert {name for name in first.run_ids if first.run_ids[name] != second.run_ids[name]} == {"kmer-5__linked"}
    client.delete_run(second.run_ids["kmer-5__unlinked"])
    assert log_run(folder, uri).run_ids["kmer-5__unlinked"] != second.run_ids["kmer-5__unlinked"]


def test_a_new_report_replaces_the_old_one_in_the_same_run(
    another_run: Callable[[str], Path], tmp_path: Path, client: Any, uri: str
) -> None:
    folder = another_run("report-again")
    first = log_run(folder, uri)
    (folder / "report.html").write_text("a better report")
    assert log_run(folder, uri) == first
    parent = parent_of(client, first.run_ids["kmer-5__linked"])
    fetched = client.download_artifacts(parent, "report.html", str(tmp_path))
    assert Path(fetched).read_text() == "a better report"


def test_a_terminated_run_is_killed_and_logged_again_later(
    another_run: Callable[[str], Path], client: Any, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = another_run("terminated")
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(tracked_runs, "make_tables", lambda alignment: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit) as stopped:
            log_run(folder, uri)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
    experiment_id = client.get_experiment_by_name("terminated/alignment").experiment_id
    assert [run.info.status for run in runs(client, experiment_id)] == ["KILLED"]
    log_run(folder, uri)
    assert sorted(run.info.status for run in runs(client, experiment_id)) == ["FINISHED"] * 4 + ["KILLED"]


def test_a_run_that_fails_is_failed(another_run: Callable[[str], Path], client: Any, uri: str) -> None:
    folder = another_run("failing")
    (folder / "splits.json").unlink()
    with pytest.raises(OSError, match="splits"):
        log_run(folder, uri)
    experiment_id = client.get_experiment_by_name("failing/alignment").experiment_id
    assert [run.info.status for run in runs(client, experiment_id)] == ["FAILED"]


def test_logging_works_outside_the_main_thread(reported: Path, uri: str, logged: LoggedRun) -> None:
    answers: list[LoggedRun] = []
    worker = threading.Thread(target=lambda: answers.append(log_run(reported, uri)))
    worker.start()
    worker.join()
    assert answers == [logged]


def test_a_folder_without_report_or_a_deleted_experiment_is_refused(
    another_run: Callable[[str], Path], tmp_path: Path, client: Any, uri: str
) -> None:
    with pytest.raises(InputError, match=r"report\.html"):
        log_run(write_run_folder(tmp_path / "unreported"), uri)
    folder = another_run("deleted")
    client.delete_experiment(log_run(folder, uri).experiment_id)
    with pytest.raises(InputError, match="was deleted"):
        log_run(folder, uri)


# The interface --------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(port: int, path: str, question: dict[str, Any] | None = None) -> bytes:
    body = None if question is None else json.dumps(question).encode()
    asked = Request(f"http://127.0.0.1:{port}/{path}", data=body, headers={"Content-Type": "application/json"})
    with urlopen(asked, timeout=PATIENCE) as answered:
        return bytes(answered.read())


def ends_within(port: int, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return True
        time.sleep(0.2)
    return False


def test_the_interface_refuses_what_it_cannot_serve(tmp_path: Path, uri: str) -> None:
    with pytest.raises(InputError, match="open that address"):
        ui_command("http://tracking:5000")
    with pytest.raises(InputError, match="does not exist"):
        serve_ui(str(tmp_path / "none.db"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="--port"):
            serve_ui(uri, port=taken.getsockname()[1])


def test_the_interface_serves_the_runs_and_ends_with_its_workers(
    tmp_path: Path, client: Any, uri: str, logged: LoggedRun
) -> None:
    port = free_port()
    code = (
        f"from analyses.tracking import mlflow_client, server; server._START_SECONDS = {PATIENCE}; "
        f"mlflow_client.serve_ui({uri!r}, port={port})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        printed = list(takewhile(lambda line: line != "Press Ctrl-C to stop.\n", process.stdout))
        assert any(f":{port}/#/experiments/{logged.experiment_id}/runs?" in line for line in printed)
        found = fetch(port, "api/2.0/mlflow/runs/search", {"experiment_ids": [logged.experiment_id], "filter": STAGE})
        assert len(json.loads(found)["runs"]) == 4
        run_id = parent_of(client, logged.run_ids["kmer-5__linked"])
        assert b"align beyond chance" in fetch(port, f"get-artifact?path=report.html&run_uuid={run_id}")
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(timeout=PATIENCE) == 128 + signal.SIGTERM
    assert ends_within(port, seconds=PATIENCE), "the server outlived the command"
