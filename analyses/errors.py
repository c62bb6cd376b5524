"""The errors by which this package tells a user that the input, or what it needs around it, is at fault."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def printable(text: str, *, keep: str = "") -> str:
    """Text as a terminal may get it: control characters, and those that turn or hide others, are shown as escapes.

    Parameters
    ----------
    text : str
    keep : str
        Control characters of our own, such as a line end.

    Examples
    --------
    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class InputError(ValueError):
    """What was required, what came, which item, what to do: one sentence, shown without a traceback.

    Control characters that came with the input are shown as escapes, so that the sentence is one line in a terminal.
    """

    exit_code = 2

    def __str__(self) -> str:
        return printable(super().__str__())


class InputProblemsError(InputError):
    """Several things are wrong, and the user hears of all of them at once: one line each, under a heading.

    Parameters
    ----------
    heading : str
        Where they were found.
    problems : sequence of str
        At least one; a single one is a sentence like any other.

    Examples
    --------
    >>> print(InputProblemsError("a.yaml", ["line 2: sed is unknown.", "line 9: workers must be 1 or more."]))
    a.yaml: 2 problems:
      line 2: sed is unknown.
      line 9: workers must be 1 or more.
    """

    def __init__(self, heading: str, problems: Sequence[str]) -> None:
        super().__init__(heading, tuple(problems))
        self.heading, self.problems = heading, tuple(map(printable, problems))

    def __str__(self) -> str:
        heading = printable(self.heading)
        if len(self.problems) == 1:
            return f"{heading}{', ' if self.problems[0].startswith('line ') else ': '}{self.problems[0]}"
        return "\n  ".join([f"{heading}: {len(self.problems)} problems:", *self.problems])


class Problems:
    """Gathers what is wrong in steps that do not need one another.

    Parameters
    ----------
    heading : str
        Where they are looked for.

    Examples
    --------
    >>> problems = Problems("a.yaml")
    >>> for text in ("1", "two", "three"):
    ...     with problems.gathered():
    ...         _ = int(text) if text.isdigit() else problems.add(f"'{text}' is no number.")
    >>> try:
    ...     problems.tell()
    ... except InputError as error:
    ...     print(error)
    a.yaml: 2 problems:
      'two' is no number.
      'three' is no number.
    """

    def __init__(self, heading: str) -> None:
        self._heading = heading
        self._found: list[ValueError] = []

    def add(self, problem: str) -> None:
        """Note one."""
        self._found.append(InputError(problem))

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Note what input is at fault inside, and go on behind it."""
        from encoders.errors import InputError as EncodersError
        from fusion.errors import InputError as FusionError

        try:
            yield
        except UnavailableError:
            raise
        except (InputError, EncodersError, FusionError) as error:
            self._found.append(error)

    def tell(self) -> None:
        """Raise what was found: one problem as it came, several as `InputProblemsError`."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise InputProblemsError(self._heading, [str(error) for error in self._found])


class UnavailableError(InputError):
    """A service that is needed does not answer; nothing is wrong with the input, and what was finished is kept."""

    exit_code = 3
