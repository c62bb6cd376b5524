"""Experiments on sequences: tokens, alleles, orthologs, probes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.names import Name
from analyses.config.section import Section


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


class ProbeConfig(Section):
    """``experiment: probe``: what do frozen vectors know of labelled sequences, trained minus untrained?"""

    make: tuple[Literal["splice", "promoter", "frame", "coding", "exon", "first-exon"], ...] = ()
    """Labelled sets that are made from genome:, as `genebrain tasks` makes them."""
    sets: tuple[Path, ...] = ()
    """Folders of labelled sets: of `genebrain tasks`, or with train.csv, dev.csv and test.csv as GUE has them."""
    overlap: Literal["refuse", "drop"] = "refuse"
    """Sequences of a set's test that are in its train or dev too: refuse, or drop them there."""
    window: int | None = Field(default=None, ge=2)
    """Bases of sequences that are made; 200, promoter 300, frame 90, coding and exon 120 if not given."""
    most: int = Field(default=2000, ge=10)
    """Sequences of a class that are made, over all splits."""
    dev: tuple[str, ...] = ()
    """Chromosomes of dev; where dev and test name none, splits part by clusters of what is alike."""
    test: tuple[str, ...] = ()
    """Chromosomes of test."""
    match: Literal["gc", "dinucleotides", "none"] = "gc"
    """Composition by which classes that are made are matched."""
    sites: Literal["canonical", "all"] = "canonical"
    """Splice sites that are made: with GT and AG alone, or all that are annotated."""
    layers: tuple[int, ...] = ()
    """Hidden layers under which every network is probed, from 0 (the embedding) to -1 (the last); each arm's own if not
    given."""
    poolings: tuple[Literal["mean", "cls", "max"], ...] = ()
    """Poolings under which every network is probed; each arm's own if not given."""
    n_permutations: int = Field(default=4999, ge=19)
    """Changes of signs behind each p."""
    n_bootstrap: int = Field(default=1000, ge=100)
    """Draws of test sequences behind each interval."""

    @field_validator("make", "sets", "dev", "test", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | int) else value

    @field_validator("dev", "test", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(map(str, value)) if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> ProbeConfig:
        names = [*self.make, *(path.name for path in self.sets)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"every labelled set has a name of its own; '{twice[0]}' is there twice")
        return self
