"""Writes an example results folder with the types that a run writes, without running one."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from analyses.results.schema.alignments import AlignmentSummary
from analyses.results.schema.comparisons import ArmDifference, Comparison, ComparisonRow
from analyses.results.schema.planted_links import PlantedLink
from analyses.results.schema.runs import (
    BlasLibrary,
    CohortCounts,
    EmbedCounts,
    Exclusion,
    GenomeSummary,
    InputFile,
    Provenance,
    ReferenceAgreement,
    RunArm,
    RunConfound,
    RunRecord,
    RunSeeds,
    RunView,
    TableOverlap,
)
from analyses.results.tables import rows
from analyses.results.workspace import SCHEMA, Workspace
from encoders.dna.protocol import EncoderSpec, RcMode
from tests.analyses.example_alignment import (
    ARMS,
    N_PERMUTATIONS,
    N_SPLITS,
    N_SUBJECTS,
    PLANTED_FEATURES,
    PLANTED_GENES,
    VIEWS,
    make_alignment,
)

SUBJECTS = tuple(f"SUBJ{i:04d}X" for i in range(37))


def write_run_folder(folder: Path, *, planted: bool = True, compared: bool = True, seed: int = 7) -> Path:
    """Write a results folder of 2 arms x 2 views; without `planted`, neither view holds a link."""
    rng, workspace = np.random.default_rng(seed), Workspace(folder)
    alignments = [
        _write_alignment(workspace, arm, view, strength=0.31 if planted and view == "linked" else 0.0, rng=rng)
        for arm in ARMS
        for view in VIEWS
    ]
    workspace.write_result("run.json", make_run(alignments, planted=planted))
    if compared:
        workspace.write_result("comparison.json", make_comparison(alignments))
    workspace.write_json("env.json", {"python": "3.11.9", "versions": {"numpy": "2.3.0"}})
    hashed = [hashlib.blake2b(s.encode(), digest_size=8, key=b"example").hexdigest() for s in SUBJECTS]
    workspace.write_json("splits.json", {"ids": hashed, "assignments": [i % N_SPLITS for i in range(37)]})
    workspace.write_json(
        "private/subjects.json", {"format": 1, "analysed": SUBJECTS, "others": []}
    )  # what must never leave the folder
    stages = {f"align {one.arm}__{one.view}": _finished(seconds) for seconds, one in enumerate(alignments, start=11)}
    workspace.write_json("manifest.json", {"schema": SCHEMA, "stages": stages})
    workspace.write_text("config/resolved.yaml", "name: example\nseed: 7\nencoders:\n- name: kmer-5\n")
    return folder


def _finished(seconds: int) -> dict[str, object]:
    """A stage of the manifest; the longer one took, the later it ended."""
    return {"key": "abc", "seconds": seconds, "finished": f"2026-01-0{seconds - 10}T12:00:00.250+00:00", "files": {}}


def _write_alignment(
    workspace: Workspace, arm: tuple[str, str, bool, RcMode], view: str, *, strength: float, rng: np.random.Generator
) -> AlignmentSummary:
    summary, draws = make_alignment(arm, view, strength=strength, rng=rng)
    folder = f"alignments/{summary.arm}__{view}"
    path = workspace.write_result(f"{folder}/alignment.json", summary).parent
    np.savez(path / "null_draws.npz", **draws)
    for table, loadings in (("gene_loadings", summary.gene_loadings), ("roi_loadings", summary.roi_loadings)):
        workspace.write_text(f"{folder}/{table}.csv", rows(loadings).to_csv(index=False))
    correlations = pd.DataFrame({"in_sample": summary.in_sample.canonical_correlations})
    workspace.write_text(f"{folder}/canonical_correlations.csv", correlations.to_csv(index=False))
    return summary


def make_comparison(alignments: list[AlignmentSummary]) -> Comparison:
    """All arms and views, and the difference of the arms on the first view."""
    compared = tuple(_comparison_row(summary, place) for place, summary in enumerate(alignments))
    first, second = compared[0], compared[2]
    difference = first.rho - second.rho
    return Comparison(
        metric="held-out rho_1",
        rows=compared,
        differences=(
            ArmDifference(
                arm_a=first.arm,
                arm_b=second.arm,
                view="linked",
                difference=difference,
                interval=(difference - 0.07, difference + 0.07),
                p=0.019,
                p_corrected=0.019,
            ),
        ),
        n_permutations=N_PERMUTATIONS,
        note="p is corrected by max-T over 2 arms x 2 views with the same permutations.",
    )


def _comparison_row(summary: AlignmentSummary, place: int) -> ComparisonRow:
    held_out = summary.held_out
    return ComparisonRow(
        arm=summary.arm,
        arm_label=summary.arm_label,
        view=summary.view,
        trained=summary.trained,
        role=summary.role,
        rho=held_out.rho[0],
        interval=held_out.interval[0],
        p=held_out.p[0],
        p_max_t=min(1.0, 2.5 * held_out.p[0]),
        in_sample_r1=summary.in_sample.canonical_correlations[0],
        x_cca=summary.dimensions.x_cca,
        rank=1 + place // len(VIEWS),
        rank_interval=(1.0, 2.0),
        rho_at_80_percent_power=0.374,
        interval_of_all=(held_out.interval[0][0] - 0.02, held_out.interval[0][1] + 0.02),
    )


def make_run(alignments: list[AlignmentSummary], *, planted: bool) -> RunRecord:
    """The record of a run with these alignments."""
    return RunRecord(
        schema=SCHEMA,
        name="example",
        title="Example: 11 genes against cortical thickness",
        experiment="align",
        created="2025-03-14T09:26:53+00:00",
        seed=7,
        pairing="by-id",
        cohort=CohortCounts(
            overlap=(
                TableOverlap("genotypes", 640, 612, {"not in brain": 28}),
                TableOverlap("participants", 655, 612, {"not in genotypes": 15, "not in brain": 28}),
                TableOverlap("brain: linked", 612, 612, {}),
            ),
            n_subjects=N_SUBJECTS,
            exclusions=(Exclusion("related to a subject who was kept", 9),),
        ),
        genome=GenomeSummary(
            n_genes=11,
            n_windows_per_haplotype=173,
            n_haplotype_windows=211752,
            n_distinct_windows=2411,
            gain=87.8,
            events={"overlapping_skipped": 12, "missing_genotype": 0, "emptied_window": 1},
            reference_agreement=ReferenceAgreement(n_records=5120, n_matching=5120, n_bases=5804, share=1.0),
            settings={"unit": "exon", "window": "510", "transcript_rule": "canonical"},
            sources=("genes.gtf",),
        ),
        arms=tuple(_run_arm(*arm) for arm in ARMS),
        views=tuple(
            RunView(
                name=name,
                n_features=29,
                description="cortical thickness",
                role=role,
                features=("lh_insula_thickness", "v1 to v28"),
                left_out={"siteID": "a site or scanner", "age": "an age"},
            )
            for name, role in VIEWS.items()
        ),
        planted=PlantedLink(
            genes=PLANTED_GENES,
            view="linked",
            features=PLANTED_FEATURES,
            strength=0.3,
            how="a latent score from haplotype dosages of the genes was added to the features",
        )
        if planted
        else None,
        confounds=(RunConfound("age", "continuous"), RunConfound("site", "categorical")),
        provenance=Provenance(
            git_sha="0b7c8dd2f3f1c8e2e0bb0e1d39b8f3cf3a6d8a11",
            git_dirty=False,
            versions={"python": "3.11.9", "numpy": "2.3.0", "scikit-learn": "1.9.1"},
            blas=(
                BlasLibrary(internal_api="openblas", version="0.3.30", architecture="SkylakeX", threading_layer=None),
            ),
            inputs=(InputFile("genotypes/panel.vcf.gz", f"sha256:{'beef' * 16}"),),
            seeds=RunSeeds(seed=7, pairing=11),
        ),
        alignments=tuple(f"{summary.arm}__{summary.view}" for summary in alignments),
        wall_seconds={"windows": 3.1, "embed": 21.4, "align": 40.2},
    )


def _run_arm(name: str, label: str, trained: bool, rc_mode: RcMode) -> RunArm:
    spec = EncoderSpec(
        name=name,
        family=name.split("-")[0],
        label=label,
        hidden_dim=512,
        tokenizer_version="kmer-3",
        min_bp=3,
        source="computed",
        revision="1",
        weights_sha256="c0de" * 16,
        layer=-1,
        rc_mode=rc_mode,
        trained=trained,
    )
    embed = EmbedCounts(n_distinct=2411, n_cached=2000, n_encoded=411, n_forward_passes=7, seconds=21.4)
    return RunArm(name=name, label=label, trained=trained, spec=spec, embed=embed)
