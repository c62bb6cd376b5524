"""Tokenizers that a checkpoint brings as data: a list of k-mers or bases, or a tokenizer.json. No remote code."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoders.dna.checkpoints.pointers import refuse_pointer
from encoders.dna.tokenizers.kmer import TokenIds
from encoders.errors import InputError

START, END, UNKNOWN, PADDING = "[CLS]", "[SEP]", ("[UNK]", "<unk>", "<oov>"), ("[PAD]", "<pad>")
"""Names that special tokens go by."""


class VocabularyTokenizer:
    """Overlapping k-mers by their place in a list; bases for k = 1. [CLS] and [SEP] around them, if the list has both.

    A k-mer that the list does not have is its [UNK]. Where it has k-mers in lower case alone, bases are read so.

    Parameters
    ----------
    vocabulary : sequence of str
        Tokens in the order of their ids.
    k : int
        Length of a k-mer.
    name : str
        What the list is, for messages.

    Raises
    ------
    InputError
        The list lacks a k-mer of A, C, G, T or a token for unknown ones.
    """

    stride = 1

    def __init__(self, vocabulary: Sequence[str], k: int, name: str) -> None:
        self._id_of = {token: number for number, token in enumerate(vocabulary)}
        self._is_lower = "A" * k not in self._id_of and "a" * k in self._id_of
        n_kmers = sum(len(token) == k and set(token.upper()) <= set("ACGT") for token in vocabulary)
        unknown_id = next((self._id_of[token] for token in UNKNOWN if token in self._id_of), None)
        if n_kmers != 4**k or unknown_id is None:
            raise InputError(
                f"A vocabulary of {k}-mers has {4**k} of A, C, G, T and one of {', '.join(UNKNOWN)}; {name} has "
                f"{n_kmers} and {'no' if unknown_id is None else 'a'} token for unknown ones. Correct tokenizer or k."
            )
        self.k = self.min_bp = k
        self._unknown_id = unknown_id
        self._frame = [self._id_of[token] for token in (START, END) if {START, END} <= self._id_of.keys()]
        self.n_before = self.n_after = len(self._frame) // 2
        self.pad_id = next((self._id_of[token] for token in PADDING if token in self._id_of), 0)
        self.vocabulary_size = len(vocabulary)
        self.version = f"vocabulary-{k}-{hashlib.sha256(chr(10).join(vocabulary).encode()).hexdigest()}"

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, special tokens included.

        Examples
        --------
        >>> from encoders.dna.tokenizers.vocabulary import VocabularyTokenizer
        >>> VocabularyTokenizer(["[UNK]", "A", "C", "G", "T"], 1, "these").encode("GATN").tolist()
        [3, 1, 4, 0]
        """
        bases = sequence.lower() if self._is_lower else sequence
        kmers = (bases[start : start + self.k] for start in range(len(bases) - self.k + 1))
        ids = [self._id_of.get(kmer, self._unknown_id) for kmer in kmers]
        return np.array([*self._frame[:1], *ids, *self._frame[1:]], dtype=np.int64)


class JsonTokenizer:
    """A tokenizer.json as it is, read by the library `tokenizers`; special tokens are those that it adds at the ends.

    Parameters
    ----------
    path : Path
        The tokenizer.json of the checkpoint.

    Raises
    ------
    InputError
        The file cannot be read, or reads nothing of a sequence.
    """

    min_bp = stride = 1

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        refuse_pointer(path)
        try:
            text = path.read_text("utf-8")
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library knows no narrower class
            raise InputError(f"{path} cannot be read as a tokenizer ({error}); download it again.") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        mask = self._tokenizer.encode("ACGT").special_tokens_mask
        if 0 not in mask:
            raise InputError(f"{path} reads nothing of ACGT; it is no tokenizer of DNA.")
        self.n_before, self.n_after = mask.index(0), mask[::-1].index(0)
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        self.pad_id: int = next((vocabulary[token] for token in PADDING if token in vocabulary), 0)
        self.vocabulary_size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self.version = f"tokenizers-{hashlib.sha256(text.encode()).hexdigest()}"
        self.vocabulary = tuple(sorted(vocabulary, key=vocabulary.__getitem__))
        self.ids = tuple(sorted(vocabulary.values()))

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, special tokens included."""
        return np.array(self._tokenizer.encode(sequence).ids, dtype=np.int64)
