"""Byte-pair encoding against the rule itself, written down slowly, and against the library on its own."""

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from encoders.dna.tokenizers.bpe import CLS, SEP, UNK, BpeTokenizer
from encoders.errors import InputError

N_STRINGS = 10_000


@pytest.fixture(scope="module")
def strings() -> list[str]:
    """Mostly bases, with N, lower case, other letters and whitespace in between."""
    rng = np.random.default_rng(5)
    letters = np.array(list("ACGT" * 12 + "NNacgtRU \t\n"))
    return ["".join(rng.choice(letters, length)) for length in rng.integers(0, 60, N_STRINGS)]


def encode_slowly(text: str, vocabulary: dict[str, int], ranks: dict[tuple[str, str], int]) -> list[int]:
    """Join the best-ranked pair of neighbours until none is left; an unknown letter joins nothing."""
    ids = []
    for word in re.findall(r"\w+|[^\w\s]+", text):
        pieces = list(word)
        while len(pieces) > 1:
            pairs = [ranks.get(pair, len(ranks)) for pair in pairwise(pieces)]
            best = int(np.argmin(pairs))
            if pairs[best] == len(ranks):
                break
            pieces[best : best + 2] = [pieces[best] + pieces[best + 1]]
        ids += [vocabulary.get(piece, UNK) for piece in pieces]
    return [CLS, *ids, SEP]


def _assert_read_by_the_rule(path: Path, strings: list[str]) -> None:
    model = json.loads(path.read_text())["model"]
    merges = [tuple(one.split(" ")) if isinstance(one, str) else tuple(one) for one in model["merges"]]
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    tokenizer = BpeTokenizer(path)
    for text in strings:
        assert tokenizer.encode(text).tolist() == encode_slowly(text, model["vocab"], ranks), text


def _assert_read_as_by_the_library(path: Path, strings: list[str]) -> None:
    library, tokenizer = Tokenizer.from_file(str(path)), BpeTokenizer(path)
    for text in strings:
        assert tokenizer.encode(text).tolist() == library.encode(text).ids, text
    assert len(tokenizer.encode("ACGT" * 5000)) > 2000


def test_ten_thousand_strings_are_read_by_the_rule(strings: list[str], bpe_tokenizer: Path) -> None:
    _assert_read_by_the_rule(bpe_tokenizer, strings)


def test_nothing_is_cut_or_padded_that_the_library_would_not(strings: list[str], bpe_tokenizer: Path) -> None:
    _assert_read_as_by_the_library(bpe_tokenizer, strings[:500])


def test_the_published_tokenizer_is_read_by_the_rule_and_as_by_the_library(
    strings: list[str], published_data: Path
) -> None:
    path = published_data / "tokenizers/dnabert2/tokenizer.json"
    _assert_read_by_the_rule(path, strings)
    _assert_read_as_by_the_library(path, strings[:500])


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        pytest.param("post_processor", None, r"makes the tokens \[5\] of A", id="nothing around the pieces"),
        pytest.param("normalizer", {"type": "Lowercase"}, r"makes the tokens \[1, 0, 2\] of A", id="lower case"),
        pytest.param("special_tokens", {"1": {"id": "[SEP]", "ids": [2], "tokens": ["[SEP]"]}}, "", id="a lost token"),
    ],
)
def test_a_tokenizer_that_reads_bases_otherwise_is_refused(
    key: str, value: object, words: str, bpe_tokenizer: Path, tmp_path: Path
) -> None:
    """The last one makes the library panic, when it reads its first sequence."""
    content = json.loads(bpe_tokenizer.read_text())
    (content["post_processor"] if key == "special_tokens" else content)[key] = value
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=words or "cannot be read as a tokenizer"):
        BpeTokenizer(tmp_path / "tokenizer.json")
