"""What each experiment beyond the alignment can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.cells import Codes
from analyses.config.names import Name
from analyses.config.section import Section

ExperimentName = Literal[
    "align",
    "compare",
    "pooling",
    "rc",
    "attribute",
    "audit",
    "dims",
    "tune",
    "predict",
    "replicate",
    "tokens",
    "variants",
    "associate",
    "stratify",
    "harmonise",
    "species",
    "escalate",
]


class CompareConfig(Section):
    """``experiment: compare``: which controls stand beside the named arms."""

    baselines: bool = True
    """Whether k-mer counts, dosages and untrained twins of the named networks stand beside them."""


class PoolingConfig(Section):
    """``experiment: pooling``: every named arm under each pooling and layer."""

    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean", "cls", "max")
    """Poolings under which every arm is tried."""
    layers: tuple[int, ...] = (-1,)
    """Hidden layers under which every arm is tried; -1 is the last."""


class RcConfig(Section):
    """``experiment: rc``: every named arm under each way to read two strands."""

    modes: tuple[Literal["forward", "average", "equivariant"], ...] = ("forward", "average")
    """Ways to read two strands under which every arm is tried."""


class DimsConfig(Section):
    """``experiment: dims``: how many components CCA should take from both sides."""

    grid: tuple[int, ...] = (2, 5, 10, 20, 40)
    """Numbers of components that CCA takes from both sides."""
    inner_splits: int = Field(default=3, ge=2)
    """Inner folds, in the training subjects of each fold, that choose among them."""


class AuditConfig(Section):
    """``experiment: audit``: what is predicted from the views, and how often brains are paired at random."""

    targets: tuple[str, ...] = ()
    """Columns that are predicted from the views; every confound if not given."""
    n_components: int = Field(default=50, ge=1)
    """Leading components of a view that predict."""
    n_shuffles: int = Field(default=199, ge=19)
    """Shuffles of a column behind each p."""
    n_pairings: int = Field(default=20, ge=1)
    """Random pairings of brains and genes, of which the p should be uniform."""


class TuneConfig(Section):
    """``experiment: tune``: what a search may vary, and how many folds are set aside for the one test."""

    n_trials: int = Field(default=30, ge=1)
    """Settings that Optuna tries."""
    test_folds: int = Field(default=1, ge=1)
    """Folds set aside for the one test of the best setting."""
    inner_splits: int = Field(default=3, ge=2)
    """Inner folds that rate a trial."""
    poolings: tuple[Literal["mean", "cls", "max"], ...] = ("mean",)
    """Poolings that trials may take."""
    layers: tuple[int, ...] = (-1,)
    """Hidden layers that trials may take."""
    n_components: tuple[int, int] = (2, 50)
    """Fewest and most components that CCA may take from both sides."""
    penalty: tuple[float, float] = (0.0, 0.95)
    """Smallest and largest ridge penalty, from 0 (exact CCA) to below 1."""


class PredictConfig(Section):
    """``experiment: predict``: what genes, brain and both together tell of an outcome, in the run's own folds."""

    outcome: str | None = None
    """Column of the participants tables that is predicted; it must not be among the confounds."""
    kind: Literal["auto", "binary", "multiclass", "continuous"] = "auto"
    """What the outcome is; auto takes text for classes, two values for binary, and numbers with more than 10 values for
    continuous."""
    positive: str | None = None
    """Level of a binary outcome that is the case; the larger number, or the last in the alphabet, if not given."""
    polygenic_score: str | None = None
    """Column of the participants tables that predicts beside genes and brain, such as a polygenic score."""
    models: tuple[Literal["linear", "boosting"], ...] = ("linear",)
    """Ridge or logistic regression (linear), gradient-boosted trees (boosting, which needs LightGBM)."""
    n_components: int = Field(default=512, ge=1)
    """Leading components of a view that predict; capped at columns and training subjects - 1 - confounds."""
    inner_splits: int = Field(default=3, ge=3)
    """Inner folds, in the training subjects of each fold, that choose penalties and stack predictions."""
    test: Literal["permutation", "delong", "corrected-t"] = "permutation"
    """How predictors are compared: predictions swapped within subjects (permutation), DeLong on the first fold alone,
    or the corrected resampled t over repeated folds."""
    repeats: int = Field(default=5, ge=2)
    """Repetitions of the folds; for test: corrected-t."""
    n_permutations: int = Field(default=4999, ge=19)
    """Swaps behind each p."""


class AttributeConfig(Section):
    """``experiment: attribute``: what single genes, regions and sets of genes add, given all others.

    To the alignment, or to the prediction of ``predict.outcome`` where that is given.
    """

    sides: tuple[Literal["genes", "brain"], ...] = ("genes", "brain")
    """Whose blocks are left out: genes one by one, regions of the brain one by one, or both."""
    regions: Literal["auto", "column"] = "auto"
    """What a region is: every column (column), or columns of one region where their names tell (auto: measures of
    FreeSurfer and ENIGMA; all edges of a region of connectivity)."""
    repeats: int = Field(default=10, ge=1)
    """Repetitions of the folds behind the change and its interval; the test takes the run's own folds."""
    n_permutations: int = Field(default=1999, ge=19)
    """Exchanges of a block's own part behind each p. Among G blocks q falls below 0.05 only with more than 20 G."""
    gene_sets: Path | None = None
    """GMT of gene sets (symbols or ids), each tested against the other genes and by itself."""

    @field_validator("sides")
    @classmethod
    def _each_side_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"must name genes, brain or both, each once; got {', '.join(value) or 'none'}")
        return value


class ReplicateConfig(Section):
    """``experiment: replicate``: weights of a first cohort are tested in this one.

    ``replicate: results/first`` is short for ``{results: results/first}``.
    """

    results: Path
    """Results folder of the first cohort, with its private/weights."""
    same_ids: Literal["exclude", "other-people"] = "exclude"
    """What ids in both cohorts mean: exclude leaves their people out; other-people says that both cohorts count
    their ids from one."""

    @model_validator(mode="before")
    @classmethod
    def _folder_alone(cls, value: Any) -> Any:
        return {"results": value} if isinstance(value, str | Path) else value


class TokensConfig(Section):
    """``experiment: tokens``: what tokenizers make of the panel's reference windows, beside shuffled sequence."""

    tokenizers: tuple[Literal["kmer", "six-mer", "bpe"], ...] = ("kmer", "six-mer", "bpe")
    """Tokenizers that stand side by side: overlapping k-mers, six-mers side by side, byte-pair encoding."""
    k: int = Field(default=6, ge=1, le=8)
    """Length of the overlapping k-mers."""
    bpe: Path | None = None
    """tokenizer.json of byte-pair encoding; pieces are learnt from reference bases outside the panel's windows if not
    given."""
    vocabulary_size: int = Field(default=512, ge=16)
    """Pieces that are learnt, where bpe is not given."""
    motifs: Path | None = None
    """Motifs in JASPAR's format whose matches are counted on both strands; none if not given."""
    motif_p: float = Field(default=1e-4, gt=0, lt=1)
    """Probability by which a place of random sequence matches a motif."""
    n_shuffles: int = Field(default=199, ge=19)
    """Shuffles of every window that keep its dinucleotides; the smallest p is 1 / (n_shuffles + 1)."""


class VariantsConfig(Section):
    """``experiment: variants``: what each carried allele does to gene vectors and canonical scores."""

    n_components: int = Field(default=3, ge=1)
    """Components of which effects and drivers are told."""
    n_listed: int = Field(default=15, ge=1)
    """Alleles that are listed a component; all of them lie in the tables."""
    mutagenesis: str | None = None
    """Gene, or GENE:N for its N-th window, in which every base is replaced by every other; the window of the allele
    that drives the first component most if not given."""
    pllr_alleles: int = Field(default=10, ge=0)
    """Alleles, of those that drive the first component most, whose pseudo-log-likelihood ratio is computed."""
    annotations: Path | None = None
    """Tab-separated table with columns chrom, pos, ref, alt (VEP and CADD write such) that is joined to the tables."""


class OutcomeConfig(Section):
    """What scores are held against: one column of the participants, or a time with the column of its event."""

    column: str
    """Column of the participants tables; it must not be among the confounds."""
    kind: Literal["auto", "binary", "multiclass", "ordinal", "continuous", "time"] = "auto"
    """What it holds; auto takes text for classes, two values for binary, numbers with more than 10 values for
    continuous. ordinal and time (until an event) are always to be said."""
    positive: str | None = None
    """Level of a binary outcome that is the case, or of the event's column that says that it happened; the larger
    number, or the last in the alphabet, if not given."""
    levels: Codes = ()
    """Levels of an ordinal outcome from lowest to highest; numbers have their own order."""
    event: str | None = None
    """Column that says whether a time ended with the event; for kind: time."""

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _consistent(self) -> OutcomeConfig:
        if (self.kind == "time") != (self.event is not None):
            raise ValueError("event names the column that says whether a time ended with the event: give both or none")
        if self.levels and self.kind != "ordinal":
            raise ValueError("levels are those of an ordinal outcome: set kind: ordinal, or leave them out")
        return self


class AssociateConfig(Section):
    """``experiment: associate``: held-out scores of genes and brain against outcomes, confounds adjusted for."""

    outcomes: tuple[OutcomeConfig, ...] = ()
    """What scores are held against: columns, or their keys."""
    scores: tuple[Literal["genes", "brain", "average", "product"], ...] = Field(
        default=("genes", "brain", "average"), min_length=1
    )
    """Scores of every component: of genes, of the brain, the average of both, their product (a subject's own part in
    the link)."""
    n_components: int | None = Field(default=None, ge=1)
    """Leading components; all that the alignments report if not given."""
    n_permutations: int = Field(default=4999, ge=19)
    """Permutations behind each p."""
    n_bootstrap: int = Field(default=1000, ge=100)
    """Draws behind the interval of a correlation."""

    @field_validator("outcomes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | dict) else value


class StratifyConfig(Section):
    """``experiment: stratify``: whether genes and brain are coupled alike in strata of the cohort."""

    column: str | None = None
    """Column of the participants tables whose levels are the strata: cases and controls, sexes, ancestries, sites."""
    levels: Codes = ()
    """Levels that are compared, in this order; whoever has another is in the model and in no stratum. All if not
    given."""
    bands: tuple[float, ...] = ()
    """Cut points of a number, ascending: [40, 60] gives below 40, 40 to below 60, and 60 and more."""
    n_components: int = Field(default=1, ge=1)
    """Leading components that are compared."""
    separate: bool = True
    """Whether each stratum gets a model of its own as well."""
    n_permutations: int = Field(default=999, ge=19)
    """Draws of labels behind each p; own models are fitted anew in every one."""
    n_bootstrap: int = Field(default=2000, ge=100)
    """Draws behind each interval."""

    @model_validator(mode="after")
    def _consistent(self) -> StratifyConfig:
        if self.levels and self.bands:
            raise ValueError("levels choose among categories and bands cut a number: give one of them")
        if list(self.bands) != sorted(set(self.bands)):
            raise ValueError(f"bands must ascend; got {', '.join(f'{cut:g}' for cut in self.bands)}")
        if len(set(self.levels)) != len(self.levels) or len(self.levels) == 1:
            raise ValueError(f"levels must name two or more, each once; got {', '.join(self.levels)}")


class HarmoniseConfig(Section):
    """``experiment: harmonise``: every brain view as it is, and with its sites brought together, on the same folds.

    ``harmonise: site`` is short for ``{site: site}``.
    """

    site: str | None = None
    """Column of sites or scanners; it must be among the confounds, which are removed in every arm."""
    methods: tuple[Literal["combat", "combat-keep", "covbat"], ...] = ("combat", "combat-keep", "covbat")
    """What stands beside the view as it is: ComBat, ComBat that keeps the confounds, CovBat that keeps them; each is
    fitted in every fold."""
    keep: tuple[str, ...] | None = None
    """Confounds that combat-keep and covbat keep; all others than the site if not given."""
    explained: float = Field(default=0.95, gt=0, le=1)
    """Share of the variance that the components which covbat brings together explain."""
    smallest_site: int = Field(default=30, ge=2)
    """Subjects that a site should have for a location and scale of its own."""
    small_sites: Literal["refuse", "keep"] = "refuse"
    """Smaller sites: refuse, or keep, which shrinks them towards what features have in common, like all others."""
    unseen: Literal["error", "pooled"] = "error"
    """A site that the training subjects of a fold lack: refuse, or leave its subjects as they are (pooled)."""
    n_components: int = Field(default=50, ge=1)
    """Leading components of a view that tell the site, as in audit."""
    n_shuffles: int = Field(default=199, ge=19)
    """Shuffles of the sites behind each p of how well they are told."""


class EscalateConfig(Section):
    """``experiment: escalate``: does a method beyond linear CCA find more, in the same folds and permutations?"""

    methods: tuple[Literal["kernel", "contrastive"], ...] = Field(default=("kernel", "contrastive"), min_length=1)
    """Methods beside linear CCA: kernel CCA, two contrastive towers."""
    n_components: int | None = Field(default=None, ge=1)
    """Leading components of a view that every method takes; those of the alignment if not given."""
    n_permutations: int = Field(default=199, ge=19)
    """Permutations, in each of which every method is fitted anew with all its choices."""
    inner_splits: int = Field(default=4, ge=2)
    """Inner folds, in the training subjects of each fold, that choose the kernel's penalty; training of the towers
    stops by the first of them."""
    recall_at: int = Field(default=10, ge=1)
    """Neighbours among which a subject's partner counts as found; fewer than a test fold has subjects."""
    kernel: Literal["rbf", "linear"] = "rbf"
    """Kernel of kernel CCA: Gaussian with the median squared distance as its width, or linear."""
    penalties: tuple[float, ...] = Field(default=(0.03, 0.1, 0.3, 0.9), min_length=1)
    """Ridge penalties of kernel CCA that inner folds choose from, each above 0 and at most 1."""
    n_landmarks: int = Field(default=64, ge=2)
    """Training subjects that span the kernels' feature spaces; exact where there are no more training subjects."""
    width: int = Field(default=16, ge=1)
    """Numbers that a contrastive tower gives."""
    hidden: int = Field(default=32, ge=1)
    """Hidden units of a tower."""
    n_epochs: int = Field(default=40, ge=1)
    """Most epochs of a tower."""
    patience: int = Field(default=5, ge=1)
    """Epochs without a better one after which training stops."""
    batch_size: int = Field(default=256, ge=8)
    """Subjects that are told apart from one another in one step."""
    learning_rate: float = Field(default=0.03, gt=0)
    """Of the towers."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Of the towers (AdamW)."""
    noise: float = Field(default=0.3, ge=0)
    """Noise that is added to what the towers read, in standard deviations."""
    device: str = "auto"
    """Where towers are trained: auto, cpu or cuda."""
    curve: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the training subjects of the learning curve; all of them are always in it."""
    curve_draws: int = Field(default=3, ge=1)
    """Random parts of each share."""

    @field_validator("penalties", "curve")
    @classmethod
    def _shares(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < one <= 1 for one in value):
            raise ValueError(f"every number must lie above 0 and be at most 1; got {', '.join(map(str, value))}")
        return value

    @field_validator("methods")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) < len(value):
            raise ValueError(f"at least one method, and every one once, may be asked for; got {', '.join(value)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _site_alone(cls, value: Any) -> Any:
        return {"site": value} if isinstance(value, str) else value


class SpeciesSequencesConfig(Section):
    """The genes of one species."""

    name: Name
    """Name of the species."""
    path: Path
    """FASTA (plain or gzip) of its genes: one record a gene, by the name that the gene has in the other species."""


class SpeciesConfig(Section):
    """``experiment: species``: do vectors find the right ortholog, and follow how far sequences have diverged?"""

    genomes: tuple[SpeciesSequencesConfig, ...] = ()
    """Two species or more, each with its FASTA; the first is the one by whose strand the others are turned."""
    distance: Literal["cosine", "euclidean"] = "cosine"
    """Distance between the vectors of two genes."""
    strands: Literal["turned", "as-written"] = "turned"
    """Whether a gene that shares more 11-mers with the first species on its other strand is turned."""
    window: int | None = Field(default=None, ge=1)
    """Bases per window; those of genome.window, or 510, if not given."""
    n_permutations: int = Field(default=999, ge=19)
    """Permutations of names of genes and of species behind each p."""

    @model_validator(mode="after")
    def _consistent(self) -> SpeciesConfig:
        names = [one.name for one in self.genomes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"every species has a name of its own; '{twice[0]}' is there twice")
        return self

        if len(set(value)) < len(value):
            raise ValueError(f"every method may be named once; got {', '.join(value)}")
        return value
