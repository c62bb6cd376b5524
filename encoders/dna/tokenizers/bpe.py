"""Pieces of several bases as DNABERT-2 reads them: byte-pair encoding from a checkpoint's own tokenizer.json.

An untrained model without a tokenizer.json reads pieces of a fixed length instead. Both number the special tokens
alike, and write [CLS] before and [SEP] after the pieces.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

from encoders.dna.checkpoints.pointers import refuse_pointer
from encoders.errors import InputError

SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
UNK, CLS, SEP, PAD, MASK = range(5)
"""As published; config.json knows another [PAD], or none."""

TokenIds = Int64[np.ndarray, " _n_tokens"]


@runtime_checkable
class PieceTokenizer(Protocol):
    """From bases in upper case to token ids between [CLS] and [SEP]; every piece stands for at least one base."""

    version: str
    vocabulary_size: int

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, those of [CLS] and [SEP] included."""
        ...


class BpeTokenizer:
    """Byte-pair encoding by a tokenizer.json. Each letter but upper-case A, C, G, T is one [UNK].

    Parameters
    ----------
    path : Path
        A tokenizer.json of byte-pair encoding whose special tokens are DNABERT-2's.

    Raises
    ------
    InputError
        The file is missing, is not JSON, cannot be used, or is the tokenizer of another model.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        text = _read_text(path)
        _check_layout(text, path)
        with _refused_if_unreadable(path):
            self._tokenizer = Tokenizer.from_str(text)
            self._tokenizer.no_truncation()
            self._tokenizer.no_padding()
            read = {letter: self._tokenizer.encode(letter).ids for letter in "ACGTN"}
        for letter, ids in read.items():
            if len(ids) != 3 or ids[0] != CLS or ids[2] != SEP or (ids[1] == UNK) != (letter == "N"):
                raise InputError(
                    f"DNABERT-2 reads a base as [CLS] (1), its own token, [SEP] (2), and N as [UNK] (0) between them; "
                    f"{path} makes the tokens {ids} of {letter}. It is the tokenizer of another model, or damaged: "
                    "download it again."
                )
        self.version = f"bpe-{hashlib.sha256(text.encode()).hexdigest()}"
        self.vocabulary_size: int = self._tokenizer.get_vocab_size()

    def encode(self, sequence: str) -> TokenIds:
        """Token ids. Text like ``[MASK]`` is read as that token: letters are the caller's part to check."""
        return np.array(self._tokenizer.encode(sequence).ids, dtype=np.int64)


class FixedPieceTokenizer:
    """Pieces of 5 bases, from the left, for models that no tokenizer was trained for.

    The vocabulary is the special tokens, then all pieces of 1 to 5 bases, shorter ones first, in alphabetical order.
    Each N is one [UNK] and ends a run; what is left of a run after its last whole piece is one shorter piece.
    """

    longest = 5

    def __init__(self) -> None:
        lengths = range(1, self.longest + 1)
        pieces = ["".join(bases) for length in lengths for bases in product("ACGT", repeat=length)]
        self._id_of = {piece: number for number, piece in enumerate(pieces, start=len(SPECIAL_TOKENS))}
        self._pattern = re.compile(f"[ACGT]{{1,{self.longest}}}|.")
        self.version = f"pieces-{self.longest}-1"
        self.vocabulary_size = len(SPECIAL_TOKENS) + len(pieces)

    def encode(self, sequence: str) -> TokenIds:
        """Token ids.

        Examples
        --------
        >>> from encoders.dna.tokenizers.bpe import FixedPieceTokenizer
        >>> FixedPieceTokenizer().encode("AAAAACNG").tolist()
        [1, 345, 6, 0, 7, 2]
        """
        pieces = self._pattern.findall(sequence)
        return np.array([CLS, *(self._id_of.get(piece, UNK) for piece in pieces), SEP], dtype=np.int64)


@contextmanager
def _refused_if_unreadable(path: Path) -> Iterator[None]:
    """What the library raises where a tokenizer cannot be read, or cannot be used as it stands, is one sentence."""
    try:
        yield
    except BaseException as error:  # it knows no narrower class, and what its Rust panics with is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(f"{path} cannot be read as a tokenizer ({error}); download it again.") from error


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"DNABERT-2 reads the tokenizer.json that its weights were trained with; there is no {path}.")
    refuse_pointer(path)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text ({error}); download it again.") from error


def _check_layout(text: str, path: Path) -> None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); download it again.") from error
    model = content.get("model") if isinstance(content, dict) else None
    if not isinstance(model, dict) or model.get("type") != "BPE" or not isinstance(model.get("vocab"), dict):
        raise InputError(f"{path} must be a tokenizer of byte-pair encoding (BPE) with its vocabulary; it is not.")
    found = {token: model["vocab"].get(token) for token in SPECIAL_TOKENS}
    if list(found.values()) != list(range(len(SPECIAL_TOKENS))):
        raise InputError(
            f"DNABERT-2 numbers its special tokens {dict(zip(SPECIAL_TOKENS, range(5), strict=True))}; {path} has "
            f"{found}. It is the tokenizer of another model."
        )
