"""Protocol of a tokenizer with its own frame of special tokens."""

from typing import Protocol, runtime_checkable

from encoders.dna.tokenizers.kmer import TokenIds


@runtime_checkable
class FramedTokenizer(Protocol):
    """From bases in upper case to token ids, the first `n_before` and the last `n_after` of which are special."""

    @property
    def version(self) -> str:
        """Version of the rule."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids that a network must have."""
        ...

    @property
    def min_bp(self) -> int:
        """Fewest bases that give a token."""
        ...

    @property
    def stride(self) -> int:
        """Bases from the start of one token to that of the next, at most."""
        ...

    @property
    def n_before(self) -> int:
        """Special tokens before the bases."""
        ...

    @property
    def n_after(self) -> int:
        """Special tokens after the bases."""
        ...

    @property
    def pad_id(self) -> int:
        """Token id of padding."""
        ...

    def encode(self, sequence: str) -> TokenIds:
        """Token ids, special tokens included."""
        ...
