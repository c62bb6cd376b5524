"""What trainings are given and what they leave: parts of a genome, a fine-tuned seed, birth vectors, their folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analyses.errors import InputError
from analyses.results.journal import embedding_seconds, read_spans
from analyses.results.unfinished import FolderJournal
from analyses.training.finetune import read_finetuned
from analyses.training.pretrain import read_pretrained
from analyses.training.seeds import read_seed
from encoders.dna.protocol import EncoderSpec
from encoders.dna.verification.birth_vectors import birth_text, read_birth_vectors
from encoders.genome.reference import Reference
from encoders.training.pretraining.genome import Stretches, split_genome
from encoders.training.tasks.annotated import Annotated, read_annotated
from tests.fuzz.reader import Files, Reader
from tests.fuzz.readers.arrays import npy, npz
from tests.fuzz.readers.genomes import FASTA, GFF3, GTF

SPEC = EncoderSpec(
    name="made", family="made", label="made", hidden_dim=5, tokenizer_version="1", min_bp=1, source="m",
    weights_sha256="0" * 64,
)  # fmt: skip
SEED = {
    "dev_loss": 0.31, "best_step": 8, "steps": 12, "strands": "both", "scale": [0.0, 1.0],
    "curve": [[4, "train/loss", 0.7], [8, "validation/loss", 0.31]],
}  # fmt: skip
VALIDATION = {
    "nats_per_base": 1.31, "markov_nats_per_base": {"0": 1.386, "3": 1.35}, "less_best_chain": -0.04,
    "interval_over_sequences": [-0.06, -0.02],
}  # fmt: skip
METRICS = {"task": "sites", "kind": "binary", "test": {}, "trainings": [{"seed": 1, "dev_loss": 0.3}], "kept_seed": 1}
STAGES = {
    "windows": {"key": "a", "finished": "2026-11-02T10:00:00+00:00", "seconds": 1.5},
    "embed": {"key": "b", "finished": "2026-11-02T10:00:09+00:00", "seconds": 8},
    "align": {"key": "c"},
}


def _seeds(_: Path) -> Sequence[Files]:
    told = np.random.default_rng(1).random((13, 2)).astype(np.float32)
    return [{"result.json": json.dumps(SEED).encode(), "told.npy": npy(told)}]


def _births(_: Path) -> Sequence[Files]:
    row = {"name": "birth 1", "sequence": "ACGT", "input_ids": [2, 7, 8, 3], "n_special": [1, 1], "n_values": 5}
    text = birth_text([row | {"first_values": [0.5, 1.0], "norm": 2.25}], SPEC.weights_sha256)
    return [{"m/birth_vectors.json": text.encode()}]


def _read_births(folder: Path) -> object:
    return read_birth_vectors(replace(SPEC, source=str(folder / "m")))


def _stretches(folder: Path) -> tuple[Stretches, Stretches]:
    found = split_genome(Reference(folder / "r.fa"), ["20"], ["20:101-180"], 10)
    for one in found:
        one.draw(30, np.random.default_rng(0))
    return found


def _are_apart(_: Path, value: object) -> None:
    """No base is on both sides, every base is known, and the pieces that are read hold all of them."""
    assert isinstance(value, tuple)
    train, held_out = ({(run.chrom, at) for run in one.intervals for at in range(run.start, run.end)} for one in value)
    assert not train & held_out
    for one in value:
        texts = "".join(one.texts())
        assert len(texts) == one.n_bases
        assert set(texts) <= set("ACGT")


def _transcripts(folder: Path) -> Annotated:
    return read_annotated(sorted(folder.iterdir()) or [folder / "a.gtf"], {"20": "20"}.get)


def _are_sorted(_: Path, value: object) -> None:
    assert isinstance(value, Annotated)
    for begins, ends in value.exons.values():
        assert all(begin < end for begin, end in zip(begins, ends, strict=True))
        assert all(end < begin for end, begin in zip(ends, begins[1:], strict=False))


def _read_times(folder: Path) -> object:
    return read_spans(folder), embedding_seconds(folder)


def _read_portion(folder: Path) -> object:
    """What is damaged is done again, which is no refusal; so the two are told apart here."""
    found = FolderJournal(folder).read("a")
    if found is None:
        raise InputError("A portion that was kept must be whole; this one is not: it is done again.")
    return found


READERS = (
    Reader("seed of a fine-tuning", _seeds, lambda folder: read_seed(folder, 1), {".json": "json", ".npy": "npy"},
           (b"dev_loss", b"curve")),
    Reader("finished pretraining", lambda _: [{"provenance.json": json.dumps({"validation": VALIDATION}).encode()}],
           read_pretrained, {".json": "json"}, (b"nats_per_base", b"NaN")),
    Reader("finished fine-tuning", lambda _: [{"metrics.json": json.dumps(METRICS).encode()}], read_finetuned,
           {".json": "json"}, (b"kept_seed",)),
    Reader("birth vectors", _births, _read_births, {".json": "json"}, (b'"format": "2"', b"first_values")),
    Reader("stretches of a genome", lambda _: [{"r.fa": FASTA.encode()}], _stretches, {".fa": "text"},
           (b">20", b"N", b"N" * 60), _are_apart),
    Reader("annotated transcripts", lambda _: [{"a.gtf": GTF.encode()}, {"a.gff3": GFF3.encode()}], _transcripts,
           {".gtf": "text", ".gff3": "text"}, (b"exon", b"gene", b"-", b"."), _are_sorted),
    Reader(
        "times of stages",
        lambda _: [{"manifest.json": json.dumps({"format": 1, "stages": STAGES}).encode(),
                    "embed.json": json.dumps({"kmer-5": {"seconds": 3.5}}).encode()}],
        _read_times, {".json": "json"}, (b"seconds", b"1e400"),
    ),
    Reader("kept portion", lambda _: [{"a.npz": npz(draws=np.arange(6.0).reshape(2, 3), n=np.array(4))}], _read_portion,
           {".npz": "zip/npy"}),
)  # fmt: skip
