"""Which bases the last layer of DNABERT looks at from [CLS] (DNABERT-viz, https://doi.org/10.1093/bioinformatics/btab083).

Only the row of [CLS] is computed, from its query and the keys of all tokens: a number per token, where the published
code stores a matrix of all token pairs for each head and each sequence.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn

from encoders.dna.batching import make_buckets
from encoders.dna.protocol import SequenceEncoder
from encoders.dna.sequence_check import check_sequences
from encoders.dna.tokenizers.kmer import TokenIds
from encoders.dna.verification.seen_tokens import innermost, network
from encoders.errors import InputError

BATCH_TOKENS = 2048

KmerScores = Float64[np.ndarray, " _n_kmers"]
Scores = Float64[np.ndarray, " _n_bases"]
Progress = Callable[[int, int], object]


class ClsAttention:
    """Attention of the last layer from [CLS] to each k-mer, summed over the heads.

    A sequence longer than the network reads is read in windows of equal length that overlap by half; each k-mer has
    its score from the window in which it stands nearest to the middle.

    Parameters
    ----------
    encoder : SequenceEncoder
        DNABERT 3 to 6, trained or not.

    Raises
    ------
    InputError
        It is another encoder: the scores are defined for k-mers under BERT's attention only.
    """

    def __init__(self, encoder: SequenceEncoder) -> None:
        model = network(encoder)
        if encoder.spec.family != "DNABERT" or model is None:
            raise InputError(f"Attention scores are those of DNABERT 3 to 6; got {encoder.spec.label}.")
        self.spec = innermost(encoder).spec
        self.k = self.spec.min_bp
        self._bert: Any = model
        of_encoder: Any = innermost(encoder)  # its own tokens: a checkpoint may number k-mers in another order
        self._encode, self._pad_id = of_encoder.encode, of_encoder.pad_id

    def kmer_scores(self, sequences: Sequence[str], *, progress: Progress | None = None) -> list[KmerScores]:
        """Scores of the L - k + 1 k-mers of each sequence, in the order given.

        Parameters
        ----------
        sequences : sequence of str
            DNA of any length from k, any case.
        progress : callable or None
            Called with (windows done, windows to do).

        Raises
        ------
        InputError
            A sequence is too short, holds a letter that is no base, or mostly N.
        """
        cleaned = check_sequences(sequences, replace(self.spec, max_bp=None))
        plans = [_window_starts(len(bases) - self.k + 1, self._kmers_per_window) for bases in cleaned]
        windows = [
            self._encode(bases[start : start + self._kmers_per_window + self.k - 1])
            for bases, starts in zip(cleaned, plans, strict=True)
            for start in starts
        ]
        rows = iter(self._score_windows(windows, progress))
        return [_stitch([next(rows) for _ in starts], starts) for starts in plans]

    @property
    def _kmers_per_window(self) -> int:
        positions: int = self._bert.config.max_position_embeddings
        return positions - 2

    def _score_windows(self, windows: list[TokenIds], progress: Progress | None) -> list[KmerScores]:
        scores: list[KmerScores] = [np.empty(0)] * len(windows)
        n_done = 0
        for batch in make_buckets([len(ids) for ids in windows], BATCH_TOKENS):
            for index, row in zip(batch, self._forward([windows[index] for index in batch]), strict=True):
                scores[index] = row[1 : len(windows[index]) - 1]
            n_done += len(batch)
            if progress is not None:
                progress(n_done, len(windows))
        return scores

    @torch.inference_mode()
    def _forward(self, windows: list[TokenIds]) -> np.ndarray:
        device = next(self._bert.parameters()).device
        input_ids = nn.utils.rnn.pad_sequence([torch.from_numpy(ids) for ids in windows], True, self._pad_id).to(device)
        mask = (input_ids != self._pad_id).long()
        hidden = self._bert(input_ids, attention_mask=mask).hidden_states[-2]
        row: np.ndarray = cls_row(self._bert, hidden, mask).double().cpu().numpy()
        return row


def cls_row(model: nn.Module, hidden: Tensor, mask: Tensor) -> Tensor:
    """Attention from the first token in BERT's last layer, summed over the heads.

    Parameters
    ----------
    model : nn.Module
        BertModel.
    hidden : Tensor, shape (n_sequences, n_tokens, hidden_dim)
        Input of the last layer.
    mask : Tensor of 0 and 1, shape (n_sequences, n_tokens)
        0 at padding.

    Returns
    -------
    Tensor, shape (n_sequences, n_tokens)
        0 at padding; the others sum to the number of heads.
    """
    bert: Any = model
    attention, n_heads = bert.encoder.layer[-1].attention.self, bert.config.num_attention_heads
    query = attention.query(hidden[:, :1]).unflatten(-1, (n_heads, -1))
    key = attention.key(hidden).unflatten(-1, (n_heads, -1))
    logits = torch.einsum("nqhd,nthd->nht", query, key) / math.sqrt(query.shape[-1])
    logits = logits.masked_fill(mask[:, None] == 0, -torch.inf)
    return logits.softmax(dim=-1).sum(dim=1)


def nucleotide_scores(kmer_scores: KmerScores, k: int) -> Scores:
    """Score of each base: the mean over the k-mers that cover it.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.dna.attribution.attention import nucleotide_scores
    >>> nucleotide_scores(np.array([3.0, 1.0]), 2).tolist()
    [3.0, 2.0, 1.0]
    """
    covering = np.ones(k)
    scores: Scores = np.convolve(kmer_scores, covering) / np.convolve(np.ones(len(kmer_scores)), covering)
    return scores


def attention_scores(
    encoders: Sequence[SequenceEncoder], sequences: Sequence[str], *, progress: Progress | None = None
) -> list[Scores]:
    """Score of each base of each sequence: of unit length for one encoder, the sum of those of several (k = 3 to 6).

    Raises
    ------
    InputError
        No encoder was given, one is not DNABERT, or a sequence cannot be read.
    """
    if not encoders:
        raise InputError("Attention scores need at least one DNABERT encoder; none was given.")
    total: list[Scores] = [np.zeros(len(sequence)) for sequence in sequences]
    for number, encoder in enumerate(encoders):
        attention = ClsAttention(encoder)
        count = _part_of(progress, number, len(encoders))
        for index, kmers in enumerate(attention.kmer_scores(sequences, progress=count)):
            scores = nucleotide_scores(kmers, attention.k)
            total[index] = total[index] + scores / np.linalg.norm(scores)
    return total


def _part_of(progress: Progress | None, number: int, n: int) -> Progress | None:
    """Progress of one of several encoders as that of all."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, n * total)


def _window_starts(n_kmers: int, per_window: int) -> list[int]:
    """First k-mer of each window; the last window ends with the sequence, so that all are of one length."""
    if n_kmers <= per_window:
        return [0]
    last = n_kmers - per_window
    return [*range(0, last, per_window // 2), last]


def _stitch(rows: list[KmerScores], starts: list[int]) -> KmerScores:
    """Each k-mer from the window whose middle is nearest."""
    n_kmers = starts[-1] + len(rows[-1])
    middles = np.array(starts) + (len(rows[0]) - 1) / 2
    nearest = np.abs(np.arange(n_kmers)[:, None] - middles).argmin(axis=1)
    table = np.full((len(rows), n_kmers), np.nan)
    for window, start, row in zip(table, starts, rows, strict=True):
        window[start : start + len(row)] = row
    stitched: KmerScores = table[nearest, np.arange(n_kmers)]
    return stitched
