"""The tokens that a checkpoint lists beside its weights: they say what each row of its embedding stands for."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from encoders.dna.checkpoints.configuration import read_json_object
from encoders.dna.checkpoints.files import Checkpoint, find_beside
from encoders.dna.checkpoints.pointers import refuse_pointer
from encoders.dna.tokenizers import single_base
from encoders.errors import InputError

_ORDER = single_base.BASES

LISTS = ("vocab.txt", "tokenizer.json", "vocab.json")
"""Files that number tokens; where there are several they must agree."""


def read_token_list(path: Path) -> tuple[str, ...]:
    """Tokens of a vocab.txt, one a line: the number of a token is that of its line, counted from 0.

    Raises
    ------
    InputError
        It is no text, or lists a token twice.
    """
    refuse_pointer(path)
    try:
        tokens = path.read_text("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text ({error}); download it again.") from error
    tokens = [token.strip() for token in tokens]
    if repeated := next((token for token in tokens if token and tokens.count(token) > 1), None):
        raise InputError(f"A list of tokens has each once; {path} has {repeated!r} twice, so its number is open.")
    return tuple(tokens)


def own_tokens(checkpoint: Checkpoint) -> tuple[Path, dict[str, int]] | None:
    """File and numbers of the tokens that a checkpoint lists; None where it lists none.

    Raises
    ------
    InputError
        A list cannot be read, or two of them number a token differently.
    """
    paths = [path for name in LISTS if (path := find_beside(checkpoint, name)) is not None]
    listed = [(path, _read_numbers(path)) for path in paths]
    for path, numbers in listed[1:]:
        first_path, first = listed[0]
        token = next((token for token, number in first.items() if numbers.get(token, number) != number), None)
        if token is not None or (len(first) == len(numbers) and first.keys() != numbers.keys()):
            raise InputError(
                f"Lists of tokens must agree; {first_path} and {path.name} number {token or 'different tokens'} "
                "otherwise: keep the one that the weights were trained with."
            )
    return listed[0] if listed else None


def check_own_tokens(
    checkpoint: Checkpoint, expected: Iterable[str], reader: str, remedy: str, *, only: str = ""
) -> None:
    """Require the tokens that a checkpoint lists to have the numbers that a tokenizer gives them.

    Parameters
    ----------
    checkpoint : Checkpoint
        Its folder, or its commit on the hub, is looked at.
    expected : iterable of str
        Tokens in the order of their numbers.
    reader, remedy : str
        Who numbers so, and what to do instead, for the message.
    only : str
        Tokens that matter, each one letter; all where empty.

    Raises
    ------
    InputError
        A token is listed with another number, or is not listed.
    """
    listed = own_tokens(checkpoint)
    if listed is None:
        return
    path, numbers = listed
    for number, token in enumerate(expected):
        if numbers.get(token) != number and (not only or token in only):
            found = f"has it as {numbers[token]}" if token in numbers else "lacks it"
            raise InputError(
                f"{reader} numbers its tokens otherwise than {path}: {token} is {number}, the file {found}. {remedy}"
            )


def check_single_bases(checkpoint: Checkpoint, name: str) -> None:
    """Require a checkpoint of single bases to number them as its family does, where it says how.

    Raises
    ------
    InputError
        It numbers them otherwise.
    """
    letters = (*single_base.SPECIAL_TOKENS, *single_base.BASES)
    remedy = "Give the files that the weights were published with."
    check_own_tokens(checkpoint, letters, name, remedy, only=single_base.BASES)
    settings = find_beside(checkpoint, "tokenizer_config.json")
    characters = None if settings is None else read_json_object(settings).get("characters")
    if characters is not None and (not isinstance(characters, list) or "".join(map(str, characters)) != _ORDER):
        raise InputError(f"{name} numbers the bases in the order {_ORDER}; {settings} has {characters}. {remedy}")


def _read_numbers(path: Path) -> dict[str, int]:
    if path.suffix == ".txt":
        return {token: number for number, token in enumerate(read_token_list(path)) if token}
    content = read_json_object(path)
    numbers = content if path.name == "vocab.json" else _numbers_of_tokenizer(content)
    if not numbers or not all(isinstance(number, int) for number in numbers.values()):
        raise InputError(f"{path} must number its tokens; it does not: download it again.")
    return dict(numbers)


def _numbers_of_tokenizer(content: Mapping[str, Any]) -> dict[str, Any]:
    model, added = content.get("model"), content.get("added_tokens")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list):  # each token with its score
        vocabulary = {str(one[0]): number for number, one in enumerate(vocabulary) if isinstance(one, list) and one}
    more = [one for one in added if isinstance(one, dict)] if isinstance(added, list) else []
    return (vocabulary if isinstance(vocabulary, dict) else {}) | {
        one["content"]: one["id"] for one in more if isinstance(one.get("content"), str) and "id" in one
    }
