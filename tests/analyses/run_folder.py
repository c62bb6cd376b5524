"""Writes an example results folder by the schema that a run writes, without running one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

GENES = ("ADRB1", "BDNF", "CACNA1C", "COMT", "DRD2", "FOXP2", "GRIN2B", "HTR2A", "KCNS1", "MAOA", "NRG1")  # 11
PLANTED_GENES = ("COMT", "GRIN2B")
FEATURES = tuple(f"lh_roi{i:02d}_thickness" for i in range(29))
PLANTED_FEATURES = ("lh_roi04_thickness", "lh_roi11_thickness", "lh_roi23_thickness")
ARMS = (
    ("kmer-5", "kmer-5", True, "invariant"),
    ("untrained-dnabert-3", "untrained dnabert-3 rc-avg", False, "average"),
)
VIEWS = (("linked", "test"), ("unlinked", "negative control"))
SUBJECTS = tuple(f"SUBJ{i:04d}X" for i in range(37))
N_SUBJECTS, N_PERMUTATIONS, N_SPLITS, N_COMPONENTS = 612, 999, 5, 3


def write_run_folder(folder: Path, *, planted: bool = True, compared: bool = True, seed: int = 7) -> Path:
    """Write a results folder of 2 arms x 2 views; without `planted`, neither view holds a link."""
    rng = np.random.default_rng(seed)
    alignments = [
        _write_alignment(folder, arm, view, strength=0.31 if planted and view[0] == "linked" else 0.0, rng=rng)
        for arm in ARMS
        for view in VIEWS
    ]
    _write(folder / "run.json", _run_facts(alignments, planted=planted))
    if compared:
        _write(folder / "comparison.json", _comparison(alignments))
    _write(folder / "env.json", {"python": "3.11.9", "versions": {"numpy": "2.3.0"}})
    hashed = [hashlib.blake2b(s.encode(), digest_size=8, key=b"example").hexdigest() for s in SUBJECTS]
    _write(folder / "splits.json", {"ids": hashed, "assignments": [i % N_SPLITS for i in range(37)]})
    _write(folder / "private" / "subjects.json", SUBJECTS)  # what must never leave the folder
    _write(folder / "manifest.json", {"schema": 1, "stages": {"align": {"key": "abc", "seconds": 12.5}}})
    (folder / "config").mkdir(exist_ok=True)
    (folder / "config" / "resolved.yaml").write_text("name: example\nseed: 7\nencoders:\n- name: kmer-5\n")
    return folder


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, allow_nan=False))


def _write_alignment(
    folder: Path, arm: tuple[str, str, bool, str], view: tuple[str, str], *, strength: float, rng: np.random.Generator
) -> dict[str, Any]:
    arm_name, label, trained, _ = arm
    strength = strength if trained else 0.7 * strength
    null = rng.normal(0.0, 0.055, (N_PERMUTATIONS, N_COMPONENTS))
    in_sample_null = rng.normal(0.38, 0.018, N_PERMUTATIONS)
    by_fold = rng.normal([strength, 0.02, -0.01], 0.04, (N_SPLITS, N_COMPONENTS))
    rho = by_fold.mean(axis=0)
    p = (1 + (null >= rho).sum(axis=0)) / (1 + N_PERMUTATIONS)
    spectrum = np.sort(np.r_[0.38 + 0.5 * strength, rng.uniform(0.02, 0.36, 11)])[::-1]
    facts = {
        "schema": 1,
        "arm": arm_name,
        "arm_label": label,
        "view": view[0],
        "trained": trained,
        "role": view[1],
        "n": {"subjects": N_SUBJECTS, "genes": 11, "features": 29, "confounds": 9, "n_effective": 602},
        "dimensions": {
            "x_requested": 512,
            "x_effective": 214,
            "y_requested": 512,
            "y_effective": 29,
            "x_cca": 31,
            "y_cca": 29,
            "rule": "auto: the largest with N_eff/(P+Q) >= 10",
            "ratio": 10.03,
        },
        "in_sample": {
            "canonical_correlations": spectrum.tolist(),
            "statistic": "wilks",
            "p_uncorrected": [0.001 if strength else 0.412] + [None] * 11,
            "p_fwer": [0.001 if strength else 0.412] + [None] * 11,
            "null_mean_r1": float(in_sample_null.mean()),
            "null_q95_r1": float(np.quantile(in_sample_null, 0.95)),
            "n_permutations": N_PERMUTATIONS,
            "projection": "huh-jhun",
            "scheme": "free",
            "n_tested": 1,
            "roy": {"p_fwer": [0.001 if strength else 0.5] + [None] * 11},
        },
        "held_out": {
            "rho": rho.tolist(),
            "p": p.tolist(),
            "p_fwer": np.maximum.accumulate(p).tolist(),
            "interval": np.c_[rho - 0.08, rho + 0.08].tolist(),
            "rho_by_fold": by_fold.tolist(),
            "null_mean": null.mean(axis=0).tolist(),
            "null_q95": np.quantile(null, 0.95, axis=0).tolist(),
            "n_splits": N_SPLITS,
            "n_unseen_levels": 4,
            "n_permutations": N_PERMUTATIONS,
            "folds_sha256": "f01d" * 16,
            "ratio_to_in_sample": float(rho[0] / spectrum[0]),
        },
        "detectability": {
            "rho_c": 0.227,
            "null_r1_mean": 0.381,
            "null_r1_q95": 0.409,
            "wachter_edge": 0.433,
            "power_at_rho_c": {"roy": 0.41, "wilks": 0.27},
            "rho_at_80_percent_power": 0.281,
            "required_n": {"rho": 0.1, "n": 3049},
        },
        "interpretation": _interpretation(strength),
        "gene_loadings": _loadings("gene_id", GENES, PLANTED_GENES, strength=strength, rng=rng),
        "roi_loadings": _loadings("feature", FEATURES, PLANTED_FEATURES, strength=strength, rng=rng),
        "flags": [] if strength else ["In-sample r1 lies below the 95 % point of its null."],
        "warnings": [] if trained else ["3 subjects have a leverage above 10 (R + 1) / N in the confounds."],
    }
    path = folder / "alignments" / f"{arm_name}__{view[0]}"
    _write(path / "alignment.json", facts)
    np.savez(path / "null_draws.npz", in_sample_r1=np.r_[spectrum[0], in_sample_null], held_out=np.vstack([rho, null]))
    for table in ("gene_loadings", "roi_loadings"):
        pd.DataFrame(facts[table]).to_csv(path / f"{table}.csv", index=False)
    pd.DataFrame({"in_sample": spectrum}).to_csv(path / "canonical_correlations.csv", index=False)
    return facts


def _interpretation(strength: float) -> dict[str, Any]:
    half = {"median": 0.2 + 2 * strength, "interval": [0.1, 0.95], "null_median": 0.03, "null_q95": 0.31}
    sides = ("genes_given_brain", "brain_given_genes")
    return {
        "n_bootstrap": 200,
        "n_halves": 50,
        "split_half": {f"{side}_{kind}": half for side in "xy" for kind in ("weights", "loadings")},
        "variance_extracted": {"genes": 0.021, "brain": 0.11},
        "redundancy": dict.fromkeys([*sides, *(f"{side}_held_out" for side in sides)], 0.11 * strength**2),
    }


def _loadings(
    key: str, names: tuple[str, ...], planted: tuple[str, ...], *, strength: float, rng: np.random.Generator
) -> list[dict[str, Any]]:
    size = rng.uniform(0.01, 0.12, len(names)) + np.where(np.isin(names, planted), 1.5 * strength, 0.0)
    signed = size if key == "gene_id" else size * rng.choice([-1, 1], len(names))
    rank = np.empty(len(names), dtype=int)
    rank[np.argsort(-size)] = np.arange(1, len(names) + 1)
    return [
        {
            key: name,
            "loading": float(value),
            "lo": float(value - 0.05),
            "hi": float(value + 0.05),
            "rank": int(place),
            **({"max": float(2 * value)} if key == "gene_id" else {}),
        }
        for name, value, place in zip(names, signed, rank, strict=True)
    ]


def _comparison(alignments: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [
        {
            "arm": facts["arm"],
            "arm_label": facts["arm_label"],
            "view": facts["view"],
            "trained": facts["trained"],
            "rho": facts["held_out"]["rho"][0],
            "interval": facts["held_out"]["interval"][0],
            "p": facts["held_out"]["p"][0],
            "p_max_t": min(1.0, 2.5 * facts["held_out"]["p"][0]),
            "in_sample_r1": facts["in_sample"]["canonical_correlations"][0],
        }
        for facts in alignments
    ]
    first, second = rows[0], rows[2]
    difference = {
        "arm_a": first["arm"],
        "arm_b": second["arm"],
        "view": "linked",
        "difference": first["rho"] - second["rho"],
        "interval": [first["rho"] - second["rho"] - 0.07, first["rho"] - second["rho"] + 0.07],
        "p": 0.019,
        "p_corrected": 0.019,
    }
    return {
        "metric": "held-out rho_1",
        "rows": rows,
        "differences": [difference],
        "n_permutations": N_PERMUTATIONS,
        "note": "p is corrected by max-T over 2 arms x 2 views with the same permutations.",
    }


def _run_facts(alignments: list[dict[str, Any]], *, planted: bool) -> dict[str, Any]:
    return {
        "name": "example",
        "experiment": "align",
        "title": "Example: 11 genes against cortical thickness",
        "created": "2025-03-14T09:26:53+00:00",
        "seed": 7,
        "cohort": {
            "overlap": [
                {"table": "genotypes", "n": 640, "in_all": 612, "dropped": {"not in brain": 28}},
                {
                    "table": "participants",
                    "n": 655,
                    "in_all": 612,
                    "dropped": {"not in genotypes": 15, "not in brain": 28},
                },
                {"table": "brain: linked", "n": 612, "in_all": 612, "dropped": {}},
            ],
            "n_subjects": N_SUBJECTS,
            "exclusions": [{"reason": "related to a subject who was kept", "n": 9}],
        },
        "genome": {
            "n_genes": 11,
            "n_windows": 173,
            "n_sequences_total": 211752,
            "n_distinct": 2411,
            "gain": 87.8,
            "events": {"overlapping_skipped": 12, "missing_genotype": 0, "emptied_window": 1},
            "gate": {"n_checked": 5120, "n_agreeing": 5120, "agreement": 1.0},
            "settings": {"unit": "exon", "window": "510", "transcript": "canonical"},
        },
        "arms": [_arm_facts(*arm) for arm in ARMS],
        "views": [
            {"name": name, "n_features": 29, "description": "cortical thickness", "role": role} for name, role in VIEWS
        ],
        "planted": {
            "genes": list(PLANTED_GENES),
            "view": "linked",
            "features": list(PLANTED_FEATURES),
            "strength": 0.3,
            "how": "a latent score from haplotype dosages of the genes was added to the features",
        }
        if planted
        else None,
        "confounds": [
            {"column": "age", "kind": "continuous", "n_columns": 1},
            {"column": "site", "kind": "categorical", "n_columns": 3},
        ],
        "provenance": {
            "git_sha": "0b7c8dd2f3f1c8e2e0bb0e1d39b8f3cf3a6d8a11",
            "git_dirty": False,
            "versions": {"python": "3.11.9", "numpy": "2.3.0", "scikit-learn": "1.9.1"},
            "blas": {"internal_api": "openblas", "architecture": "SkylakeX", "num_threads": 1},
            "inputs": [{"path": "genotypes/panel.vcf.gz", "fingerprint": f"sha256:{'beef' * 16}"}],
            "seeds": {"run": 7, "folds": 11},
        },
        "alignments": [f"{facts['arm']}__{facts['view']}" for facts in alignments],
        "wall_seconds": {"windows": 3.1, "embed": 21.4, "align": 40.2},
    }


def _arm_facts(name: str, label: str, trained: bool, rc_mode: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "trained": trained,
        "spec": {
            "name": name,
            "family": name.split("-")[0],
            "label": label,
            "hidden_dim": 512,
            "source": "computed",
            "revision": "1",
            "weights_sha256": "c0de" * 16,
            "tokenizer_version": "kmer-3",
            "pooling": "mean",
            "layer": -1,
            "rc_mode": rc_mode,
            "dtype": "float32",
            "trained": trained,
        },
        "embed": {"n_distinct": 2411, "n_cached": 2000, "n_encoded": 411, "n_forward_passes": 7, "seconds": 21.4},
    }
