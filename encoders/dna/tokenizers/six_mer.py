"""Six-mers that do not overlap, as Nucleotide Transformer and GENERator read them; no file is needed.

The two families differ in every rule: the numbering, what an N costs, what becomes of the last bases.
"""

import re
from itertools import product

import numpy as np

from encoders.dna.tokenizers.kmer import TokenIds
from encoders.errors import InputError

BASES = "ATCG"
"""The published order of the bases, which is not alphabetical."""

NUCLEOTIDE_TRANSFORMER_VARIANTS = ("v1", "v2", "v2-3mer")
_GENERATOR_SPECIALS = (
    "<oov> <s> </s> <pad> <mask> <bog> <eog> <bok> <eok> <+> <-> <cds> <pseudo> <tRNA> <rRNA> <ncRNA> <miscRNA> <mam> "
    "<vrt> <inv> <pln> <fng> <prt> <arc> <bct> <mit> <plt> <plm> <vir> <sp0> <sp1> <sp2>"
)
GENERATOR_SPECIALS = tuple(_GENERATOR_SPECIALS.split())


class NucleotideTransformerTokenizer:
    """Greedy reading from the left: a k-mer of A, C, G, T where one fits, else one base; <cls> first, no end token.

    An N is a token of its own, costs the bases before it single-base tokens, and shifts the frame after it. A run of
    anything else is one <unk>; whitespace is dropped, and text like ``<mask>`` is read as that token: cleaning
    sequences is the caller's part.

    Parameters
    ----------
    variant : {"v1", "v2", "v2-3mer"}
        Numbering: the id tables of v1 (and Agro-NT) and v2 have one length and differ in all k-mers by 2.
    """

    n_before, n_after = 1, 0
    pad_id = 1
    min_bp = 1

    def __init__(self, variant: str = "v2") -> None:
        if variant not in NUCLEOTIDE_TRANSFORMER_VARIANTS:
            known = ", ".join(NUCLEOTIDE_TRANSFORMER_VARIANTS)
            raise InputError(f"The tokenizer of Nucleotide Transformer must be one of {known}; got {variant!r}.")
        self.k = self.stride = 3 if variant == "v2-3mer" else 6
        self.version = f"nucleotide-transformer-{variant}-1"
        self.vocabulary = self._vocabulary(variant)
        self.vocabulary_size = len(self.vocabulary) - (2 if variant == "v1" else 0)  # v1 has no rows for <eos>, <bos>
        self._id_of = {token: number for number, token in enumerate(self.vocabulary)}
        special = "|".join(token for token in self.vocabulary if token.startswith("<"))
        self._pattern = re.compile(rf"{special}|[ACGT]{{{self.k}}}|[ACGTN]|(?:(?!{special})[^ACGTN\s])+")

    def _vocabulary(self, variant: str) -> tuple[str, ...]:
        kmers = ("".join(bases) for bases in product(BASES, repeat=self.k))
        start, end = ("<unk>", "<pad>", "<mask>", "<cls>"), ("<eos>", "<bos>")
        return (*start, *kmers, *BASES, "N", *end) if variant == "v1" else (*start, *end, *kmers, *BASES, "N")

    def encode(self, sequence: str) -> TokenIds:
        """Token ids.

        Examples
        --------
        >>> from encoders.dna.tokenizers.six_mer import NucleotideTransformerTokenizer
        >>> NucleotideTransformerTokenizer().encode("ATTCCGNA").tolist()
        [3, 369, 4106, 4102]
        """
        pieces = self._pattern.findall(sequence)
        return np.array([self._id_of["<cls>"], *(self._id_of.get(piece, 0) for piece in pieces)], dtype=np.int64)


class GeneratorTokenizer:
    """Steps of 6 letters; <s> first, no end token. A 6-mer with an N is <oov>, and the frame does not shift.

    What is left over at the 3' end (1 to 5 bases) is one <oov>: `WholeSixMers` leaves it out.
    """

    k = min_bp = stride = 6
    n_before, n_after = 1, 0
    pad_id = GENERATOR_SPECIALS.index("<pad>")
    version = "generator-6mer-1"

    def __init__(self) -> None:
        self.vocabulary = (*GENERATOR_SPECIALS, *map("".join, product(BASES, repeat=self.k)))
        self.vocabulary_size = len(self.vocabulary)
        self._id_of = {token: number for number, token in enumerate(self.vocabulary)}
        special = "|".join(re.escape(token) for token in GENERATOR_SPECIALS)
        self._pattern = re.compile(rf"{special}|[A-Z]{{1,{self.k}}}|.", re.DOTALL)

    def encode(self, sequence: str) -> TokenIds:
        """Token ids of the whole text, as published.

        Examples
        --------
        >>> from encoders.dna.tokenizers.six_mer import GeneratorTokenizer
        >>> GeneratorTokenizer().encode("AAAAAATTTTTTAC").tolist()
        [1, 32, 1397, 0]
        """
        pieces = self._pattern.findall(sequence)
        return np.array([self._id_of["<s>"], *(self._id_of.get(piece, 0) for piece in pieces)], dtype=np.int64)


class WholeSixMers(GeneratorTokenizer):
    """GENERator's tokenizer as an encoder reads it: the 1 to 5 bases after the last whole 6-mer are left out."""

    version = f"{GeneratorTokenizer.version}-whole"

    def encode(self, sequence: str) -> TokenIds:
        """Token ids of the whole 6-mers.

        Examples
        --------
        >>> from encoders.dna.tokenizers.six_mer import WholeSixMers
        >>> WholeSixMers().encode("AAAAAATTTTTTAC").tolist()
        [1, 32, 1397]
        """
        return super().encode(sequence[: len(sequence) // self.k * self.k])
