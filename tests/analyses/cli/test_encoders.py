"""The commands about encoders: a proof, a list of checks, motifs on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analyses.arms.motifs import write_motifs
from analyses.cli import app as cli
from encoders.dna.attribution import attention
from encoders.dna.attribution.motifs import MotifSettings
from encoders.dna.verification import verify
from tests.encoders.dna.conftest import TinyModel, bpe_tokenizer, tiny_models

SMALL = ("hidden_size=16", "num_hidden_layers=2", "num_attention_heads=2", "intermediate_size=24")
__all__ = ["bpe_tokenizer", "tiny_models"]

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """``genebrain`` as from a shell: exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["genebrain", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run


def write_fasta(path: Path, sequences: list[str]) -> Path:
    path.write_text("".join(f">s{number}\n{bases}\n" for number, bases in enumerate(sequences)))
    return path


@pytest.mark.parametrize("command", ["verify-encoder", "check-encoder", "motifs"])
def test_the_commands_explain_themselves(call: Call, command: str) -> None:
    code, text, _ = call(command, "--help")
    assert code == 0
    assert len(text.split()) > 60


def test_verify_prints_the_proof(
    call: Call, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_models["dnabert2"]
    arguments = ("verify-encoder", "dnabert2", "--source", model.folder, "--device", "cpu")
    code, text, _ = call(*arguments)
    assert code == 0
    assert "no published vector is known for sha256" in text
    assert text.endswith("verdict: structural checks only\n")
    monkeypatch.setattr(verify, "published_vectors", lambda: (model.published(),))
    code, text, _ = call(*arguments)
    assert code == 0
    assert "first 9 of 32 values differ by" in text
    assert text.endswith("verdict: proved\n")


def test_verify_fails_by_name(call: Call, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_models["dnabert-3"]
    key = "bert.encoder.layer.0.output.dense.weight"
    model.change(lambda weights: weights.update({key: weights[key].flip(0)}))
    monkeypatch.setattr(verify, "published_vectors", lambda: (model.published(),))
    code, text, _ = call("verify-encoder", "dnabert-3", "--source", model.folder, "--device", "cpu", "--json")
    proof = json.loads(text)
    assert (code, proof["verdict"]) == (2, "failed")
    assert proof["failures"] == ["published vector dnabert-3 by its authors"]
    assert proof["comparisons"][0]["max_difference"] > 1e-3


def test_verify_needs_weights(call: Call) -> None:
    code, _, error = call("verify-encoder", "dnabert2")
    assert code == 2
    assert "dnabert2 was given no --source" in error


def test_check_takes_options_of_the_encoder(call: Call) -> None:
    code, text, _ = call("check-encoder", "kmer-spectrum", "--option", "k=3", "--rc", "average")
    assert code == 0
    assert "kmer-3 rc-avg: 13 of 13 checks passed" in text
    code, _, error = call("check-encoder", "kmer-spectrum", "--option", "k")
    assert (code, "must be KEY=VALUE" in error) == (2, True)


def test_motifs_of_random_weights_are_written_whole(call: Call, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), length)) for length in (60, 700, 45)]
    files = {name: write_fasta(tmp_path / f"{name}.fa", sequences) for name in ("positive", "negative")}
    options = [word for option in SMALL for word in ("--option", option)]
    arguments = ("motifs", "--source", "3=untrained", "--source", "4=untrained", "--device", "cpu", *options)
    files_given = ("--positive", files["positive"], "--negative", files["negative"], "--output", tmp_path / "out")
    code, text, _ = call(*arguments, *files_given)
    assert code == 0
    assert "scores, matrices and logos are in" in text
    scores = pd.read_csv(tmp_path / "out/scores.tsv", sep="\t")
    assert "".join(scores["base"]) == "".join(sequences)
    assert scores.groupby("sequence", sort=False)["place"].max().tolist() == [59, 699, 44]
    labels = [one["label"] for one in json.loads((tmp_path / "out/settings.json").read_text())["encoders"]]
    assert labels == ["untrained dnabert-3", "untrained dnabert-4"]
    code, _, error = call(*arguments, *files_given)
    assert (code, "holds something. Choose another" in error) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["negative.fa", "out", "positive.fa"]


def test_motifs_of_a_checkpoint_longer_than_it_reads(
    call: Call, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    """The tiny model reads 64 bp at once; the scores of a sequence are of unit length all the same."""
    rng = np.random.default_rng(1)
    path = write_fasta(tmp_path / "in.fa", ["".join(rng.choice(list("ACGT"), length)) for length in (150, 64, 20)])
    source = f"3={tiny_models['dnabert-3'].folder}"
    files = ("--positive", path, "--negative", path, "--output", tmp_path / "out")
    code, _, _ = call("motifs", "--source", source, "--device", "cpu", *files)
    assert code == 0
    scores = pd.read_csv(tmp_path / "out/scores.tsv", sep="\t")
    lengths = scores.assign(square=scores["score"] ** 2).groupby("sequence")["square"].sum()
    assert lengths.tolist() == pytest.approx([1, 1, 1])
    record = json.loads((tmp_path / "out/settings.json").read_text())
    assert record["encoders"][0]["weights_sha256"] == tiny_models["dnabert-3"].published().checkpoint_sha256


def test_published_scores_give_the_published_motif_as_tables_matrix_and_logo(
    tmp_path: Path, reference_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = json.loads((reference_data / "dnabert/viz_motif_pipeline.json").read_text())
    scores = [np.array(one) for one in published["scores"]]
    monkeypatch.setattr(attention, "attention_scores", lambda encoders, sequences, *, progress: scores)
    positive = write_fasta(tmp_path / "positive.fa", published["pos"])
    negative = write_fasta(tmp_path / "negative.fa", published["neg"])
    (motif,) = write_motifs([], positive, negative, tmp_path / "out", settings=MotifSettings())
    (row,) = pd.read_csv(tmp_path / "out/motifs.tsv", sep="\t").to_dict("records")
    assert (row["motif"], row["n_instances"]) == ("TATAAAAG", 48)
    instances = pd.read_csv(tmp_path / "out/instances.tsv", sep="\t")
    assert instances["window"].tolist() == published["merged"]["TATAAAAG"]["seqs"]
    lines = (tmp_path / "out/motifs.meme").read_text().splitlines()
    start = lines.index("letter-probability matrix: alength= 4 w= 24 nsites= 48")
    matrix = np.array([line.split() for line in lines[start + 1 : start + 25]], dtype=float)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    assert "".join("ACGT"[place] for place in matrix.argmax(axis=1)[8:15]) == "TATAAAA"
    assert "<svg" in (tmp_path / "out/logos/01_TATAAAAG.svg").read_text()
    bits = pd.read_csv(tmp_path / "out/logos/01_TATAAAAG.csv")
    assert bits.shape == (24, 4)
    assert bits.to_numpy().max() < 2
    assert motif.bases == "TATAAAAG"


@pytest.mark.parametrize(
    ("source", "text", "words"),
    [
        ("7=x", ">a\nACGT\n", "K from 3 to 6"),
        ("3", ">a\nACGT\n", "--source must be K=FOLDER"),
        ("3=untrained", "", "holds no FASTA record"),
        ("3=untrained", ">a\nACGT\n>a\nACGT\n", "has 'a' twice"),
        ("3=untrained", ">a\nACGT!\n", "holds only A, C, G, T"),
        ("3=untrained", None, "there is no"),
    ],
)
def test_bad_input_is_one_sentence(call: Call, tmp_path: Path, source: str, text: str | None, words: str) -> None:
    path = tmp_path / "in.fa"
    if text is not None:
        path.write_text(text)
    options = [word for option in SMALL for word in ("--option", option)]
    code, _, error = call(
        "motifs", "--source", source, *options, "--positive", path, "--negative", path, "--output", tmp_path / "out"
    )
    assert code == 2
    assert words in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
