"""A configuration that follows from the files of a study, written whole and read back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyses.config.file import load_config
from analyses.config.json_schema import schema_text
from analyses.drafts.study import Study, read_study
from analyses.drafts.text import SCHEMA, draft_text
from analyses.errors import InputError
from encoders.publishing import published_file, write_whole


def write_draft(paths: Sequence[Path], output: Path, *, force: bool = False) -> Study:
    """Write a configuration for the files of a study, and the schema beside it by which editors explain it.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders that hold them.
    output : Path
        The configuration.
    force : bool
        Write over one that is there.

    Returns
    -------
    Study
        What was found.

    Raises
    ------
    InputError
        There is such a file already; and what `read_study` refuses.
    """
    if output.exists() and not force:
        raise InputError(f"No file is written over; {output} is there: choose another --output, or add --force.")
    study = read_study(paths)
    text = draft_text(study, output.parent)
    with published_file(output) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
        if study.genotypes is not None and study.brains:
            load_config(unfinished)
    write_whole(output.parent / SCHEMA, schema_text())
    return study
