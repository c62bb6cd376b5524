"""Tokenizers by the name that a configuration gives them, for models that bring none of their own code."""

from pathlib import Path

from encoders.dna.checkpoints.files import Checkpoint, fetch_file
from encoders.dna.tokenizers import single_base as base_tokenizer
from encoders.dna.tokenizers.framed_tokenizer import FramedTokenizer
from encoders.dna.tokenizers.kmer import KmerTokenizer
from encoders.dna.tokenizers.own_tokens import check_own_tokens, read_token_list
from encoders.dna.tokenizers.six_mer import (
    NUCLEOTIDE_TRANSFORMER_VARIANTS,
    NucleotideTransformerTokenizer,
    WholeSixMers,
)
from encoders.dna.tokenizers.vocabulary import JsonTokenizer, VocabularyTokenizer
from encoders.errors import InputError

GENERATED = ("kmer", "character")
"""Those whose list of tokens is known without a file."""

TOKENIZER_FILES = {"vocabulary": "vocab.txt", "bpe": "tokenizer.json"}
"""What the others read, beside the weights."""

_NT = "nt-"
TOKENIZERS = (
    *GENERATED,
    *TOKENIZER_FILES,
    *(_NT + variant for variant in NUCLEOTIDE_TRANSFORMER_VARIANTS),
    "generator",
)


def make_tokenizer(name: str, k: int, file: Path | None) -> FramedTokenizer:
    """Tokenizer of a name; `k` is the length of overlapping k-mers, `file` the one it reads.

    Raises
    ------
    InputError
        The file is missing, or does not hold this kind of tokenizer; k is not a length of k-mers.
    """
    if name == "generator":
        return WholeSixMers()
    if name.startswith(_NT):
        return NucleotideTransformerTokenizer(name.removeprefix(_NT))
    if name in GENERATED:
        return VocabularyTokenizer(generated_vocabulary(name, k), 1 if name == "character" else k, f"tokenizer {name}")
    if file is None or not file.is_file():
        raise InputError(f"The tokenizer {name!r} reads {TOKENIZER_FILES[name]} of the checkpoint; there is no {file}.")
    if name == "bpe":
        return JsonTokenizer(file)
    return VocabularyTokenizer(read_token_list(file), k, str(file))


def read_tokenizer(name: str, k: int, checkpoint: Checkpoint) -> FramedTokenizer:
    """Tokenizer of a name for a checkpoint, with the checkpoint's file where it reads one.

    Raises
    ------
    InputError
        As `make_tokenizer`; or a list of tokens beside the weights contradicts the generated one.
    """
    if name in TOKENIZER_FILES and checkpoint.revision is not None:  # on the hub
        return make_tokenizer(name, k, fetch_file(checkpoint.source, (TOKENIZER_FILES[name],), checkpoint.revision))
    tokenizer = make_tokenizer(name, k, checkpoint.weights.parent / TOKENIZER_FILES.get(name, ""))
    if name not in TOKENIZER_FILES:
        generated = generated_vocabulary(name, k) if name in GENERATED else getattr(tokenizer, "vocabulary", ())
        remedy = "Use tokenizer 'vocabulary' or 'bpe', which read the list of the checkpoint."
        check_own_tokens(checkpoint, generated[: tokenizer.vocabulary_size], f"The tokenizer {name!r}", remedy)
    return tokenizer


def generated_vocabulary(name: str, k: int) -> tuple[str, ...]:
    """Tokens of a generated tokenizer in the order of their ids.

    Raises
    ------
    InputError
        k is not from 1 to 8.
    """
    if name == "character":
        return (*base_tokenizer.SPECIAL_TOKENS, *base_tokenizer.BASES)
    if not 1 <= k <= 8:
        raise InputError(f"The tokenizer {name!r} needs k from 1 to 8; got {k}.")
    return KmerTokenizer(k).vocabulary()
