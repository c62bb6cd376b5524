"""What tracking keeps of one alignment: names, numbers in the order they are shown, tables and files."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyses.report.drawings import FIGURE_KINDS
from analyses.report.findings import CONTROL
from analyses.results.folder import Alignment, Facts, ResultsFolder

# Axis labels of the interface are cut at 10 characters, so these differ within 10.
RC_MODES = {"forward": "fwd-only", "average": "rc-avg", "equivariant": "rc-equiv", "invariant": "rc-inv"}
_SHORTER = (("untrained", "un"), ("caduceus", "cad"), ("dnabert", "dnab"))


def short_name(name: str) -> str:
    """An arm's name within the 10 characters that axis labels show, as far as known words allow."""
    for word, shorter in _SHORTER:
        if len(name) > 10:
            name = name.replace(word, shorter)
    return name


def arm_facts(results: ResultsFolder, alignment: Alignment) -> Facts:
    """The run's entry about the encoder of one alignment."""
    facts: Facts = next(arm for arm in results.run["arms"] if arm["name"] == alignment.facts["arm"])
    return facts


def make_params(results: ResultsFolder, alignment: Alignment) -> dict[str, str]:
    """Settings that tell runs apart."""
    facts, spec = alignment.facts, arm_facts(results, alignment)["spec"]
    held_out, dimensions = facts["held_out"], facts["dimensions"]
    values = {
        "encoder.name": short_name(facts["arm"]),
        "encoder.rc_mode": RC_MODES[spec["rc_mode"]],
        "encoder.weights": "trained" if facts["trained"] else "untrained",
        "encoder.pooling": spec["pooling"],
        "encoder.hidden_dim": spec["hidden_dim"],
        "brain.view": facts["view"],
        "brain.role": "control" if facts["role"] == CONTROL else "test",
        "pca.x_requested": dimensions["x_requested"],
        "pca.x_effective": dimensions["x_effective"],
        "pca.y_effective": dimensions["y_effective"],
        "cca.x_dimensions": dimensions["x_cca"],
        "cca.y_dimensions": dimensions["y_cca"],
        "folds": held_out["n_splits"],
        "permutations": held_out["n_permutations"],
        "seed": results.run["seed"],
    }
    return {key: str(value) for key, value in values.items()}


def make_tags(results: ResultsFolder, alignment: Alignment, config_sha256: str) -> dict[str, str]:
    """Where a run comes from; an alignment is a parent run."""
    spec, provenance = arm_facts(results, alignment)["spec"], results.run["provenance"]
    values = {
        "stage": "alignment",
        "panel": panel(results),
        "brain.model": alignment.facts["view"],
        "config_sha256": config_sha256,
        "splits_sha256": alignment.facts["held_out"]["folds_sha256"],
        "git.sha": provenance["git_sha"],
        "git.dirty": provenance["git_dirty"],
        "checkpoint.sha256": spec["weights_sha256"],
        "tokenizer_version": spec["tokenizer_version"],
        "pooling_strategy": spec["pooling"],
        "rc_averaged": spec["rc_mode"] == "average",
    }
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()}


def panel(results: ResultsFolder) -> str:
    """Name of the gene panel: what an experiment's runs have in common."""
    return str(results.run.get("panel") or results.run["name"])


def make_metrics(row: Facts) -> Iterator[tuple[str, float, int]]:
    """Name, value and step, in the order in which they are to be logged: the interface compares runs by the first.

    Parameters
    ----------
    row : mapping
        One of ``ResultsFolder.rows``.
    """
    facts = row["alignment"].facts
    held_out, in_sample = facts["held_out"], facts["in_sample"]
    r = in_sample["canonical_correlations"]
    for k, rho in enumerate(held_out["rho"][:3], start=1):
        yield f"heldout/rho_{k}", rho, 0
    yield "perm/p_1", row["p"], 0
    yield "perm/neglog10p_1", -math.log10(row["p"]), 0  # a table shows p = 0.001 as 0.00
    yield "perm/p_corrected_1", row["p_corrected"], 0
    yield "perm/null_q95_1", held_out["null_q95"][0], 0
    yield "heldout/rho_1_low", row["interval"][0], 0
    yield "heldout/rho_1_high", row["interval"][1], 0
    yield "train/rho_1", r[0], 0
    yield "train/null_q95_1", in_sample["null_q95_r1"], 0
    yield "n/subjects", facts["n"]["subjects"], 0
    yield "n/genes", facts["n"]["genes"], 0
    for side, name in (("x", "genes"), ("y", "brain")):
        if halves := facts.get("interpretation", {}).get("split_half"):
            yield f"stability/{name}_cosine", halves[f"{side}_loadings"]["median"], 0
    for k, rho in enumerate(held_out["rho"], start=1):
        yield "spectrum/heldout_rho", rho, k
    for k, value in enumerate(r, start=1):
        yield "spectrum/train_rho", value, k


def make_tables(alignment: Alignment) -> dict[str, dict[str, list[Any]]]:
    """Columns by table name; the same names in every run make a table across runs."""
    facts = alignment.facts
    held_out, in_sample = facts["held_out"], facts["in_sample"]
    n = len(in_sample["canonical_correlations"])
    correlations = {
        "component": list(range(1, n + 1)),
        "in_sample": in_sample["canonical_correlations"],
        "held_out": held_out["rho"],
        "held_out_p": held_out["p"],
        "held_out_p_fwer": held_out["p_fwer"],
        "held_out_null_q95": held_out["null_q95"],
    }
    padded = {name: [*values, *[None] * (n - len(values))] for name, values in correlations.items()}
    loadings = {name: sorted(facts[name], key=lambda row: row["rank"]) for name in ("gene_loadings", "roi_loadings")}
    columns = {name: {key: [row[key] for row in rows] for key in rows[0]} for name, rows in loadings.items() if rows}
    return {"canonical_correlations": padded, **columns}


def list_artifacts(results: ResultsFolder, alignment: Alignment) -> list[tuple[Path, str]]:
    """File and artifact folder of everything that a run keeps; held-out scores of subjects are never among them."""
    names = ["overview", *(f"{alignment.name}__{kind}" for kind in FIGURE_KINDS)]
    drawn = [results.path / "figures" / f"{name}{suffix}" for name in names for suffix in (".svg", ".csv")]
    return [
        (results.path / "report.html", ""),
        *((path, "figures") for path in drawn),
        *((path, "tables") for path in sorted(alignment.folder.glob("*.csv"))),
        (results.path / "config" / "resolved.yaml", "config"),
        (results.path / "env.json", ""),
        (results.path / "splits.json", ""),
        (alignment.folder / "alignment.json", ""),
        (alignment.folder / "null_draws.npz", ""),
    ]
