"""The error by which this package tells a user that the input is at fault, and the one that says what has no answer."""


class InputError(ValueError):
    """What was required, what came, which item, what to do: one sentence, shown without a traceback.

    Control characters that came with the input are shown as escapes, so that the sentence is one line in a terminal.
    """

    def __str__(self) -> str:
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in super().__str__())


class NotDefinedError(ValueError):
    """These subjects cannot answer the question; the sentence says why, and stands in the result."""
