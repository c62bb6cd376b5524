"""What each encoder does with a sequence that is no plain window of A, C, G, T: one policy, one sentence, for all."""

import numpy as np
import pytest

from encoders import InputError, load_encoder
from encoders.dna.protocol import SequenceEncoder

BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
CADUCEUS = {"d_model": 12, "n_layer": 2}
SIZES: dict[str, dict[str, int]] = {
    "kmer-spectrum": {"k": 3},
    "untrained:dnabert-3": BERT,
    "untrained:dnabert-6": BERT,
    "untrained:dnabert2": BERT | {"max_tokens": 400},
    "untrained:caduceus-ph": CADUCEUS,
    "untrained:caduceus-ps": CADUCEUS,
    "untrained:hyenadna": {"d_model": 12, "n_layer": 2, "d_inner": 20, "max_seq_len": 400},
}
PLAIN = "ACGTTGCAACGGATTACAGCTTGACCATGCAGTCAAGC"


@pytest.fixture(params=[(name, rc) for name in SIZES for rc in ("forward", "average")], ids="-".join, scope="module")
def encoder(request: pytest.FixtureRequest) -> SequenceEncoder:
    name, rc = request.param
    return load_encoder(name, rc=rc, device="cpu", **SIZES[name])  # type: ignore[arg-type]


@pytest.mark.parametrize("sequence", [PLAIN.lower(), PLAIN.replace("T", "U"), PLAIN.lower().replace("t", "u")])
def test_soft_masked_and_rna_are_read_as_dna(encoder: SequenceEncoder, sequence: str) -> None:
    np.testing.assert_array_equal(encoder.embed([sequence]), encoder.embed([PLAIN]))


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_an_ambiguity_code_is_read_as_n(encoder: SequenceEncoder) -> None:
    codes, unknown = (f"{PLAIN[:18]}{letter}{PLAIN[19:]}" for letter in "RN")
    np.testing.assert_array_equal(encoder.embed([codes]), encoder.embed([unknown]))


@pytest.mark.parametrize(
    ("sequence", "words"),
    [
        ("", r"needs sequences of at least \d bp; sequence 1 has 0\. Leave it out or lengthen it\."),
        ("N" * 40, r"at least half of a sequence to be readable; in sequence 1 100% .* Leave this sequence out\."),
        (f"{PLAIN[:9]}{'N' * 70}{PLAIN[:9]}", r"at least half of a sequence to be readable; in sequence 1 \d\d% "),
        (f"{PLAIN}?", r"Sequence 1: A DNA sequence holds only A, C, G, T, N and IUPAC codes; got '\?'"),
        ("ACGT ACGT", r"Sequence 1: A DNA sequence holds only .* got ' '"),
        ("ACGT[MASK]ACGT", r"Sequence 1: A DNA sequence holds only .* got '\['"),
    ],
    ids=["empty", "all N", "mostly N", "another letter", "whitespace", "a special token's text"],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(encoder: SequenceEncoder, sequence: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        encoder.embed([PLAIN, sequence])


def test_too_short_is_refused(encoder: SequenceEncoder) -> None:
    shortest = encoder.spec.min_bp
    assert encoder.embed([PLAIN[:shortest]]).shape == (1, encoder.spec.hidden_dim)
    with pytest.raises(InputError, match=f"at least {shortest} bp; sequence 1 has {shortest - 1}"):
        encoder.embed([PLAIN, PLAIN[: shortest - 1]])


def test_too_long_is_refused_and_never_truncated(encoder: SequenceEncoder) -> None:
    longest = encoder.spec.max_bp
    if longest is None:
        assert encoder.embed([PLAIN * 30]).shape == (1, encoder.spec.hidden_dim), "no limit"
        return
    too_long = (PLAIN * 30)[: longest + 1]
    with pytest.raises(InputError, match=f"at most {longest} bp at once and never truncates; sequence 1 has"):
        encoder.embed([PLAIN, too_long])


def test_a_few_n_warn(encoder: SequenceEncoder) -> None:
    with pytest.warns(UserWarning, match=r"more than 5% of the \d-mers hold an N or an ambiguity code"):
        encoder.embed([PLAIN, f"{PLAIN[:16]}NNN{PLAIN[19:]}"])
