"""Byte-pair encoding learnt from sequences, in the layout in which DNABERT-2 has its tokenizer.json."""

import re
from collections.abc import Iterable
from pathlib import Path

from encoders.dna.tokenizers.bpe import SPECIAL_TOKENS
from encoders.errors import InputError

MIN_BASES = 10_000
"""Fewer bases teach pieces of their own alone."""

_RUN = re.compile("[ACGT]+")


def learn_bpe(sequences: Iterable[str], vocabulary_size: int, path: Path) -> int:
    """Learn pieces and write them as a tokenizer.json, which an untrained ``dnabert2`` reads as well.

    Parameters
    ----------
    sequences : iterable of str
        Upper case; letters other than A, C, G, T end a run.
    vocabulary_size : int
        Pieces, special tokens included.
    path : Path

    Returns
    -------
    int
        Bases that it was learnt from.

    Raises
    ------
    InputError
        There are too few bases, or the vocabulary has no room for a merge.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    least = len(SPECIAL_TOKENS) + 5
    if vocabulary_size < least:
        raise InputError(f"A vocabulary of pieces needs at least {least} of them; got {vocabulary_size}.")
    runs = [run for sequence in sequences for run in _RUN.findall(sequence)]
    n_bases = sum(map(len, runs))
    if n_bases < MIN_BASES:
        raise InputError(f"Pieces are learnt from at least {MIN_BASES:,} known bases; got {n_bases:,}.")
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL_TOKENS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=list("ACGT"),
        show_progress=False,
    )
    tokenizer.train_from_iterator(runs, trainer)
    start, end = SPECIAL_TOKENS[1], SPECIAL_TOKENS[2]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)]
    )
    path.write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    return n_bases
