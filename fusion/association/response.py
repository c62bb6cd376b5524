"""What a score is held against: a case or not, an order of levels, a number, or the time until something happens."""

# ruff: noqa: F722

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray

from fusion.errors import InputError

ResponseKind = Literal["binary", "ordinal", "continuous", "time"]


@dataclass(frozen=True, eq=False)
class Response:
    """One outcome of every subject.

    Attributes
    ----------
    kind : {"binary", "ordinal", "continuous", "time"}
    values : float64 array, shape [n_subjects]
        0 and 1, codes 0, 1, ... of levels in their order, numbers, or times from 0 on.
    known : bool array, shape [n_subjects]
        Of whom it is known; the others' values are not read.
    happened : bool array, shape [n_subjects], optional
        Of a time: whether it ended with the event; False where it was not waited for any longer.

    Raises
    ------
    InputError
        A time without `happened`, or another kind with it.

    Examples
    --------
    >>> import numpy as np
    >>> Response("binary", np.array([0.0, 1.0, 1.0]), np.array([True, True, False])).n_known
    2
    """

    kind: ResponseKind
    values: Float64[np.ndarray, " n_subjects"]
    known: Bool[np.ndarray, " n_subjects"]
    happened: Bool[np.ndarray, " n_subjects"] | None = None

    def __post_init__(self) -> None:
        if (self.happened is None) == (self.kind == "time"):
            raise InputError(
                f"A response of kind time needs to know whether the event happened, and no other does; got kind "
                f"{self.kind!r}: give happened with times alone."
            )

    @property
    def rows(self) -> NDArray[np.intp]:
        """Subjects of whom it is known."""
        return np.flatnonzero(self.known)

    @property
    def n_known(self) -> int:
        """Their number."""
        return int(self.known.sum())

    def take(self, rows: NDArray[np.intp]) -> "Response":
        """The response of these subjects."""
        happened = None if self.happened is None else self.happened[rows]
        return Response(self.kind, self.values[rows], self.known[rows], happened)
