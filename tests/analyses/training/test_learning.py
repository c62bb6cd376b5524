"""What is planted is learnt, by k-mers too, from one strand by the network that reads both; two processes are one."""

import csv
import json
import os
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from analyses.config.training.finetuning import FinetuningConfig
from analyses.config.training.pretraining import PretrainingConfig
from analyses.training.finetune import run_finetuning
from analyses.training.pretrain import run_pretraining
from tests.analyses.training.conftest import Configure
from tests.conftest import PATIENCE, REPOSITORY

BEFORE, AFTER, GAP = "GATTACA", "TGCCTAG", 3
"""The planted motif, of 14 bases around a gap; 4 to 8 random bases lie between one and the next."""

LEAST = (GAP + 6) / (len(BEFORE) + len(AFTER) + GAP + 6) * np.log(4)
"""Nats per base of one who knows the motif: those of the random bases, 0.54."""

LEARNT = 0.75
"""Well below 1.386 of knowing nothing, and below a chain of order 3."""

_TURNED = str.maketrans("ACGT", "TGCA")


def planted(n: int, seed: int, strands: str) -> str:
    rng, parts = np.random.default_rng(seed), []
    while sum(map(len, parts)) < n:
        motif = BEFORE + "".join(rng.choice(list("ACGT"), GAP)) + AFTER
        if strands == "-" or (strands == "both" and rng.random() < 0.5):
            motif = motif[::-1].translate(_TURNED)
        parts += [motif, "".join(rng.choice(list("ACGT"), int(rng.integers(4, 9))))]
    return "".join(parts)


def configure_planted(configure: Configure, folder: Path, encoder: str, *, train: str, held_out: str) -> object:
    path = folder / "planted.fa"
    path.write_text(f">train\n{planted(40_000, 1, train)}\n>other\n{planted(6000, 2, held_out)}\n")
    return configure(
        encoder,
        model={"sizes": {"d_model": 32, "n_layer": 2, "d_state": 8}},
        genome={"reference": [path], "hold_out": ["other"]},
        window={"min_bases": 40, "max_bases": 80},
        training={"steps": 200, "batch_size": 8, "learning_rate": 0.008, "checkpoint_every": 200},
        validation={"every": 200, "windows": 40, "markov_orders": [0, 3]},
    )


@pytest.mark.calibration
@pytest.mark.parametrize(("encoder", "strands"), [("caduceus-ps", "+"), ("caduceus-ph", "both")])
def test_a_planted_grammar_is_learnt_by_the_equivariant_network_from_one_strand_alone(
    encoder: str, strands: str, configure: Configure, tmp_path: Path
) -> None:
    held_out = {"+": "-", "both": "both"}[strands]
    found = run_pretraining(configure_planted(configure, tmp_path, encoder, train=strands, held_out=held_out))  # type: ignore[arg-type]
    assert found.nats_per_base < LEARNT
    assert found.nats_per_base < found.chains[3]
    assert found.nats_per_base > LEAST - 0.05


@pytest.mark.calibration
def test_kmers_learn_a_planted_grammar_of_both_strands(configure: Configure, tmp_path: Path) -> None:
    """A word of three bases, masked in spans, on either strand; a minute of one processor."""
    config = configure_planted(configure, tmp_path, "dnabert-3", train="both", held_out="both")
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "intermediate_size": 256}
    loop = {"steps": 1500, "batch_size": 16, "learning_rate": 0.003, "checkpoint_every": 1500}
    changed = {"model": {"sizes": sizes}, "window": {"min_bases": 20, "max_bases": 40}, "training": loop}
    asked = config.model_dump()  # type: ignore[attr-defined]
    asked = {key: {**value, **changed[key]} if key in changed else value for key, value in asked.items()}
    found = run_pretraining(PretrainingConfig.model_validate(asked))
    assert found.nats_per_base < LEARNT
    assert found.nats_per_base < found.chains[3]
    assert found.nats_per_base > LEAST - 0.05


@pytest.mark.calibration
def test_a_network_of_one_strand_does_not_learn_the_other(configure: Configure, tmp_path: Path) -> None:
    config = configure_planted(configure, tmp_path, "caduceus-ph", train="+", held_out="-")
    found = run_pretraining(config.model_copy(update={"strands": "forward"}))  # type: ignore[attr-defined]
    assert found.nats_per_base > np.log(4)


def write_planted_set(folder: Path) -> Path:
    """Half of the sequences hold GATTACA, on either strand."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for name, n in (("train", 2000), ("dev", 300), ("test", 300)):
        lines = ["sequence,label"]
        for _ in range(n):
            bases, has_it = rng.choice(list("ACGT"), 60), rng.random() < 0.5
            if has_it:
                start = int(rng.integers(0, 45))
                bases[start : start + len(BEFORE)] = list(BEFORE)
            sequence = "".join(bases)
            lines.append(f"{sequence[::-1].translate(_TURNED) if rng.random() < 0.5 else sequence},{int(has_it)}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.calibration
def test_motifs_of_a_fine_tuned_model_are_those_planted(tmp_path: Path) -> None:
    from analyses.arms.motifs import write_motifs
    from encoders import load_encoder
    from encoders.dna.attribution.motifs import MotifSettings

    task = write_planted_set(tmp_path / "set")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = {
        "name": "planted",
        "output": tmp_path / "model",
        "model": {"encoder": "dnabert-3", "sizes": sizes},
        "task": {"path": task},
        "pooling": "cls",
        "seeds": [0],
        "training": {"epochs": 20, "learning_rate": 0.002, "patience": 8},
        "tracking": {"enabled": False},
    }
    found = run_finetuning(FinetuningConfig.model_validate(config))
    low, _ = found.metrics["test"]["auroc"]["interval_over_sequences"]
    assert low > 0.7
    rows = [row for name in ("test", "train") for row in csv.DictReader((task / f"{name}.csv").open())][:700]
    for label, name in (("1", "positive"), ("0", "negative")):
        chosen = [row["sequence"] for row in rows if row["label"] == label]
        (tmp_path / f"{name}.fa").write_text("".join(f">{i}\n{one}\n" for i, one in enumerate(chosen)))
    encoder = load_encoder("dnabert-3", source=str(found.folder))
    fastas = tmp_path / "positive.fa", tmp_path / "negative.fa"
    motifs = write_motifs([encoder], *fastas, tmp_path / "motifs", settings=MotifSettings())
    either = f"{BEFORE} {BEFORE[::-1].translate(_TURNED)}"
    likest = min(motifs, key=lambda motif: motif.enrichment.p_value)
    assert likest.bases in either
    for motif in motifs:  # high scores may reach over one end of the word, which rounding decides
        shared = SequenceMatcher(None, motif.bases, either, autojunk=False).find_longest_match()
        assert shared.size >= len(motif.bases) - 1, motif.bases


TWO = """
import json, sys
from accelerate import debug_launcher
from analyses.config.training.pretraining import PretrainingConfig
from analyses.training.pretrain import run_pretraining

def train(text):
    run_pretraining(PretrainingConfig.model_validate(json.loads(text)))

if __name__ == "__main__":
    debug_launcher(train, (sys.argv[1],), num_processes=2)
"""


@pytest.mark.calibration
@pytest.mark.parametrize("encoder", ["dnabert-3", "caduceus-ps"])
def test_two_processes_have_the_curve_of_one(encoder: str, configure: Configure, tmp_path: Path) -> None:
    config = configure(encoder, training={"accumulate": 1})
    other = config.model_copy(update={"output": tmp_path / "two"})
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", TWO, other.model_dump_json()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one = run_pretraining(config)
    curves = []
    for folder in (one.folder, tmp_path / "two"):
        rows = list(csv.DictReader((folder / "curve.csv").open()))
        curves.append({(row["step"], row["name"]): float(row["value"]) for row in rows})
    assert curves[0] == pytest.approx(curves[1], rel=1e-4, abs=1e-6)
    assert curves[0] != curves[1]  # sums were taken in another order: there were two
    assert json.loads((tmp_path / "two" / "provenance.json").read_text())["encoder"] == encoder
