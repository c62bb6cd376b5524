"""The errors by which this package tells a user that the input, or what it needs around it, is at fault."""


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


class UnavailableError(InputError):
    """A service that is needed does not answer; nothing is wrong with the input, and what was finished is kept."""

    exit_code = 3
