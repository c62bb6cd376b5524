"""Attention scores and motifs of a set of sequences as tables, matrices and logos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from analyses.errors import InputError
from analyses.formats import table_text
from analyses.progress import progress_bar
from encoders.damage import refused_if_damaged
from encoders.publishing import published_folder

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from encoders.dna.attribution.attention import Scores
    from encoders.dna.attribution.motifs import Motif, MotifSettings
    from encoders.dna.protocol import SequenceEncoder

PSEUDOCOUNT = 1.0
"""Spread over the four bases before a logo's bits are computed, so that a few sequences claim no certainty."""


def write_motifs(
    encoders: Sequence[SequenceEncoder], positive: Path, negative: Path, output: Path, *, settings: MotifSettings
) -> list[Motif]:
    """Score the positive sequences, find their motifs, and write all of it to a new folder.

    ``scores.tsv``: one row per base (0-based place). ``motifs.tsv``, ``instances.tsv``: motifs with their test, and
    where they stand. ``motifs.meme``: matrices for MEME and Tomtom. ``logos/``: one SVG, with its numbers, each.
    ``settings.json``: encoders and settings.

    Raises
    ------
    InputError
        A file is missing or holds no sequence, a sequence cannot be read, or the folder holds something already.
    """
    from encoders.dna.attribution.attention import attention_scores
    from encoders.dna.attribution.motifs import find_motifs

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"The output must be a new or an empty folder; {output} holds something. Choose another.")
    positives, negatives = read_fasta(positive), read_fasta(negative)
    with progress_bar("attention") as advance:
        scores = attention_scores(encoders, list(positives.values()), progress=advance)
    motifs = find_motifs(list(positives.values()), list(negatives.values()), scores, settings)
    with published_folder(output) as unfinished:
        _write_tables(unfinished, positives, scores, motifs)
        (unfinished / "motifs.meme").write_text(meme_text(motifs), "utf-8")
        for number, motif in enumerate(motifs, start=1):
            _write_logo(unfinished / "logos" / f"{number:02d}_{motif.bases}.svg", motif)
        record = {"encoders": [encoder.spec.to_dict() for encoder in encoders], "settings": asdict(settings)}
        (unfinished / "settings.json").write_text(json.dumps(record, indent=1), "utf-8")
    return motifs


def read_fasta(path: Path) -> dict[str, str]:
    """Sequences by name, in the letters ACGTN.

    Raises
    ------
    InputError
        The file is missing, holds no sequence, a name twice, or a letter that is no base.
    """
    import pysam

    from encoders.dna.sequence_check import read_bases

    if not path.is_file():
        raise InputError(f"Motifs need a FASTA file; there is no {path}.")
    sequences: dict[str, str] = {}
    with refused_if_damaged(path, "a FASTA file"), pysam.FastxFile(str(path)) as records:
        found = [(record.name or "", record.sequence or "") for record in records]
    for name, bases in found:
        if name in sequences:
            raise InputError(f"Names of a FASTA file must differ; {path} has {name!r} twice. Rename one.")
        sequences[name] = read_bases(bases)[0]
    if not sequences:
        raise InputError(f"{path} holds no FASTA record; a record is a line >NAME and its bases.")
    return sequences


def meme_text(motifs: Sequence[Motif]) -> str:
    """Matrices in the minimal MEME format."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", "", "strands: +", ""]
    for motif in motifs:
        matrix = motif.probabilities()
        shape = f"alength= 4 w= {len(matrix)} nsites= {len(motif.windows)}"
        lines += [f"MOTIF {motif.bases}", f"letter-probability matrix: {shape}"]
        lines += [" ".join(f"{value:.6f}" for value in row) for row in matrix] + [""]
    return "\n".join(lines)


def make_logo(motif: Motif) -> tuple[Figure, pd.DataFrame]:
    """Logo in bits, and the heights of its letters."""
    import logomaker
    import pandas as pd
    from matplotlib.figure import Figure

    from encoders.dna.attribution.motifs import BASES

    table = pd.DataFrame(motif.probabilities(PSEUDOCOUNT), columns=list(BASES))
    bits = logomaker.transform_matrix(table, from_type="probability", to_type="information")
    figure = Figure(figsize=(0.28 * len(bits) + 1.2, 2.2), layout="constrained")
    axes = figure.add_subplot()
    logomaker.Logo(bits, ax=axes, color_scheme="colorblind_safe")
    axes.set_ylim(0, 2)
    axes.set_ylabel("bits")
    axes.set_xlabel("place in the window (0-based)")
    test = motif.enrichment
    axes.set_title(f"{motif.bases}: {len(motif.windows)} instances, FDR {test.p_fdr:.1e}", fontsize="medium")
    return figure, bits


def _write_logo(path: Path, motif: Motif) -> None:
    from analyses.figures.canvas import save_figure

    figure, bits = make_logo(motif)
    save_figure(figure, path, bits)


def _write_tables(
    folder: Path, positives: Mapping[str, str], scores: Sequence[Scores], motifs: Sequence[Motif]
) -> None:
    import pandas as pd

    names = list(positives)
    bases = pd.concat(
        [
            pd.DataFrame({"sequence": name, "place": range(len(text)), "base": list(text), "score": values})
            for (name, text), values in zip(positives.items(), scores, strict=True)
        ]
    )
    tested = [
        {"motif": motif.bases} | asdict(motif.enrichment) | {"n_instances": len(motif.instances)} for motif in motifs
    ]
    columns = ["motif", "n_positive", "n_negative", "p_value", "p_fdr", "n_instances"]
    places = [
        (motif.bases, names[one.sequence], one.start, one.end, window)
        for motif in motifs
        for one, window in zip(motif.instances, motif.windows, strict=True)
    ]
    tables = {
        "scores": bases,
        "motifs": pd.DataFrame(tested, columns=columns),
        "instances": pd.DataFrame(places, columns=["motif", "sequence", "start", "end", "window"]),
    }
    for name, table in tables.items():
        text = table_text(table, separator="\t", float_format="%.10g")
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8")
