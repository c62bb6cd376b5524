"""``experiment: attribute``: leave-one-gene-out and leave-one-region-out, and sets of genes.

Of the alignment, or of a predicted outcome, on the cohort, views, folds and confounds of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.errors import InputError
from analyses.experiments.attribution import answer
from analyses.experiments.attribution.material import Material, Question
from analyses.experiments.attribution.record import describe, undefined
from analyses.experiments.attribution.sets import judge_sets
from analyses.experiments.prediction.outcomes import read_outcome
from analyses.genome.gene_sets import read_gene_sets
from analyses.progress import Advance, progress_bar
from analyses.results.schema.experiments import AttributeResult
from analyses.results.schema.experiments.attributions import Attribution, GeneSet
from fusion.prediction.outcome import NotDefinedError

if TYPE_CHECKING:
    from analyses.run.run import Run


def run(run: Run) -> AttributeResult:
    """Every arm, tested view and side."""
    column = run.config.predict.outcome
    material = Material(run, None if column is None else read_outcome(run))
    questions = list(_questions(run, of_outcome=column is not None))
    found: list[Attribution] = []
    for question in questions:
        named = " x ".join(part for part in (question.side, question.arm, question.view) if part is not None)
        with progress_bar(f"attribute {named}") as advance:
            found.append(_attribute(material, question, advance))
    return AttributeResult(
        outcome=column,
        attributions=tuple(found),
        answer=answer.sentences(found, column),
        metrics=answer.list_metrics(found),
        trials=tuple(answer.make_trial(one) for one in found),
    )


def _questions(run: Run, *, of_outcome: bool) -> Iterator[Question]:
    views = run.tested_views or list(run.config.brain)
    for side in run.config.attribute.sides:
        if not of_outcome:
            yield from (Question(side, arm, view) for arm in run.arms for view in views)
        elif side == "genes":
            yield from (Question(side, arm, None) for arm in run.arms)
        else:
            yield from (Question(side, None, view) for view in views)


def _attribute(material: Material, question: Question, advance: Advance) -> Attribution:
    run, known = material.run, _known(material, question)
    try:
        if material.read is not None and material.read.reason is not None:
            raise NotDefinedError(material.read.reason)
        found = material.attribute(question, repeats=run.config.attribute.repeats, progress=advance)
    except NotDefinedError as error:
        return undefined(known, str(error))
    view, summary = material.view(question.side, question), material.summary(question)
    panel, sets = None, tuple[GeneSet, ...]()
    if question.side == "genes":
        panel, sets = judge_sets(material, question, found)
    return describe(known, found, material.blocks(question), view.column_groups, summary, panel, sets)


def _known(material: Material, question: Question) -> Mapping[str, Any]:
    """What is known of an attribution before it is done."""
    run = material.run
    return {
        "side": question.side,
        "arm": question.arm,
        "arm_label": None if question.arm is None else run.specs[question.arm].label,
        "view": question.view,
        "role": None if question.view is None else run.config.brain[question.view].role,
        "n_subjects": material.n_subjects,
        "n_folds": run.config.folds.n_splits,
        "repeats": run.config.attribute.repeats,
        "n_permutations": run.config.attribute.n_permutations,
    }


def check(run: Run) -> None:
    """Read the gene sets before anything is embedded.

    Raises
    ------
    analyses.errors.InputError
        A file of gene sets that is none.
    """
    path = run.config.attribute.gene_sets
    if path is None:
        return
    if "genes" not in run.config.attribute.sides:
        raise InputError("attribute.gene_sets needs genes among attribute.sides; got brain alone: add genes to them.")
    read_gene_sets(path)


def draw(result: AttributeResult, folder: Path) -> dict[str, Path]:
    """Ranked bars and a volcano of every attribution."""
    from analyses.figures.attribution import draw_attributions

    return draw_attributions(result, folder)
