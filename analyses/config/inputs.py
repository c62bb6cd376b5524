"""Sections about inputs: genome, participants, pairing, planting, cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from analyses.config.cells import Codes, Decimal
from analyses.config.names import Name
from analyses.config.section import Section


class GenomeConfig(Section):
    """Reference, annotation, genotypes, and how they become windows."""

    reference: tuple[Path, ...]
    """FASTA of the reference genome, plain or bgzip; one file or several."""
    annotation: tuple[Path, ...]
    """GTF or GFF3 of the genes (Ensembl, GENCODE, NCBI), plain or gzip; one file or several."""
    variants: tuple[Path, ...]
    """Genotypes: VCF.gz, BCF, PGEN, BGEN or VCF Zarr; one file or several, such as one a chromosome."""
    genes: tuple[str, ...] | None = None
    """Gene names or ids of the study; every gene of the annotation with this biotype if not given."""
    biotype: str | None = "protein_coding"
    """Biotype of genes that are taken where genes are not named; null takes all."""
    transcript: Literal["canonical", "mane", "union"] = "canonical"
    """Whose exons stand for a gene: canonical (as the annotation says, else the longest coding one), mane (MANE
    Select), or union (all exons of all transcripts, merged)."""
    unit: Literal["exon", "gene", "promoter"] = "exon"
    """What becomes windows: exons, whole genes (introns too), or promoters."""
    window: int = Field(default=510, ge=1)
    """Reference bases (bp) of a window; longer exons are cut into several."""
    unphased: Literal["phased", "as-written", "iupac", "iupac-unphased", "alternate"] = "phased"
    """Unphased heterozygotes: refuse (phased), take the order as written, write both alleles as IUPAC codes (iupac: of
    every genotype, iupac-unphased: of unphased ones), or the first alternate allele."""
    missing: Literal["reference", "N", "refuse"] = "reference"
    """Missing genotypes: the reference allele (counted), N, or refuse."""
    dosages: Literal["refuse", "best-guess"] = "refuse"
    """Genotypes of which only probabilities are known (imputed): refuse, or take the most probable one."""
    unstranded: Literal["refuse", "forward"] = "refuse"
    """Genes whose strand the annotation leaves open: refuse, or read forward."""
    contig_aliases: bool = False
    """Whether chr20 and 20 are one contig, where the files name contigs differently."""
    promoter_flank: int = Field(default=1000, ge=1)
    """Bases (bp) on each side of the transcription start; for unit: promoter."""
    callable_regions: Path | None = None
    """BED of where genotypes were called at all, such as the targets of an exome; everywhere if not given."""
    outside_callable: Literal["reference", "N"] = "reference"
    """Outside callable_regions: the reference, or N. Both are counted."""

    @field_validator("reference", "annotation", "variants", "genes", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class ParticipantsConfig(Section):
    """A table of covariates."""

    path: Path
    """Table of subjects and covariates: TSV, CSV or Parquet, one row a subject."""
    id_column: str = "subject_id"
    """Column of the subject ids, which must be those of the genotypes and of the brain table."""
    columns: tuple[str, ...] | None = None
    """Columns that are read; all if not given."""
    decimal: Decimal = None
    """Decimal mark; found if not given."""
    missing_codes: Codes = ()
    """Cells that stand for no value, such as -9 or NA."""
    side: Literal["genetic", "brain"] = "genetic"
    """Whose ids the table carries, where genes and brains are paired at random (pairing.mode: random)."""


class PairingConfig(Section):
    """How gene and brain subjects are paired."""

    mode: Literal["by-id", "random"] = "by-id"
    """by-id joins tables on subject ids; random pairs genes of some people with brains of others: a true null."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random pairing."""


class PlantConfig(Section):
    """A link of known strength, from haplotype dosages of ``genes`` into features of ``view``."""

    view: Name
    """Brain view into which the link is planted."""
    genes: tuple[str, ...]
    """Genes whose dosages carry it."""
    strength: float = Field(gt=0, le=1)
    """Correlation of every planted feature with the score of the genes, above 0 to 1."""
    n_features: int = Field(default=20, ge=1)
    """Features that carry it."""
    seed: int = Field(default=0, ge=0)
    """Seed of the planted weights."""


class CohortConfig(Section):
    """Who is analysed, and who is related to whom.

    Families stand in ``family_column``, in a ``pedigree`` (.fam, .ped, or a table with the subject, its father and its
    mother), or in one or more ``kinship_table`` of KING or PLINK 2 (.kin0, .kin). Kept ones (``relatives: keep-all``)
    change places with families of their own kind: as the pedigree or table says, and by ``kinship_column``, which says
    what a subject is to its family (MZ, DZ, sibling).
    """

    family_column: str | None = None
    """Column of the participants tables that names the family."""
    kinship_column: str | None = None
    """Column that says what a subject is to its family (MZ, DZ, sibling); with relatives: keep-all."""
    pedigree: Path | None = None
    """Pedigree of the subjects: .fam, .ped, or a table with subject, father and mother."""
    kinship_table: tuple[Path, ...] = ()
    """Tables of related pairs by KING or PLINK 2 (.kin0, .kin)."""
    relatives: Literal["keep-one", "keep-all", "whiten"] = "keep-one"
    """keep-one analyses one subject a family; keep-all analyses all, and families change places as wholes; whiten
    analyses all, their rows made uncorrelated by kinship: of the pedigree, the kinship table or, without either, the
    run's genotypes."""

    @field_validator("kinship_table", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str | Path) else () if value is None else value

    @model_validator(mode="after")
    def _consistent(self) -> CohortConfig:
        sources = [
            name for name in ("family_column", "pedigree", "kinship_table") if getattr(self, name) not in (None, ())
        ]
        if len(sources) > 1:
            raise ValueError(
                f"families stand in one place; {' and '.join(f'cohort.{name}' for name in sources)} are given: keep one"
            )
        if self.kinship_column and not sources:
            raise ValueError(
                "cohort.kinship_column says what a subject is to its family: give families by cohort.family_column, "
                "cohort.pedigree or cohort.kinship_table"
            )
        if self.kinship_column and self.relatives == "keep-one":
            raise ValueError(
                "cohort.kinship_column says how kept families change places, and cohort.relatives keeps one subject of "
                "each: set relatives to keep-all, or leave the column out"
            )
        if self.relatives == "whiten" and (self.family_column or self.kinship_column):
            raise ValueError(
                "cohort.relatives: whiten needs numbers of kinship, which cohort.family_column and "
                "cohort.kinship_column do not say: give cohort.pedigree or cohort.kinship_table, or none of them and "
                "genotypes of the whole genome"
            )
        return self

    @property
    def knows_families(self) -> bool:
        """Whether anything says who is related to whom."""
        return bool(self.family_column or self.pedigree or self.kinship_table)

    @property
    def family_key(self) -> str:
        """The key that says who is related to whom, for messages."""
        return "pedigree" if self.pedigree else "kinship_table" if self.kinship_table else "family_column"
