"""A paragraph of methods that is true of one run, with numbered references, ready to paste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.arms.twins import UNTRAINED
from analyses.config.encoder import PRECOMPUTED
from analyses.formats import format_number
from analyses.report.findings import CONTROL
from analyses.report.references import Citations, Reference
from analyses.report.tails import tail_rows
from analyses.results.folder import Results
from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.runs import RunArm, RunView


@dataclass(frozen=True)
class Methods:
    """``paragraphs`` with ``[1]`` where they cite, and what they cite in that order."""

    paragraphs: tuple[str, ...]
    references: tuple[Reference, ...]

    @property
    def bibtex(self) -> str:
        """Entries of all references."""
        return "\n\n".join(one.bibtex for one in self.references)


def make_methods(results: Results) -> Methods:
    """What was done in this run, from what it recorded."""
    cite = Citations()
    paragraphs = [_data(results), _embedding(results, cite), _alignment(results, cite), _inference(results, cite)]
    return Methods(tuple(one for one in paragraphs if one), tuple(cite.cited))


def _data(results: Results) -> str:
    run = results.run
    excluded = _listed([f"{one.n} excluded ({one.reason})" for one in run.cohort.exclusions])
    said = [f"{format_number(run.cohort.n_subjects)} subjects were analysed{f'; {excluded}' if excluded else ''}."]
    if run.planted is not None:
        said.append("The link between genes and brain is simulated.")
    if run.pairing != "by-id":
        beside = "" if run.planted is None else " but the one that was planted"
        said.append(f"Brains of other people were assigned to genotypes at random, so that no link exists{beside}.")
    said.append(f"Brain measures were {_listed([_brain_view(view) for view in run.views])}.")
    return " ".join(said)


def _brain_view(view: RunView) -> str:
    features = "feature" if view.n_features == 1 else "features"
    role = ", negative control" if view.role == CONTROL else ""
    return f"{view.name} ({format_number(view.n_features)} {features}{role})"


def _embedding(results: Results, cite: Citations) -> str:
    genome, arms = results.run.genome, results.run.arms
    said = []
    if genome is not None:
        genes = "gene" if genome.n_genes == 1 else "genes"
        said.append(
            f"Both haplotypes of {format_number(genome.n_genes)} {genes} were rebuilt from the reference and each "
            f"subject's alleles, cut into windows, and each of the {format_number(genome.n_distinct_windows)} distinct "
            f"windows was embedded once (of {format_number(genome.n_haplotype_windows)})."
        )
    encoders = [_encoder(arm, cite) for arm in arms]
    said.append(f"The encoder{'s were' if len(arms) > 1 else ' was'} {_listed(encoders)}.")
    if genome is not None:
        unit = "" if genome.settings.get("unit") == "gene" else f", windows to {genome.settings.get('unit', 'exon')}s"
        said.append(
            f"Vectors of tokens were pooled to windows{unit}, to genes, and over the two haplotypes of a subject."
        )
    return " ".join(said)


_STRANDS = {
    "average": "averaged over both strands",
    "equivariant": "equivariant to reverse complement",
    "forward": "reading the forward strand",
    "invariant": "the same on both strands",
}
_PUBLISHED = (("caduceus", "schiff2024"), ("dnabert2", "zhou2024"), ("dnabert", "ji2021"))


def _encoder(arm: RunArm, cite: Citations) -> str:
    name = arm.spec.name.removeprefix(UNTRAINED)
    source = next((cite(key) for family, key in _PUBLISHED if name.startswith(family)), "")
    strands = _STRANDS.get(arm.spec.rc_mode, arm.spec.rc_mode)
    if arm.spec.family == PRECOMPUTED:
        stated = "" if arm.spec.rc_mode == "forward" else f", {strands}"  # "forward" is also what nobody stated
        strands = f"vectors made elsewhere{stated}"
    words = [arm.label, *([source] if source else []), f"({strands})"]
    return " ".join(words)


def _alignment(results: Results, cite: Citations) -> str:
    if not results.alignments:
        return ""
    summaries = [one.summary for one in results.alignments]
    confounds = [f"{one.column} ({one.kind})" for one in results.run.confounds]
    removed = (
        f"Both sides were residualised on {_listed(confounds)}, reduced by principal components"
        if confounds
        else "Both sides were centred and reduced by principal components"
    )
    several = len({(one.dimensions.x_cca, one.dimensions.y_cca) for one in summaries}) > 1
    sizes = _listed(list(dict.fromkeys(_sizes(one, several=several) for one in summaries)))
    rule = summaries[0].dimensions.rule
    return (
        f"{removed} and aligned by canonical correlation analysis {cite('hotelling1936')} of {sizes} "
        f"({rule.replace('>=', 'at least')}). Every step was fitted to the training subjects of "
        f"{summaries[0].held_out.n_splits} folds alone and judged in subjects that took no part."
    )


def _sizes(one: AlignmentSummary, *, several: bool) -> str:
    where = f" for {one.view}" if several else ""
    return f"{one.dimensions.x_cca} genetic and {one.dimensions.y_cca} brain components{where}"


def _inference(results: Results, cite: Citations) -> str:
    if not results.alignments:
        return ""
    one = results.alignments[0].summary
    residuals = f" of residuals {cite('theil1965')}" if results.run.confounds else ""
    said = [
        f"The first held-out correlation and the held-out Pillai trace were tested by "
        f"{format_number(one.held_out.n_permutations)} permutations{residuals} within folds with all steps refitted "
        f"{cite('winkler2020')}, one-sided, exchange being {_exchange(one, cite)}.",
        f"p-values are corrected {_family(results)} by step-down max-T {cite('westfall1993')}.",
        _in_sample(results, cite),
        *_fitted_tails(results, cite),
    ]
    if results.comparison is not None and results.intervals_hold_together and len(results.alignments) > 1:
        said.append(
            f"Intervals are bootstrap intervals over held-out subjects that hold together {cite('romano2005')}"
            f"{_places(results, cite)}."
        )
    else:
        said.append("Intervals are bootstrap intervals over held-out subjects, of each alignment by itself.")
    said.append(
        f"Detectability follows {cite('bao2019')}, the subjects that stable weights need {cite('helmer2024')}. "
        f"Computed with gene-brain-fusion{_versions(results, cite)}, seed {results.run.seed}."
    )
    return " ".join(said)


def _fitted_tails(results: Results, cite: Citations) -> list[str]:
    """Said where some p of this run has a fit beside it."""
    fits = [row.tail for headline in results.headlines() for row in tail_rows(headline)]
    if all(fit.p is None for fit in fits):
        return []
    return [
        "Where fewer than ten permutations reached a value, a law was fitted to the permuted ones "
        f"{cite('winkler2016')} {cite('knijnenburg2009')} and its p is given beside the counted one."
    ]


_STATISTICS = {"wilks": "Wilks' lambda", "roy": "Roy's largest root"}


def _in_sample(results: Results, cite: Citations) -> str:
    found = results.alignments[0].summary.in_sample
    source = {"theil": "theil1965", "huh-jhun": "huh2001"}.get(found.projection)
    how = f" of residuals {cite(source)}" if source and results.run.confounds else ""
    return (
        f"In sample, {_STATISTICS[found.statistic]} was tested by "
        f"{format_number(found.n_permutations)} permutations{how}, corrected over components by closure."
    )


def _exchange(one: AlignmentSummary, cite: Citations) -> str:
    scheme = one.in_sample.scheme
    return f"{scheme} {cite('winkler2015')}" if "block" in scheme else scheme


def _family(results: Results) -> str:
    n = len(results.alignments)
    if n == 1 or not results.corrected_over_arms:
        return "for being two tests"
    return f"over all {n} pairs of encoder and brain view (negative controls among themselves) and both tests"


def _places(results: Results, cite: Citations) -> str:
    compared = results.comparison
    return "" if compared is None or compared.arms is None else f", ranks those of {cite('mogstad2024')}"


_LIBRARIES = (
    ("numpy", "NumPy", "harris2020"),
    ("scikit-learn", "scikit-learn", "pedregosa2011"),
    ("torch", "PyTorch", "paszke2019"),
)


def _versions(results: Results, cite: Citations) -> str:
    versions = results.run.provenance.versions
    own = f" {versions['gene-brain-fusion']}" if "gene-brain-fusion" in versions else ""
    used = [f"{label} {versions[name]} {cite(key)}" for name, label, key in _LIBRARIES if name in versions]
    return f"{own} ({_listed(used)})" if used else own


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
