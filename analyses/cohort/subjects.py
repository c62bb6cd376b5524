"""Who is analysed: genotyped subjects joined with covariates and brain tables, and who was left out, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.cohort.brain_views import read_connectivity_view
from analyses.cohort.cautions import caution_of_ancestry, cautions_of_settings
from analyses.cohort.families import read_families
from analyses.cohort.first_cohort import IN_FIRST_COHORT, first_cohort
from analyses.cohort.gaps import describe_gaps
from analyses.cohort.kinship_tables import describe_pairs
from analyses.cohort.labels import name_tables, other_names
from analyses.cohort.levels import check_levels
from analyses.config.inputs import CohortConfig, ParticipantsConfig
from analyses.config.run_config import RunConfig
from analyses.errors import InputError, Problems
from encoders.brain.tables import BrainTable, read_brain_table
from encoders.genome.population.kinship import select_unrelated
from encoders.tables import SubjectTable, codes_of_table, name_codes, read_subject_table
from fusion.views.overlap import align_subjects

if TYPE_CHECKING:
    import pandas as pd


_SHOWN = 5


@dataclass(frozen=True)
class Cohort:
    """Aligned tables: row i of everything is ``subject_ids[i]``.

    Parameters
    ----------
    subject_ids : tuple of str
        In genotype order.
    covariates : DataFrame [n_subjects, n_columns]
        Every participant column, indexed by subject id.
    brain : mapping of view name to BrainTable
    overlap : list of dict
        One row per table: subjects in it, in all, dropped by reason.
    exclusions : list of dict
        Subjects removed after the join: ``reason`` and ``n``.
    unread : list of dict
        Subjects whom readers of brain tables left out before the join, in the same form.
    remarks : tuple of str
        What the readers of tables found out or left out, and columns that seem to hold codes for missing values.
    known_ids : frozenset of str
        Every id in any table, as the file has it: of whoever is left out, and of brains before they are paired at
        random.
    """

    subject_ids: tuple[str, ...]
    covariates: pd.DataFrame
    brain: Mapping[str, BrainTable]
    overlap: list[dict[str, Any]]
    exclusions: list[dict[str, Any]]
    unread: list[dict[str, Any]] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    known_ids: frozenset[str] = frozenset()


def read_cohort(config: RunConfig, genetic: Mapping[str, Sequence[str]], *, remarks: Sequence[str] = ()) -> Cohort:
    """Join genetic tables, participants and brain views; drop relatives and incomplete rows, each with its reason.

    Parameters
    ----------
    genetic : mapping of table to subject ids
        Genotypes and precomputed embeddings; the first decides the order.
    remarks : sequence of str
        What is known of these tables already, such as subjects that some genes lack.

    Raises
    ------
    InputError
        No subject is common to all tables, a named column does not exist, or levels differ by case alone.
    """
    read, brain = _read_tables(config)
    participants = {name: table.frame for name, table in read.items()}
    sides = {name: table.side for name, table in _named(config).items()}
    columns = list(config.confound_columns)
    of_ancestry = [line for table in config.participants for line in caution_of_ancestry(table, columns)]
    said = (*remarks, *_remarks(read, brain), *of_ancestry, *cautions_of_settings(config))
    known_ids = frozenset(chain(*genetic.values(), *(frame.index for frame in participants.values()), *_ids(brain)))
    if config.pairing.mode == "random":
        samples = align_subjects(genetic).order
        brain, participants = _pair_at_random(samples, brain, participants, sides=sides, seed=config.pairing.seed)

    tables: dict[str, Sequence[str]] = dict(genetic)
    tables |= {name: tuple(frame.index) for name, frame in participants.items()}
    tables |= {f"brain {name}": table.subject_ids for name, table in brain.items()}
    overlap = align_subjects(tables)
    ids = list(overlap.order)
    said = (*said, *describe_pairs(config.cohort.kinship_table, ids))
    covariates = _join_columns(participants, ids)
    check_levels(config, covariates)
    words = {column: words for table in read.values() for column, words in table.missing_words.items()}
    first = first_cohort(config, ids)
    ids, exclusions = _exclude(config, covariates, words, first.shared)
    kept = read_families(config.cohort, covariates.loc[ids]) if config.keeps_families else None
    analysed = {name: _take(table, ids) for name, table in brain.items()}
    said = (*said, *describe_gaps(config, analysed, covariates.loc[ids]))
    return Cohort(
        subject_ids=tuple(ids),
        covariates=covariates.loc[ids],
        brain=analysed,
        overlap=overlap.to_dict(),
        exclusions=exclusions,
        unread=_dropped_by_reader(brain),
        remarks=(*said, *first.remarks, *(() if kept is None or kept.sizes.max() == 1 else (kept.describe(),))),
        known_ids=known_ids,
    )


def _read_tables(config: RunConfig) -> tuple[dict[str, SubjectTable], dict[str, BrainTable]]:
    """Every table, and whether it has the columns that are named; what is wrong with any of them is said at once."""
    problems = Problems("The tables of the configuration")
    participants: dict[str, SubjectTable] = {}
    brain: dict[str, BrainTable] = {}
    for name, table in _named(config).items():
        with problems.gathered():
            participants[name] = _read_participants(table)
    if len(participants) == len(config.participants):
        _check_columns(config, [str(column) for table in participants.values() for column in table.frame], problems)
    for name in config.brain:
        with problems.gathered():
            brain[name] = _read_view(config, name)
    problems.tell()
    return participants, brain


def _named(config: RunConfig) -> dict[str, ParticipantsConfig]:
    """Tables of participants by what messages call them."""
    names = name_tables([table.path for table in config.participants])
    return {f"participants {name}": table for name, table in zip(names, config.participants, strict=True)}


def _ids(brain: Mapping[str, BrainTable]) -> Iterator[Iterable[str]]:
    """Ids of the brain tables, also of rows that their readers left out."""
    for table in brain.values():
        yield table.subject_ids
        yield (subject for subject, _ in table.dropped_subjects)


def _read_participants(table: ParticipantsConfig) -> SubjectTable:
    read = read_subject_table(table.path, table.id_column, decimal=table.decimal, missing_codes=table.missing_codes)
    frame = read.frame
    if table.columns is None:
        return read
    if unknown := [column for column in table.columns if column not in frame.columns]:
        raise InputError(
            f"{table.path} has no column '{unknown[0]}'; its columns are: {', '.join(map(str, frame.columns))}."
        )
    return replace(read, frame=frame[list(table.columns)])


def _remarks(participants: Mapping[str, SubjectTable], brain: Mapping[str, BrainTable]) -> list[str]:
    """What readers found out, and numbers that are likely codes, before rows are left out."""
    lines = [f"{name}: {note}" for name, table in participants.items() for note in table.notes]
    lines += [f"brain {name}: {note}" for name, table in brain.items() for note in table.notes]
    codes: dict[str, Mapping[str, tuple[float, ...]]]
    codes = {name: codes_of_table(table.frame) for name, table in participants.items()}
    codes |= {f"brain {name}": table.suspected_codes for name, table in brain.items()}
    for name, found in codes.items():
        if found:
            lines.append(
                f"{name}: {name_codes(found, _SHOWN)} seem to hold codes for missing values, which are used as values: "
                "declare them by missing_codes, or keep them if they are measurements."
            )
    return lines


def _read_view(config: RunConfig, name: str) -> BrainTable:
    view = config.brain[name]
    if view.connectivity is not None:
        return read_connectivity_view(view.path, view.connectivity, id_column=view.id_column)
    return read_brain_table(
        view.path,
        id_column=view.id_column,
        include=view.include,
        exclude=view.exclude,
        nan="keep" if view.keeps_gaps else view.nan,
        decimal=view.decimal,
        missing_codes=view.missing_codes,
    )


def _pair_at_random(
    samples: Sequence[str],
    brain: Mapping[str, BrainTable],
    participants: Mapping[str, pd.DataFrame],
    *,
    sides: Mapping[str, str],
    seed: int,
) -> tuple[dict[str, BrainTable], dict[str, pd.DataFrame]]:
    """Give brain rows, with the covariates that travel with them, the ids of randomly drawn genotyped subjects."""
    genetic = [set(frame.index) for name, frame in participants.items() if sides[name] == "genetic"]
    brains = [set(table.subject_ids) for table in brain.values()]
    brains += [set(frame.index) for name, frame in participants.items() if sides[name] == "brain"]
    genetic_ids = [sample for sample in samples if all(sample in ids for ids in genetic)]
    brain_ids = sorted(set.intersection(*brains))
    n = min(len(genetic_ids), len(brain_ids))
    rng = np.random.default_rng(seed)
    partner = dict(zip(rng.permutation(brain_ids)[:n], rng.permutation(genetic_ids)[:n], strict=True))
    paired = {name: _relabel(table, partner) for name, table in brain.items()}
    joined = {
        name: frame.loc[[i for i in frame.index if i in partner]].rename(index=partner)
        if sides[name] == "brain"
        else frame
        for name, frame in participants.items()
    }
    return paired, joined


def _relabel(table: BrainTable, partner: Mapping[str, str]) -> BrainTable:
    kept = _take(table, [subject for subject in table.subject_ids if subject in partner])
    return replace(kept, subject_ids=tuple(partner[subject] for subject in kept.subject_ids))


def _take(table: BrainTable, ids: Sequence[str]) -> BrainTable:
    row = {subject: i for i, subject in enumerate(table.subject_ids)}
    return replace(table, subject_ids=tuple(ids), values=table.values[[row[subject] for subject in ids]])


def _join_columns(participants: Mapping[str, pd.DataFrame], ids: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    frames = [frame.loc[list(ids)] for frame in participants.values()]
    columns = [column for frame in frames for column in frame.columns]
    if repeated := sorted({column for column in columns if columns.count(column) > 1}):
        raise InputError(
            f"Participant tables must not share columns; '{repeated[0]}' is in two of "
            f"{', '.join(participants)}. Rename or remove one."
        )
    return pd.concat(frames, axis=1) if frames else pd.DataFrame(index=list(ids))


def _check_columns(config: RunConfig, columns: Sequence[str], problems: Problems) -> None:
    named = {column for confound in config.confounds for column in (confound.column, confound.by)}
    wanted = {
        **{f"confounds.{number}.column": c.column for number, c in enumerate(config.confounds)},
        **{f"confounds.{number}.by": c.by for number, c in enumerate(config.confounds)},
        **{f"confounds ({one})": one for one in config.confound_columns if one not in named},
        **{f"confounds_without.{number}": column for number, column in enumerate(config.confounds_without)},
        "cohort.family_column": config.cohort.family_column,
        "cohort.kinship_column": config.cohort.kinship_column,
        "folds.group": config.folds.group,
        "folds.stratify": config.folds.stratify,
        "alignment.exchangeable_within": config.alignment.exchangeable_within,
    }
    if config.reads_outcome:
        wanted |= {
            "predict.outcome": config.predict.outcome,
            "predict.polygenic_score": config.predict.polygenic_score,
        }
    if config.experiment == "associate":
        for number, outcome in enumerate(config.associate.outcomes):
            wanted |= {
                f"associate.outcomes.{number}.column": outcome.column,
                f"associate.outcomes.{number}.event": outcome.event,
            }
    if config.experiment == "stratify":
        wanted["stratify.column"] = config.stratify.column
    for key, column in wanted.items():
        if column is not None and column not in columns:
            near = other_names(column, columns) or get_close_matches(column, columns, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            problems.add(
                f"{key} names column '{column}', which no participants table has; "
                f"columns are: {', '.join(columns) or 'none'}{hint}"
            )


def _exclude(
    config: RunConfig, covariates: pd.DataFrame, missing_words: Mapping[str, Sequence[str]], seen: frozenset[str]
) -> tuple[list[str], list[dict[str, Any]]]:
    exclusions: list[dict[str, Any]] = []
    if seen:
        exclusions.append({"reason": IN_FIRST_COHORT, "n": len(seen)})
        covariates = covariates.loc[~covariates.index.isin(list(seen))]
    for column in config.confound_columns:
        missing = covariates[column].isna()
        if missing.any():
            words = ", ".join(map(repr, missing_words.get(column, ())))
            written = f" (written {words}: rename it in the file if it is a level)" if words else ""
            exclusions.append({"reason": f"missing {column}{written}", "n": int(missing.sum())})
            covariates = covariates.loc[~missing]
    if not len(covariates):
        told = "; ".join(f"{one['n']} {one['reason']}" for one in exclusions)
        raise InputError(
            f"A cohort needs subjects that nothing leaves out; of those in all tables none is left ({told}): correct "
            "the tables, or name other confounds."
        )
    if config.cohort.knows_families and config.cohort.relatives == "keep-one":
        kept, dropped = _one_per_family(config.cohort, covariates)
        if dropped:
            exclusions.append({"reason": "relative of a kept subject (one per family is analysed)", "n": len(dropped)})
        covariates = covariates.loc[list(kept)]
    return list(covariates.index), exclusions


def _one_per_family(config: CohortConfig, covariates: pd.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if config.family_column:
        return select_unrelated(covariates, config.family_column)
    families = read_families(config, covariates)
    assert families is not None
    return select_unrelated(covariates[[]].assign(family=families.labels), "family")


def _dropped_by_reader(brain: Mapping[str, BrainTable]) -> list[dict[str, Any]]:
    return [
        {"reason": f"brain {name}: {reason}", "n": n}
        for name, table in brain.items()
        for reason, n in Counter(reason for _, reason in table.dropped_subjects).items()
    ]
