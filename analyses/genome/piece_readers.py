"""The tokenizers that a run asks for; byte-pair encoding is learnt where no file of it is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analyses.genome.panel_pieces import outside_windows
from encoders.dna.pieces import PieceReader, bpe_reader, kmer_reader, learn_bpe, six_mer_reader
from encoders.errors import InputError
from encoders.publishing import published_file

if TYPE_CHECKING:
    from analyses.config.experiments import TokensConfig
    from analyses.genome.windows import Genome
    from encoders.genome.windows.haplotype_windows import WindowTable


def make_readers(
    settings: TokensConfig, genome: Genome, table: WindowTable, learnt: Path
) -> tuple[list[PieceReader], dict[str, str], str]:
    """Tokenizers as readers, why others are none, and where byte-pair encoding comes from.

    Parameters
    ----------
    settings : TokensConfig
    genome : Genome
    table : WindowTable
    learnt : Path
        Where a learnt tokenizer is written.

    Raises
    ------
    InputError
        A file that was given is no tokenizer.
    """
    readers: list[PieceReader] = []
    reasons: dict[str, str] = {}
    source = "not asked for"
    for name in dict.fromkeys(settings.tokenizers):
        if name == "kmer":
            readers.append(kmer_reader(settings.k))
        elif name == "six-mer":
            readers.append(six_mer_reader())
        elif settings.bpe is not None:
            source = f"{settings.bpe.parent.name}/{settings.bpe.name}"
            readers.append(bpe_reader(settings.bpe, f"BPE of {source}"))
        else:
            try:
                source = _learn(genome, table, settings.vocabulary_size, learnt)
                readers.append(bpe_reader(learnt, "BPE, learnt outside the windows"))
            except InputError as error:  # the others have their pieces nevertheless
                reasons[name] = source = f"nothing to learn pieces from: {error} Give tokens.bpe, a tokenizer.json."
    return readers, reasons, source


def _learn(genome: Genome, table: WindowTable, vocabulary_size: int, learnt: Path) -> str:
    """Pieces of reference bases outside the windows, so that no piece was chosen in what it is counted in."""
    with published_file(learnt) as temporary:
        n_bases = learn_bpe(outside_windows(genome, table), vocabulary_size, temporary)
    place = f"{learnt.parent.name}/{learnt.name}"
    return f"learnt from {n_bases:,} reference bases in and around the genes, outside their windows ({place})"
