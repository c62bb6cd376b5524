"""The contract of an encoder as a battery of named checks, to be run on any encoder, ours or a third party's."""

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from encoders.dna.protocol import EncoderSpec, SequenceEncoder
from encoders.dna.verification.seen_tokens import hidden_state, innermost, network, seen_ids, special_counts
from encoders.errors import InputError
from encoders.genome.sequences import reverse_complement

BATCH_TOLERANCE = 2e-5
STRAND_TOLERANCE = 1e-6
REDUCED_PRECISION, GPU = 1000.0, 5.0
"""How much more a vector may change where values have 8 bits, and where a GPU chooses the order of sums by shape."""

LONG_BP = 5000
"""Length tried where an encoder names no limit."""

N_SEQUENCES = 7
_SEED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract, and whether it is kept; `detail` says how it is broken."""

    name: str
    passed: bool
    detail: str

    @property
    def hint(self) -> str:
        """Where to look for the fault."""
        return HINTS[self.name]


def check_encoder(encoder: SequenceEncoder, names: Collection[str] | None = None) -> list[Check]:
    """Run the battery.

    Parameters
    ----------
    encoder : SequenceEncoder
        Any encoder. An error that it raises where it should not is a broken promise, not an error of the battery.
    names : collection of str or None
        Some of `CHECKS`; all of them if not given.

    Returns
    -------
    list of Check
        In the order of `CHECKS`; all of them, whether passed or not.
    """
    return [_run(name, find, encoder) for name, find in CHECKS.items() if names is None or name in names]


def _run(name: str, find_problem: Callable[[SequenceEncoder], str], encoder: SequenceEncoder) -> Check:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sequences with N are embedded on purpose
        try:
            detail = find_problem(encoder)
        except (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError, AttributeError) as error:
            detail = f"raised {type(error).__name__}: {error}"
    return Check(name, passed=not detail, detail=detail)


def _sequence(length: int, seed: int = _SEED) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def _sequences(spec: EncoderSpec) -> list[str]:
    """Sequences of different lengths within the limits."""
    longest = min(spec.max_bp or 300, 300)
    shortest = min(spec.min_bp + 20, longest)
    lengths = np.linspace(shortest, longest, N_SEQUENCES).astype(int).tolist()
    return [_sequence(length, seed) for seed, length in enumerate(lengths)]


def rounding(encoder: SequenceEncoder, vectors: np.ndarray) -> float:
    """How many times a tolerance may be exceeded: for values above 1, on a GPU, and in fewer bits than float32."""
    largest = max(1.0, float(np.abs(vectors).max(initial=0)))
    if encoder.spec.dtype != "float32":
        return REDUCED_PRECISION * largest
    model = network(encoder)
    on_cpu = model is None or all(parameter.device.type == "cpu" for parameter in model.parameters())
    return largest if on_cpu else GPU * largest


def _shape(encoder: SequenceEncoder) -> str:
    for sequences in (_sequences(encoder.spec), []):
        found, expected = encoder.embed(sequences).shape, (len(sequences), encoder.spec.hidden_dim)
        if found != expected:
            return f"{len(sequences)} sequences must give shape {expected}; got {found}"
    return ""


def _dtype(encoder: SequenceEncoder) -> str:
    dtype = encoder.embed(_sequences(encoder.spec)).dtype
    return "" if dtype == np.float32 else f"vectors must be float32; got {dtype}"


def _finite(encoder: SequenceEncoder) -> str:
    finite = np.isfinite(encoder.embed(_sequences(encoder.spec)))
    return "" if finite.all() else f"{int((~finite).sum())} values are NaN or infinite"


def _deterministic(encoder: SequenceEncoder) -> str:
    sequences = _sequences(encoder.spec)
    first, second = encoder.embed(sequences), encoder.embed(sequences)
    return "" if np.array_equal(first, second) else f"two runs differ by {np.abs(first - second).max():.1e}"


def _batch_invariant(encoder: SequenceEncoder) -> str:
    sequences = _sequences(encoder.spec)
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    rng, allowed = np.random.default_rng(_SEED), BATCH_TOLERANCE * rounding(encoder, alone)
    for _ in range(10):
        chosen = rng.integers(0, N_SEQUENCES, rng.integers(2, 2 * N_SEQUENCES))
        error = np.abs(encoder.embed([sequences[index] for index in chosen]) - alone[chosen]).max()
        if not error <= allowed:
            return f"a vector changes by {error:.1e} with the sequences beside it (allowed: {allowed:.1e})"
    return ""


def _strands(encoder: SequenceEncoder) -> str:
    """Each sequence alone, so that a fault of batches is not taken for one of strands."""
    if not encoder.spec.reads_both_strands:
        return ""
    sequences = _sequences(encoder.spec)
    forward = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    backward = np.concatenate([encoder.embed([reverse_complement(sequence)]) for sequence in sequences])
    error = np.abs(forward - backward).max()
    if error <= STRAND_TOLERANCE * rounding(encoder, forward):
        return ""
    return f"rc_mode is {encoder.spec.rc_mode!r}, but the two strands differ by {error:.1e}"


def _too_long(encoder: SequenceEncoder) -> str:
    if encoder.spec.max_bp is None:
        return ""
    return _refusal(encoder, _sequence(encoder.spec.max_bp + 1), "a sequence of max_bp + 1")


def _too_short(encoder: SequenceEncoder) -> str:
    too_short = _refusal(encoder, _sequence(encoder.spec.min_bp - 1), "a sequence of min_bp - 1")
    return too_short or _refusal(encoder, "", "an empty sequence")


def _limits(encoder: SequenceEncoder) -> str:
    """Both limits can be reached, and at the upper one the last base still counts."""
    spec = encoder.spec
    encoder.embed([_sequence(spec.min_bp)])
    head = _sequence((spec.max_bp or LONG_BP) - spec.min_bp)
    one, other = encoder.embed([head + "A" * spec.min_bp, head + "C" * spec.min_bp])
    return "the end of a sequence of max_bp changes nothing: it was truncated" if np.array_equal(one, other) else ""


def _letters(encoder: SequenceEncoder) -> str:
    sequences = _sequences(encoder.spec)
    expected = encoder.embed(sequences)
    error = np.abs(encoder.embed([one.lower().replace("t", "u") for one in sequences]) - expected).max()
    if not error <= STRAND_TOLERANCE * rounding(encoder, expected):
        return f"lower-case RNA must be read as upper-case DNA; the vectors differ by {error:.1e}"
    return _refusal(encoder, f"{sequences[-1][1:]}!", "a letter that is no base")


def _unknown_bases(encoder: SequenceEncoder) -> str:
    sequence = _sequences(encoder.spec)[-1]
    (vector,) = encoder.embed([f"N{sequence[1:]}"])
    if not np.isfinite(vector).all():
        return "one N makes the vector NaN or infinite"
    return _refusal(encoder, "N" * len(sequence), "a sequence of N alone")


def _special_tokens(encoder: SequenceEncoder) -> str:
    """Seen only where the encoder shows its network: the vector is compared with both ways of pooling its tokens."""
    spec, sequence = innermost(encoder).spec, _sequences(encoder.spec)[0]
    counts = special_counts(encoder, sequence) if network(encoder) is not None and spec.pooling == "mean" else None
    ids = seen_ids(encoder, sequence)
    if counts is None or ids is None or not any(counts):
        return ""
    hidden = hidden_state(encoder, ids, spec.layer).numpy()
    (vector,) = innermost(encoder).embed([sequence])
    if hidden.shape[1] == 2 * len(vector):  # both strands side by side, the second with its channels reversed
        hidden = (hidden[:, : len(vector)] + hidden[:, : -len(vector) - 1 : -1]) / 2
    of_bases = hidden[counts[0] : len(ids) - counts[1]].mean(axis=0)
    of_all = hidden.mean(axis=0)
    if np.abs(vector - of_all).max() < min(
        np.abs(vector - of_bases).max(), 10 * BATCH_TOLERANCE * rounding(encoder, hidden)
    ):
        return f"the vector is the mean over all {len(ids)} tokens, {sum(counts)} of them special"
    return ""


def _fingerprint(encoder: SequenceEncoder) -> str:
    spec = encoder.spec
    changed: dict[str, EncoderSpec] = {
        "nothing": spec,
        "name": replace(spec, name=f"{spec.name}-x"),
        "hidden_dim": replace(spec, hidden_dim=spec.hidden_dim + 1),
        "revision": replace(spec, revision=f"{spec.revision}-x"),
        "weights_sha256": replace(spec, weights_sha256="0" * 64),
        "tokenizer_version": replace(spec, tokenizer_version=f"{spec.tokenizer_version}-x"),
        "pooling": replace(spec, pooling=f"{spec.pooling}-x"),
        "layer": replace(spec, layer=spec.layer + 1),
        "rc_mode": replace(spec, rc_mode="average" if spec.rc_mode != "average" else "forward"),
        "dtype": replace(spec, dtype=f"{spec.dtype}-x"),
        "max_bp": replace(spec, max_bp=(spec.max_bp or 0) + 1),
        "options": replace(spec, options=(*spec.options, ("x", "1"))),
    }
    prints = {setting: one.fingerprint for setting, one in changed.items()}
    same = [f"{one} and {other}" for one, other in combinations(prints, 2) if prints[one] == prints[other]]
    return f"one fingerprint for a change of {'; of '.join(same)}" if same else ""


def _refusal(encoder: SequenceEncoder, sequence: str, what: str) -> str:
    """Problem unless the encoder refuses the sequence with an InputError."""
    try:
        encoder.embed([sequence])
    except InputError:
        return ""
    return f"{what} must raise InputError; a vector came"


CHECKS: dict[str, Callable[[SequenceEncoder], str]] = {
    "shape": _shape,
    "dtype": _dtype,
    "finite": _finite,
    "deterministic": _deterministic,
    "batch invariant": _batch_invariant,
    "strands": _strands,
    "too long raises": _too_long,
    "too short raises": _too_short,
    "limits are true": _limits,
    "letters": _letters,
    "unknown bases": _unknown_bases,
    "special tokens": _special_tokens,
    "fingerprint": _fingerprint,
}


# For each check of the contract, where to look for the fault behind it.
HINTS: dict[str, str] = {
    "shape": "embed must return one row per sequence, also for none, as wide as spec.hidden_dim.",
    "dtype": "Return float32, whatever the computation uses.",
    "finite": "Look for a division by zero tokens, an overflow in half precision, or damaged weights.",
    "deterministic": "Switch dropout off (model.eval()) and draw nothing at random in embed.",
    "batch invariant": "Is the attention mask ignored, or padding pooled? Padding must change no vector.",
    "strands": "spec.rc_mode promises one vector for both strands; say 'forward' or average the pooled vectors.",
    "too long raises": "Raise InputError above spec.max_bp; never truncate.",
    "too short raises": "Raise InputError below spec.min_bp; specials alone are no embedding.",
    "limits are true": "spec.max_bp is more than is read: the input is truncated, or positions run out.",
    "letters": "Upper-case, read U as T, and refuse what is no base (encoders.dna.sequence_check.check_sequences).",
    "unknown bases": "Read a few N as unknown, and refuse a sequence of N alone.",
    "special tokens": "Leave [CLS], [SEP] and the like out of the mean.",
    "tokenizer": "The token ids are not those that the published tokenizer gives.",
    "fingerprint": "Every setting that decides the vectors must be in the spec and change its fingerprint.",
}
