"""A simulated cohort in the file formats of a real one, with a planted gene-brain link and a negative control."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analyses.errors import InputError
from analyses.simulation.brain import (
    LINKED_THICKNESS,
    simulate_anisotropy,
    simulate_latent,
    simulate_participants,
    simulate_thickness,
)
from analyses.simulation.files import write_fasta, write_gtf, write_vcf
from analyses.simulation.genome import (
    Contig,
    Haplotypes,
    Pedigree,
    ancestry_components,
    make_pedigree,
    make_reference,
    place_genes,
    simulate_contig,
    with_indels,
)
from analyses.simulation.link import PlantedHaplotype, choose_haplotypes, exon_haplotypes
from analyses.simulation.orthologs import FOLDER as ORTHOLOGS
from analyses.simulation.orthologs import write_orthologs
from analyses.simulation.splice_signals import plant_splice_signals
from encoders.publishing import published_folder

FORMAT_VERSION = 3
"""3: introns have splice signals; all else is as in 2."""

MINIMUM_SUBJECTS = 30
MINIMUM_GENES = 4
_SETTINGS = "settings.json"
_HOW = (
    "latent score = strength x weighted sum of the standardised copies of one common exon haplotype in each gene, "
    "centred within simulated populations, + noise; added to the named features"
)


@dataclass(frozen=True)
class DemoCohort:
    """Files of a simulated cohort.

    Attributes
    ----------
    folder, reference, annotation, variants, participants, brain_linked, brain_control, truth_path
        Paths; FASTA and VCF have their indexes beside them.
    truth
        What was planted: ``genes``, ``view``, ``features``, ``strength``, ``how``, ``haplotypes``.
    """

    folder: Path
    reference: Path
    annotation: Path
    variants: Path
    participants: Path
    brain_linked: Path
    brain_control: Path
    truth_path: Path
    truth: Mapping[str, Any]


def make_demo_cohort(
    folder: str | Path,
    *,
    n_subjects: int = 640,
    n_genes: int = 14,
    seed: int = 20261,
    link_strength: float = 0.7,
    overwrite: bool = False,
    progress: Callable[[str], None] | None = None,
) -> DemoCohort:
    """Simulate a cohort, or return the one that is there if it was made with the same settings.

    Genomes come from a coalescent with three populations, recombination and mutation; one subject in sixteen has a
    sibling in the cohort. Recruitment ties ancestry to site, and the brain follows site, ancestry, age, sex and batch.
    One brain view also follows a latent score that is planted in haplotypes of three genes; the other has no link.
    Beside the cohort stand its genes as three other species have them.

    Parameters
    ----------
    folder
        Appears whole or not at all.
    n_subjects, n_genes
        Sizes of what is written; genes lie on two contigs and both strands.
    seed
        The same seed gives the same bytes.
    link_strength
        Correlation of the latent brain score with the genetic score, 0 (no link) to 1.
    overwrite
        Replace a cohort that was made with other settings. A folder that is no simulated cohort is never replaced.
    progress
        Called with a line of text at each step.

    Raises
    ------
    InputError
        Sizes or strength out of range, or a folder that holds something else.
    """
    folder = Path(folder)
    settings = {
        "format_version": FORMAT_VERSION,
        "n_subjects": n_subjects,
        "n_genes": n_genes,
        "seed": seed,
        "link_strength": link_strength,
    }
    _check_settings(n_subjects, n_genes, link_strength)
    say = progress or (lambda line: None)
    if _is_reusable(folder, settings, overwrite=overwrite):
        say(f"reusing the simulated cohort in {folder}")
        return _load(folder)
    with published_folder(folder) as fresh:
        _write_cohort(fresh, n_subjects, n_genes, seed=seed, link_strength=link_strength, say=say)
        _write_json(fresh / _SETTINGS, settings)
    return _load(folder)


def _check_settings(n_subjects: int, n_genes: int, link_strength: float) -> None:
    if n_subjects < MINIMUM_SUBJECTS:
        raise InputError(f"A simulated cohort needs at least {MINIMUM_SUBJECTS} subjects; got {n_subjects}: raise it.")
    if n_genes < MINIMUM_GENES:
        raise InputError(f"A simulated cohort needs at least {MINIMUM_GENES} genes; got {n_genes}: raise it.")
    if not 0 <= link_strength <= 1:
        raise InputError(f"link_strength is a correlation from 0 to 1; got {link_strength}: choose one in that range.")


def _is_reusable(folder: Path, settings: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Say whether the cohort is there already; refuse to replace anything else without being told to."""
    if not folder.exists():
        return False
    marker = folder / _SETTINGS
    if not marker.is_file():
        if folder.is_dir() and not any(folder.iterdir()):
            return False
        raise InputError(
            f"A cohort is written to a new folder; {folder} exists and is no simulated cohort: name another folder."
        )
    found = json.loads(marker.read_text(encoding="utf-8"))
    if found == settings:
        return True
    if {**found, "format_version": FORMAT_VERSION} == settings and found.get("format_version") == 2:
        return False  # a cohort of before introns had splice signals is made again, alike in all else
    if not overwrite:
        changed = [f"{key} {found.get(key)} -> {value}" for key, value in settings.items() if found.get(key) != value]
        raise InputError(
            f"{folder} holds a cohort simulated with other settings ({', '.join(changed)}): name another folder, or "
            "overwrite it."
        )
    return False


def _paths(folder: Path) -> dict[str, Path]:
    return {
        "reference": folder / "reference.fa",
        "annotation": folder / "genes.gtf",
        "variants": folder / "cohort.vcf.gz",
        "participants": folder / "participants.tsv",
        "brain_linked": folder / "brain_linked.parquet",
        "brain_control": folder / "brain_control.parquet",
        "truth_path": folder / "truth.json",
    }


def _load(folder: Path) -> DemoCohort:
    files = _paths(folder)
    return DemoCohort(folder=folder, **files, truth=json.loads(files["truth_path"].read_text(encoding="utf-8")))


def _write_cohort(
    folder: Path, n_subjects: int, n_genes: int, *, seed: int, link_strength: float, say: Callable[[str], None]
) -> None:
    seeds = np.random.SeedSequence(seed).spawn(7)
    layout, genome, markers, people, brain, species, signals = (np.random.default_rng(one) for one in seeds)
    pedigree = make_pedigree(n_subjects)
    order = people.permutation(n_subjects)
    populations = pedigree.populations[order]
    say(f"simulating haplotypes of {n_subjects} subjects in {n_genes} genes")
    contigs = place_genes(n_genes, layout)
    references, haplotypes = _simulate_genomes(contigs, pedigree, order, genome)
    planted, score = choose_haplotypes(
        (gene for contig in contigs for gene in exon_haplotypes(contig, haplotypes[contig.name])), populations
    )
    say("simulating participants and their brain tables")
    participants = simulate_participants(pedigree, ancestry_components(pedigree, markers), order, people)
    latent = simulate_latent(score, link_strength, brain)
    thickness = simulate_thickness(participants, populations, latent, brain)
    anisotropy = simulate_anisotropy(participants, populations, brain)
    say("writing FASTA, GTF, VCF and tables")
    files = _paths(folder)
    spliced = {
        contig.name: plant_splice_signals(references[contig.name], contig, haplotypes[contig.name], signals)
        for contig in contigs
    }
    write_fasta(files["reference"], spliced)
    write_gtf(files["annotation"], contigs)
    write_vcf(files["variants"], participants["subject_id"].tolist(), contigs, haplotypes)
    participants.to_csv(files["participants"], sep="\t", index=False, lineterminator="\n")
    thickness.to_parquet(files["brain_linked"], index=False)
    anisotropy.to_parquet(files["brain_control"], index=False)
    write_orthologs(folder / ORTHOLOGS, contigs, references, species)
    _write_json(files["truth_path"], _describe_link(planted, link_strength))


def _simulate_genomes(
    contigs: tuple[Contig, ...], pedigree: Pedigree, order: np.ndarray, rng: np.random.Generator
) -> tuple[dict[str, str], dict[str, Haplotypes]]:
    """Draw the reference and the haplotypes of each contig, subjects in the order of the cohort."""
    references, haplotypes = {}, {}
    for contig in contigs:
        snvs = simulate_contig(contig, pedigree, rng)
        references[contig.name] = make_reference(contig, snvs, rng)
        variants = with_indels(snvs, references[contig.name], rng)
        haplotypes[contig.name] = replace(variants, alleles=variants.alleles[:, order])
    return references, haplotypes


def _describe_link(planted: tuple[PlantedHaplotype, ...], link_strength: float) -> dict[str, Any]:
    return {
        "genes": [haplotype.gene for haplotype in planted],
        "view": "linked",
        "features": list(LINKED_THICKNESS),
        "strength": link_strength,
        "how": _HOW,
        "haplotypes": [asdict(haplotype) for haplotype in planted],
    }


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
