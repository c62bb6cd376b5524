"""The one error by which this package tells a user that the input is at fault."""


class InputError(ValueError):
    """What was required, what came, which item, what to do: one sentence, shown without a traceback.

    Control characters that came with the input are shown as escapes, so that the sentence is one line in a terminal.
    """

    def __str__(self) -> str:
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in super().__str__())
