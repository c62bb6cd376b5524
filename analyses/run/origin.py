"""What the columns of an alignment are made by: it has to be equal where its weights meet other subjects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analyses.arms.arm import SequenceArm
from analyses.results.provenance import digest

if TYPE_CHECKING:
    from analyses.config.run_config import RunConfig
    from analyses.run.run import Run
    from encoders.dna.protocol import EncoderSpec
    from encoders.genome.windows.haplotype_windows import WindowTable

SHOWN_DIGITS = 12


def describe_origin(run: Run, arm: str, view: str) -> dict[str, str]:
    """What decides the meaning of gene and brain columns, by name, none of it of subjects.

    Names of genes and features are not among it: the views have them.
    """
    of_windows = describe_windows(run.window_table) if isinstance(run.arms[arm], SequenceArm) else {}
    return describe_origin_before_windows(run, arm, view) | of_windows


def describe_origin_before_windows(run: Run, arm: str, view: str) -> dict[str, str]:
    """What of it the configuration and its files tell, before any window is cut: encoder and brain view."""
    of_brain, spec = describe_brain_view(run.config, view), run.specs[arm]
    if not isinstance(run.arms[arm], SequenceArm):
        return {"the vectors of the genes": _describe_vectors(spec)} | of_brain
    return {"the encoder": f"{spec.name} {spec.fingerprint}"} | of_brain


def _describe_vectors(spec: EncoderSpec) -> str:
    """Of vectors made elsewhere, what the configuration says: the files are those of other subjects."""
    options = ", ".join(f"{key} {value}" for key, value in spec.options if key != "files")
    return ", ".join(
        [f"{spec.hidden_dim} numbers", spec.pooling, f"layer {spec.layer}", spec.rc_mode, *options.split()]
    )


def describe_brain_view(config: RunConfig, view: str) -> dict[str, str]:
    """How features of the brain are made of the table; sites are each cohort's own, and so is ComBat over them."""
    settings = config.brain[view]
    made = settings.connectivity
    edges = "none" if made is None else f"{made.kind}, Fisher z {made.fisher_z}, {made.estimator}"
    mapped = {"the map of nan: pairwise": "that of the first cohort"} if settings.nan == "pairwise" else {}
    return {"the connectivity": edges, "normal scores": "yes" if settings.normal_scores else "no"} | mapped


def describe_windows(table: WindowTable) -> dict[str, str]:
    """Windows of every gene and the reference in them: coordinates, strand, weight and bases; contigs by any name."""
    settings = {key: table.settings.get(key, "") for key in ("unit", "unphased") if key == "unit" or table.ploidy == 1}
    found = {"the sequences of a subject": ", ".join([str(table.ploidy), *filter(None, settings.values())])}
    for gene, name in enumerate(table.gene_ids):
        windows = np.flatnonzero(table.gene_index == gene)
        weights = (round(float(weight), 12) for weight in table.weight[windows])
        bases = (table.sequence_ids[index] for index in table.reference_index[windows])
        places = table.start[windows].tolist(), table.end[windows].tolist(), [table.strand[w] for w in windows]
        parts = list(zip(*places, weights, bases, strict=True))
        low, high = int(table.start[windows].min()) + 1, int(table.end[windows].max())
        found[f"the windows of {name}"] = f"{len(windows)} in {low}-{high}, reference {digest(parts)[:SHOWN_DIGITS]}"
    return found
