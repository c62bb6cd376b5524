"""The errors by which this package tells a user that the input, or what it needs around it, is at fault."""


class InputError(ValueError):
    """What was required, what came, which item, what to do: one sentence, shown without a traceback."""

    exit_code = 2


class UnavailableError(InputError):
    """A service that is needed does not answer; nothing is wrong with the input, and what was finished is kept."""

    exit_code = 3
