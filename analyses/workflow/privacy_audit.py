"""A run's results searched for its subjects: what is shared of them must name nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from analyses.config.file import load_config
from analyses.config.run_config import RunConfig
from analyses.errors import InputError
from analyses.privacy.identities import RULE, SEQUENCE, Identities
from analyses.privacy.search import Finding, Looked, search
from analyses.results.serialisation import read_json
from analyses.results.subject_ids import ID_KEY, PRIVATE, SUBJECTS, SUBJECTS_FORMAT, read_key
from analyses.results.workspace import PRIVATE_FOLDERS
from analyses.run.keys import named_inputs
from analyses.tracking.store import artifact_folder, resolve_tracking_uri, sqlite_path
from analyses.workflow.track import tracking_address
from encoders.damage import refused_if_damaged
from encoders.genome.windows.table import WindowTable
from encoders.publishing import is_private

_BESIDE = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True)
class PrivacyAudit:
    """What was looked for, where, and what was found.

    Attributes
    ----------
    source : str
        Where the ids come from.
    identities : Identities
    looked : Looked
    skipped : tuple of str
        What was not looked at, and why.
    findings : tuple of Finding
    open_folders : tuple of str
        Private folders that others may enter.
    """

    source: str
    identities: Identities
    looked: Looked
    skipped: tuple[str, ...]
    findings: tuple[Finding, ...]
    open_folders: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Whether everything could be looked at, nobody was found, and what is private is closed."""
        return not (self.findings or self.open_folders or self.looked.unread)


def audit_privacy(
    folder: Path, *, subjects: Path | None = None, tracking: str | None = None, also: Sequence[Path] = ()
) -> PrivacyAudit:
    """Search what a run shares: its results but the private folders, its tracking store, and other files.

    Parameters
    ----------
    folder : Path
        A results folder.
    subjects : Path, optional
        A list of ids, one a line; without it the one that the run keeps.
    tracking : str, optional
        Tracking store; without it the one of the run's configuration, where it is a file.
    also : sequence of Path
        Files and folders of job logs, or of what a terminal showed.

    Raises
    ------
    InputError
        No such folder, no list of ids, or a path that does not exist.
    """
    if not folder.is_dir():
        raise InputError(f"A privacy audit searches the results folder of a run; {folder} is none: correct the path.")
    if missing := [path for path in also if not path.exists()]:
        raise InputError(f"--also names files and folders to search; {missing[0]} does not exist: correct the path.")
    resolved = folder / "config" / "resolved.yaml"
    config = load_config(resolved) if resolved.is_file() else None
    ids, source = _read_ids(folder, subjects)
    key, table = folder / PRIVATE / ID_KEY, folder / "windows" / "table"
    identities = Identities(
        ids,
        key=read_key(key) if key.is_file() else None,
        sequences=WindowTable.load(table).sequences if table.is_dir() else (),
    )
    inputs = () if config is None else tuple({path.absolute() for path in named_inputs(config).values()})
    files = [path for path in _files(folder) if path.relative_to(folder).parts[0] not in PRIVATE_FOLDERS]
    read = [path for path in files if any(path.absolute().as_posix().startswith(one.as_posix()) for one in inputs)]
    store, untracked = _store(config, folder, tracking)
    shown = [(path.relative_to(folder).as_posix(), path) for path in files if path not in read]
    shown += [(str(path), path) for path in (*store, *(file for one in also for file in _files(one)))]
    findings, looked = search(shown, identities)
    private = [name for name in PRIVATE_FOLDERS if (folder / name).is_dir()]
    skipped = [f"{name}/, which is its owner's alone" for name in private if is_private(folder / name)]
    skipped += [f"{len(read)} input files of the run and their indexes"] * bool(read) + untracked
    return PrivacyAudit(
        source,
        identities,
        looked,
        tuple(skipped),
        tuple(findings),
        tuple(f"{name}/" for name in private if not is_private(folder / name)),
    )


def _read_ids(folder: Path, subjects: Path | None) -> tuple[list[str], str]:
    kept = folder / PRIVATE / SUBJECTS
    if subjects is None and not kept.is_file():
        raise InputError(
            f"A privacy audit needs the ids that it looks for, which a run keeps in {PRIVATE}/{SUBJECTS}; {folder} has "
            "no such file: run its configuration again, or give a list of ids, one a line, with --subjects."
        )
    if subjects is None:
        content = read_json(kept)
        came = content.get("format") if isinstance(content, dict) else None
        if came != SUBJECTS_FORMAT:
            raise InputError(
                f"{kept} must have format {SUBJECTS_FORMAT} to be read by this version; it has format {came}: use the "
                "version that wrote it, or --subjects."
            )
        with refused_if_damaged(kept, "the list of ids that a run keeps"):
            ids, source = [str(one) for one in (*content["analysed"], *content["others"])], f"{PRIVATE}/{SUBJECTS}"
    else:
        ids, source = _read_list(subjects), str(subjects)
    if not ids:
        raise InputError(f"A list of ids has one a line; {source} holds none: name another list with --subjects.")
    return ids, source


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.reason
        raise InputError(
            f"--subjects names a text in UTF-8 with one id a line; {path} is none ({reason}): name another file."
        ) from None
    return [line.strip() for line in lines if line.strip()]


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if not file.is_dir()) if path.is_dir() else [path]


def _store(config: RunConfig | None, folder: Path, tracking: str | None) -> tuple[list[Path], list[str]]:
    """Files of the tracking store, or why there are none."""
    beside = folder.absolute().parent
    if tracking is not None:
        address: str | None = resolve_tracking_uri(tracking, beside)
    else:
        address = None if config is None else tracking_address(config.tracking, beside)
    if address is None:
        return [], ["tracking, which is off or not known: name a store with --tracking"]
    database = sqlite_path(address)
    if database is None:
        return [], [f"the tracking server {address}: search its database there, with --tracking"]
    if not database.is_file():
        return [], [f"the tracking store {database}, which does not exist"]
    parts = [Path(f"{database}{suffix}") for suffix in _BESIDE]
    return [*(part for part in parts if part.is_file()), *_files_below(artifact_folder(database))], []


def _files_below(folder: Path) -> Iterator[Path]:
    yield from _files(folder) if folder.is_dir() else ()


def describe(audit: PrivacyAudit, *, as_json: bool = False) -> str:
    """The audit as JSON or as lines for a person; it names no subject but by its row in the list of ids."""
    return json.dumps(_as_json(audit), indent=1) if as_json else "\n".join(_lines(audit))


def _as_json(audit: PrivacyAudit) -> dict[str, Any]:
    looked = audit.looked
    return {
        "clean": audit.is_clean,
        "ids": len(audit.identities.ids),
        "ids_only_where_subjects_are_named": audit.identities.n_weak,
        "source": audit.source,
        "hashes": list(audit.identities.hashes.kinds),
        "sequences": audit.identities.n_sequences,
        "rule": RULE,
        "files": dict(looked.files),
        "bytes": looked.n_bytes,
        "rows": dict(+looked.rows),
        "tables": looked.n_tables,
        "not_looked_at": list(audit.skipped),
        "not_read": looked.unread,
        "open_folders": list(audit.open_folders),
        "files_with_keyed_hashes_of_folds": looked.n_keyed,
        "found": [asdict(finding) for finding in audit.findings],
    }


def _lines(audit: PrivacyAudit) -> Iterator[str]:
    identities, looked = audit.identities, audit.looked
    keyed = "" if identities.has_key else f", but no keyed hashes: there is no {PRIVATE}/{ID_KEY}"
    sequences = f", and {identities.n_sequences:,} sequences of windows" if identities.n_sequences else ""
    yield (
        f"looked for    {len(identities.ids):,} ids of {audit.source}, {len(identities.hashes.kinds)} hashes of each"
        f"{keyed}{sequences}"
    )
    yield f"rule          {RULE}; {identities.n_weak:,} of the ids are such"
    kinds = ", ".join(
        f"{n:,} {kind}{f' ({looked.rows[kind]:,} rows)' if looked.rows[kind] else ''}"
        for kind, n in looked.files.most_common()
    )
    tables = f", {looked.n_tables:,} tables of databases" if looked.n_tables else ""
    yield f"looked at     {looked.files.total():,} files, {looked.n_bytes:,} bytes: {kinds}{tables}"
    yield from (f"not looked at {reason}" for reason in audit.skipped)
    if looked.n_keyed:
        yield f"as meant      keyed hashes of subjects in {looked.n_keyed} files of folds: nothing without the key"
    yield from (f"not read      {file}: {reason}" for file, reason in looked.unread.items())
    yield from (f"open          {name} may be entered by others: chmod -R go= it" for name in audit.open_folders)
    yield from map(_line, audit.findings)
    yield "nobody was found" if audit.is_clean else "what is shared must not name subjects: see above"


def _line(finding: Finding) -> str:
    if finding.kind == SEQUENCE:
        return f"found         {finding.file}: {finding.kind}, first at {finding.place}"
    subjects = "1 subject" if finding.n == 1 else f"{finding.n:,} subjects"
    return (
        f"found         {finding.file}: {subjects} by {finding.kind}, first at {finding.place or 'its text'} "
        f"(row {finding.row + 1} of the ids)"
    )
