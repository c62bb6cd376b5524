"""The one error by which this package tells a user that the input is at fault."""


class InputError(ValueError):
    """What was required, what came, which item, what to do: one sentence, shown without a traceback."""
