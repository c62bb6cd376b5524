"""The text of a drafted configuration: what was found as keys, what was guessed and what is open as comments."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from analyses.drafts.study import Study
from analyses.drafts.tables import Table
from analyses.errors import printable
from encoders.tables import name_codes

SCHEMA = "genebrain.schema.json"

_HEAD = f"""# yaml-language-server: $schema={SCHEMA}
# Drafted by `genebrain init`; comments say what was found and what was guessed. `genebrain config --explain KEY` says
# what a key means, `genebrain run THIS --dry-run` what would be done. Paths are relative to this file."""
_FIRST = """experiment: compare          # the arms with baselines and untrained controls
seed: 1
workers: 2"""
_ARMS = """encoders:                    # one arm each; `genebrain encoders` lists them
  - kmer-spectrum            # needs no weights: the floor that every network must beat
  # - dnabert2-rc            # DNABERT-2, both strands averaged; from the cache of Hugging Face, else downloaded
  # - caduceus-ps            # Caduceus, RC-equivariant; likewise
"""
_END = """alignment:
  scale_x: false             # embedding columns share a unit; scaling would raise rare k-mers to the level of common
  n_permutations: 999
"""
_NAMED = 4
_BESIDE = 28  # columns before a comment


def draft_text(study: Study, folder: Path) -> str:
    """The configuration as a file in a folder.

    Parameters
    ----------
    study : Study
    folder : Path
        Where it will lie: paths below are relative to it.
    """
    sections = (
        (_HEAD, _FIRST),
        _genome(study, folder),
        _participants(study, folder),
        _brain(study, folder),
        _pairing(study),
        _confounds(study),
        _cohort(study, folder),
        (_ARMS.rstrip(),),
        (_END.rstrip(),),
        _folds(study),
    )
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section))) + "\n"


def _genome(study: Study, folder: Path) -> Iterator[str]:
    yield "genome:"
    for key in ("reference", "annotation", "variants"):
        yield from _paths(key, study.files.get(key, ()), folder)
    yield from _paths("callable_regions", study.files.get("callable regions", ()), folder, is_list=False)
    found = study.genotypes
    if found is None:
        return
    if study.names_genes:
        yield _line("  genes: " + _flow(found.genes), f"all {len(found.genes)} in which anything varies")
    else:
        yield _line("  # genes: [COMT, ...]", f"{len(found.genes):,} could be used: choose those of your question")
    for key, value in found.settings.items():
        yield _line(f"  {key}: {_scalar(value)}", "without it the files are not read together")
    share = f"{found.n_unphased:,} of {found.n_heterozygous:,} heterozygous genotypes looked at are unphased"
    yield _line("  unphased: phased", share + ("; refused where in a window" if found.n_unphased else ""))


def _participants(study: Study, folder: Path) -> Iterator[str]:
    if study.covariates:
        yield "participants:"
    for table, columns in study.covariates.items():
        yield f"  - path: {_path(table.path, folder)}"
        yield from _ids(table, "    ", study)
        yield f"    columns: {_flow(columns)}"
        if study.n_shared(table) == 0 and table.is_brain:
            yield _line("    side: brain", "these rows carry the brains' ids, if they are paired at random")
        yield from _codes(table, columns, "    ")


def _brain(study: Study, folder: Path) -> Iterator[str]:
    yield "brain:"
    for name, table in study.brains.items():
        yield f"  {_scalar(name)}:"
        yield f"    path: {_path(table.path, folder)}"
        yield from _ids(table, "    ", study)
        yield f"    # {_features(table)}"
        left_out = [f"{column} ({fact})" for column, fact in table.facts.items() if column in table.frame.columns]
        if left_out:
            yield f"    # no features: {printable(', '.join(left_out[:8]))}{', ...' if len(left_out) > 8 else ''}"
        if table.n_with_gaps:
            yield _line("    nan: drop-subjects", f"{table.n_with_gaps:,} subjects lack a value of some feature")
        yield from _codes(table, table.features, "    ")
    if not study.brains:
        yield "  # thickness: {path: TABLE}  # needed: one row a subject, one column a feature"


def _features(table: Table) -> str:
    if not table.features:
        return "vectors"
    first, last = table.features[0], table.features[-1]
    return f"{len(table.features):,} features: {printable(first)} to {printable(last)}; include: and exclude: choose"


def _pairing(study: Study) -> Iterator[str]:
    if study.samples and study.brains and not any(study.n_shared(table) for table in study.brains.values()):
        yield "# No subject has genes and brain under one id. To try the pipeline, pair them at random, a true null:"
        yield "# pairing: {mode: random}"


def _confounds(study: Study) -> Iterator[str]:
    found = [one for table, columns in study.covariates.items() for one in table.confounds if one.column in columns]
    yield from ["confounds:"] if any(one.is_proposed for one in found) else ["# confounds: none was found"]
    for one in found:
        text = f"- {_flow({'column': one.column, 'kind': one.kind})}"
        yield _line(f"  {text}" if one.is_proposed else f"  # {text}", one.remark)


def _cohort(study: Study, folder: Path) -> Iterator[str]:
    pedigrees, kinship = study.files.get("pedigree", ()), study.files.get("kinship table", ())
    family = next((table.family for table in study.covariates if table.family), None)
    if not (pedigrees or kinship or family):
        return
    yield "cohort:"
    if kinship:
        yield from _paths("kinship_table", kinship, folder)
    elif pedigrees:
        yield from _paths("pedigree", pedigrees[:1], folder, is_list=False)
    else:
        yield f"  family_column: {_scalar(family)}"
    yield _line("  relatives: keep-one", "or keep-all: families change places as wholes")


def _folds(study: Study) -> Iterator[str]:
    sites = [
        one.column
        for table, columns in study.covariates.items()
        for one in table.confounds
        if one.is_proposed and one.column in columns and table.facts.get(one.column) == "a site or scanner"
    ]
    yield "folds:"
    yield "  n_splits: 5"
    if sites:
        yield _line(f"  stratify: {_scalar(sites[0])}", "spread evenly over folds; group: leaves whole ones out")


def _ids(table: Table, indent: str, study: Study) -> Iterator[str]:
    shared = f", {study.n_shared(table):,} of them genotyped" if study.samples else ""
    yield _line(f"{indent}id_column: {_scalar(table.id_column)}", f"{len(table.frame):,} subjects{shared}")


def _codes(table: Table, columns: Sequence[str], indent: str) -> Iterator[str]:
    codes = {column: of for column, of in table.codes.items() if column in columns}
    if codes:
        values = _flow([f"{code:g}" for code in dict.fromkeys(chain.from_iterable(codes.values()))])
        said = f"{name_codes(codes, _NAMED)} look like codes for missing values: decide"
        yield _line(f"{indent}# missing_codes: {values}", said)


def _paths(key: str, paths: Sequence[Path], folder: Path, *, is_list: bool = True) -> Iterator[str]:
    if not paths:
        if key in ("reference", "annotation", "variants"):
            yield f"  # {key}:  # needed"
    elif len(paths) == 1 or not is_list:
        yield f"  {key}: {_path(paths[0], folder)}"
    else:
        yield f"  {key}:"
        yield from (f"    - {_path(path, folder)}" for path in paths)


def _path(path: Path, folder: Path) -> str:
    """Relative where it lies beside or below the file: both may then be moved together."""
    whole, base = path.resolve(), folder.resolve()
    return _scalar(os.path.relpath(whole, base) if whole.is_relative_to(base) else str(whole))


def _line(text: str, comment: str) -> str:
    return f"{text.ljust(_BESIDE)} # {printable(comment)}" if comment else text


def _flow(value: Sequence[Any] | Mapping[str, Any]) -> str:
    plain = dict(value) if isinstance(value, Mapping) else list(value)
    return yaml.safe_dump(plain, default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False).strip()


def _scalar(value: object) -> str:
    return _flow([value])[1:-1]
