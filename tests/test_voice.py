"""Errors for bad input speak with one voice: a sentence, from its capital letter to its period."""

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("fusion", "encoders", "analyses")
NAMES = {"evo2", "masked-mean", "kmer-spectrum", "one-hot-dosage", "config.json"}
"""What a sentence may begin with beside names of the module's own and configuration keys."""


def _refusals(package: str) -> Iterator[tuple[str, list[str | None], set[str]]]:
    """Place and text of every InputError that is made, and the names of functions and parameters in its module."""
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {node.arg for node in nodes if isinstance(node, ast.arg | ast.keyword) and node.arg}
        names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InputError":
                yield f"{path.relative_to(REPOSITORY)}:{node.lineno}", _pieces(node.args[0]), names


def _pieces(message: ast.expr) -> list[str | None]:
    """Text of a message; None for what is filled in, or for all of it where it is made elsewhere."""
    values = message.values if isinstance(message, ast.JoinedStr) else [message]
    return [one.value if isinstance(one, ast.Constant) and isinstance(one.value, str) else None for one in values]


def _begins_well(text: str | None, names: set[str]) -> bool:
    if text is None or not text[0].islower():
        return True
    word = text.split()[0]
    is_key = word.endswith(":") or "." in word[:-1] or "_" in word
    return is_key or word.partition("=")[0] in NAMES | names or word == text


@pytest.mark.parametrize("package", PACKAGES)
def test_a_refusal_is_a_sentence(package: str) -> None:
    refusals = list(_refusals(package))
    assert len(refusals) > 50
    open_ended = [place for place, pieces, _ in refusals if pieces[-1] is not None and not pieces[-1].endswith(".")]
    assert open_ended == [], "a message ends with a period"
    uncapped = [place for place, pieces, names in refusals if not _begins_well(pieces[0], names)]
    assert uncapped == [], "a message begins with a capital letter, or with a name"
