"""The runs of one results folder in tracking: the experiment, its alignments, their folds; nothing is logged twice."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

from analyses.report.findings import CONTROL, is_significant
from analyses.report.opening import asked_contrasts
from analyses.results.folder import Results
from analyses.results.headlines import Headline
from analyses.results.journal import Span, embedding_seconds, read_spans, whole_span
from analyses.results.provenance import code_version, digest, file_fingerprint, library_versions
from analyses.results.schema.experiments import Metrics
from analyses.tracking.alignment import (
    Columns,
    comparison_tables,
    contrast_metrics,
    find_row,
    list_artifacts,
    make_metrics,
    make_params,
    make_tables,
    make_tags,
    panel,
    rounded,
)
from analyses.tracking.notes import NOTE_TAG, describe_alignment, describe_experiment
from analyses.tracking.store import Ledger

_MAX_CHILDREN = 25  # more children swamp the runs table; the report holds every fold
PARENT = "mlflow.parentRunId"
EXPERIMENT = "experiment"  # the entry of the run that holds the others, and the report
ENTRY, CONTENT, RESULTS = "genebrain.entry", "genebrain.content", "genebrain.results"
"""Tags by which a run is found again: what of a results folder it holds, a digest of it, and whose it is."""

Log = Callable[[Mapping[str, str]], str]
"""Logs one run with these tags added and returns its id."""


class Writer(Protocol):
    """One experiment of a tracking store, open for writing."""

    def run(self, name: str, tags: Mapping[str, str], span: Span | None = None) -> AbstractContextManager[str]:
        """A run that ends as what happened: FINISHED, KILLED by a signal, or FAILED; gives its id.

        Where `span` says when its work was done, a finished run has these times, not those of its logging.
        """
        ...

    def is_finished(self, run_id: str) -> bool:
        """Whether the run is there, finished and not deleted."""
        ...

    def find(self, content: str) -> str | None:
        """A finished run with this content, whoever logged it."""
        ...

    def end_unfinished(self, results_id: str, entry: str) -> None:
        """Close what an earlier process began to log of these results and did not finish; its folds and trials go."""
        ...

    def log_values(self, run_id: str, values: Iterable[tuple[str, float, int]], params: Mapping[str, str]) -> None:
        """Metrics (name, value, step) in this order, and params."""
        ...

    def log_file(self, run_id: str, path: Path, folder: str = "") -> None:
        """One artifact."""
        ...

    def log_tables(self, run_id: str, tables: Mapping[str, Columns]) -> None:
        """What `mlflow.log_table` writes, in one tag; equal names in every run make a table across runs."""
        ...

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Change one tag."""
        ...

    def file_link(self, run_id: str, path: str) -> str:
        """Address, within the interface, of a file of a run."""
        ...


def log_results(writer: Writer, results: Results, ledger: Ledger) -> dict[str, str]:
    """Log what is not logged yet.

    Returns
    -------
    dict of alignment to run id
    """
    headlines, contents = results.headlines(), make_contents(results)
    log_parent = partial(_log_experiment, writer, results, headlines)
    parent = _once(writer, results, ledger, (EXPERIMENT, contents[EXPERIMENT]), log_parent)
    run_ids = {}
    for headline in headlines:
        name = headline.alignment.name
        log = partial(_log_alignment, writer, results, headline, parent)
        run_ids[name] = _once(writer, results, ledger, (name, contents[name]), log)
        writer.set_tag(run_ids[name], PARENT, parent)  # an unchanged alignment may belong to a new comparison
    return run_ids


def make_contents(results: Results) -> dict[str, str]:
    """A digest of what each run of these results holds, by alignment; that of the run that holds them under its own."""
    of_each = {
        one.alignment.name: digest(file_fingerprint(one.alignment.folder / "alignment.json"), one.p_corrected)
        for one in results.headlines()
    }
    files = [results.path / "comparison.json", *sorted((results.path / "experiments").glob("*.json"))]
    whole = digest(list(of_each.values()), [file_fingerprint(path) for path in files if path.exists()])
    return {**of_each, EXPERIMENT: whole}


def logged_by() -> str:
    """Who logs: another version may have more to say of an experiment, or a store to bring up to date."""
    return digest(code_version(), library_versions())


def _once(writer: Writer, results: Results, ledger: Ledger, entry: tuple[str, str], log: Log) -> str:
    """Log unless the run is there: known from the ledger, or by its content where a process died or a folder moved."""
    name, content = entry
    report, known = file_fingerprint(results.path / "report.html"), ledger[name]
    if known.get("content") == content and writer.is_finished(known["run_id"]):
        run_id, logged_report = known["run_id"], known["report"]
    elif (found := writer.find(content)) is not None:
        run_id, logged_report = found, ""
    else:
        writer.end_unfinished(ledger.results_id, name)
        run_id, logged_report = log({ENTRY: name, CONTENT: content, RESULTS: ledger.results_id}), report
    if logged_report != report and name == EXPERIMENT:
        writer.log_file(run_id, results.path / "report.html")
    ledger[name] = {"content": content, "report": report, "run_id": run_id, "by": logged_by()}
    return run_id


def _log_experiment(writer: Writer, results: Results, headlines: list[Headline], own: Mapping[str, str]) -> str:
    """The run that holds the others: the question, its answer, and the trials that led to it."""
    result, kind = results.experiment, results.run.experiment
    tags = {
        "stage": "experiment",
        "panel": panel(results),
        "experiment": kind,
        "config_sha256": _config(results),
        NOTE_TAG: describe_experiment(results),
        **_best_arm(headlines),
        **own,
    }
    metrics = ({} if result is None else result.metrics) | _best(headlines) | contrast_metrics(asked_contrasts(results))
    spans = read_spans(results.path)
    whole = whole_span(spans, also_seconds=embedding_seconds(results.path))
    with writer.run(f"{results.run.name}: {kind}", tags, whole) as run_id:
        writer.log_values(run_id, [(key, rounded(value), 0) for key, value in metrics.items()], _counts(results))
        writer.log_file(run_id, results.path / "report.html")
        writer.log_file(run_id, results.path / "config" / "resolved.yaml", "config")
        for path, folder in _files(results):
            writer.log_file(run_id, path, folder)
        if tables := comparison_tables(results) | ({} if result is None else result.tables):
            writer.log_tables(run_id, tables)
        for trial in () if result is None else result.trials:
            child = {"stage": "trial", "panel": tags["panel"], PARENT: run_id}
            with writer.run(trial.name, child, spans.get(f"experiment {kind}")) as trial_id:
                values = [(key, rounded(value), 0) for key, value in trial.metrics.items()]
                writer.log_values(trial_id, values, {key: str(value) for key, value in trial.params.items()})
    return run_id


def _best(headlines: list[Headline]) -> Metrics:
    tested = [one for one in headlines if one.summary.role != CONTROL]
    best = max(tested or headlines, key=lambda headline: headline.rho)
    return {"best/heldout_rho_1": best.rho, "best/p_corrected": best.p_corrected}


def _best_arm(headlines: list[Headline]) -> dict[str, str]:
    """Who is beyond chance with the largest correlation; nothing where nobody is."""
    found = [one for one in headlines if one.summary.role != CONTROL and is_significant(one)]
    return {"best_arm": max(found, key=lambda one: one.rho).alignment.title} if found else {}


def _counts(results: Results) -> dict[str, str]:
    run = results.run
    return {
        "experiment": run.experiment,
        "seed": str(run.seed),
        "n_arms": str(len(run.arms)),
        "n_views": str(len(run.views)),
        "n_alignments": str(len(results.alignments)),
        "n_subjects": str(run.cohort.n_subjects),
    }


def _files(results: Results) -> Iterator[tuple[Path, str]]:
    """Aggregates of the comparison and the experiment; the alignments' own lie with their runs."""
    yield from ((path, "") for path in (results.path / "comparison.json", results.path / "env.json") if path.exists())
    for folder in ("comparison", "experiments"):
        yield from ((path, folder) for path in sorted((results.path / folder).glob("*.*")))
    drawn = sorted((results.path / "figures").glob("*.*"))
    names = {alignment.name for alignment in results.alignments}
    yield from ((path, "figures") for path in drawn if not any(path.name.startswith(f"{name}__") for name in names))


def _config(results: Results) -> str:
    return file_fingerprint(results.path / "config" / "resolved.yaml").removeprefix("sha256:")


def _log_alignment(writer: Writer, results: Results, headline: Headline, parent: str, own: Mapping[str, str]) -> str:
    alignment = headline.alignment
    row, asked = find_row(results, alignment), asked_contrasts(results)
    note = describe_alignment(headline, row, writer.file_link(parent, "report.html"))
    tags = make_tags(results, alignment, _config(results)) | {PARENT: parent, NOTE_TAG: note, **own}
    span = read_spans(results.path).get(f"align {alignment.name}")
    with writer.run(alignment.title, tags, span) as run_id:
        writer.log_values(run_id, make_metrics(headline, row, asked), make_params(results, alignment))
        for path, folder in list_artifacts(results, alignment):
            writer.log_file(run_id, path, folder)
        writer.log_tables(run_id, make_tables(alignment))
        for fold, rho in enumerate(alignment.summary.held_out.rho_by_fold[:_MAX_CHILDREN], start=1):
            child = {"stage": "fold", "panel": tags["panel"], PARENT: run_id}
            with writer.run(f"fold {fold}", child, span) as fold_id:
                values = [(f"heldout/rho_{k}", rounded(value), 0) for k, value in enumerate(rho[:3], start=1)]
                writer.log_values(fold_id, values, {"fold": str(fold)})
    return run_id
