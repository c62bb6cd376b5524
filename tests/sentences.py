"""What a refusal looks like to a user."""

from collections.abc import Iterator
from contextlib import contextmanager

from analyses.errors import InputError as AnalysesError
from encoders.errors import InputError as EncodersError


@contextmanager
def or_one_sentence(beginning: str = "") -> Iterator[None]:
    """Within, input may be refused: in one line that ends as a sentence does. Any other error is the test's."""
    try:
        yield
    except (AnalysesError, EncodersError) as error:
        check_sentence(str(error), beginning)


def check_refusal(error: BaseException) -> None:
    """Raise AssertionError unless an error is a sentence, or a heading and several of them, one a line."""
    heading, *problems = str(error).split("\n  ") if hasattr(error, "problems") else [str(error)]
    if problems:
        assert heading.isprintable(), heading
        assert heading.endswith(" problems:"), heading
    for sentence in problems or [heading]:
        check_sentence(sentence)


def check_sentence(message: str, beginning: str = "") -> None:
    """Raise AssertionError unless a refusal is one printable line that ends as a sentence does."""
    assert message.startswith(beginning), message
    assert len(message) > len(beginning), message
    assert message.isprintable(), message
    assert message[-1] in ".?!)", message
