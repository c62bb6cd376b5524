"""Sequences longer than a model reads at once: tokenised once, read in windows that overlap, stitched.

Each token counts once, from the window in whose middle it lies most, and so has at least `margin` tokens of context
on either side wherever the sequence has them. A sequence that fits one window is read as if there were none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from encoders.dna.protocol import EncoderSpec, Vectors
from encoders.dna.registry import EncoderRequest
from encoders.errors import InputError

POLICIES = ("refuse", "stitch")


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `start` to `end` of a sequence, special ones not counted, of which `first` to `last` count.

    All four are numbered within the sequence; ends are exclusive.
    """

    start: int
    end: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How long sequences are read.

    Attributes
    ----------
    max_tokens : int
        Tokens of a window, special ones included.
    margin : int
        Least number of tokens between one that counts and an end of its window that is no end of the sequence.
    """

    max_tokens: int
    margin: int

    def windows(self, n_tokens: int, n_special: int) -> list[Window]:
        """Windows of a sequence: as few as possible, of equal length, evenly spread.

        Parameters
        ----------
        n_tokens : int
            Tokens of the sequence, special ones not counted.
        n_special : int
            Special tokens that every window gets.

        Examples
        --------
        >>> from encoders.dna.token_models.long_sequences import WindowPlan
        >>> for window in WindowPlan(max_tokens=8, margin=1).windows(11, n_special=2):
        ...     print(window)
        Window(start=0, end=6, first=0, last=4)
        Window(start=2, end=8, first=4, last=6)
        Window(start=5, end=11, first=6, last=11)
        """
        size = self.max_tokens - n_special
        if n_tokens <= size:
            return [Window(0, n_tokens, 0, n_tokens)]
        step = size - 2 * self.margin
        n_windows = -(-(n_tokens - 2 * self.margin) // step)
        starts = [index * (n_tokens - size) // (n_windows - 1) for index in range(n_windows)]
        middles = [(start + before + size) // 2 for before, start in pairwise(starts)]
        seams = [0, *middles, n_tokens]
        return [Window(start, start + size, *seam) for start, seam in zip(starts, pairwise(seams), strict=True)]


def take_long_options(request: EncoderRequest) -> tuple[EncoderRequest, Mapping[str, int] | None]:
    """Take the options about long sequences out of a request.

    Parameters
    ----------
    request : EncoderRequest
        Options ``long``, "refuse" (the default) or "stitch", and with the latter ``max_tokens`` and ``margin``.

    Returns
    -------
    request : EncoderRequest
        Without these options; with "refuse", ``max_tokens`` is left for the encoder to read.
    asked : mapping or None
        Those of the windows; None where long sequences are refused.

    Raises
    ------
    InputError
        An option has a value that it cannot have.
    """
    options = dict(request.options)
    policy = options.pop("long", "refuse")
    if policy not in POLICIES:
        raise InputError(f"Option 'long' of {request.name} must be 'refuse' or 'stitch'; got {policy!r}.")
    if policy == "refuse":
        if "margin" in options:
            raise InputError(f"Option 'margin' of {request.name} is for windows: set long='stitch', or leave it out.")
        return replace(request, options=options), None
    asked: dict[str, object] = {key: options.pop(key) for key in ("max_tokens", "margin") if key in options}
    read = replace(request, options=asked).read_options({"max_tokens": 0, "margin": 0})
    return replace(request, options=options), {key: read[key] for key in asked}


def plan_windows(
    spec: EncoderSpec, asked: Mapping[str, int] | None, default: WindowPlan, *, n_special: int
) -> tuple[EncoderSpec, WindowPlan | None]:
    """Plan of the windows, and the spec of an encoder that reads by it: nothing is too long for it.

    Parameters
    ----------
    spec : EncoderSpec
        Of the encoder that refuses long sequences; its `max_bp` and `min_bp` bound the tokens of a window.
    asked : mapping or None
        What `take_long_options` found.
    default : WindowPlan
        Values of what was not asked for; the margin is at most an eighth of the window then.
    n_special : int
        Special tokens that every window gets.

    Raises
    ------
    InputError
        The windows would be too long for the network, or hold no token that counts.
    """
    if asked is None:
        return spec, None
    longest = None if spec.max_bp is None else spec.max_bp - spec.min_bp + 1 + n_special
    fitting = default.max_tokens if longest is None else min(default.max_tokens, longest)
    max_tokens = asked.get("max_tokens", fitting)
    plan = WindowPlan(max_tokens, asked.get("margin", min(default.margin, max_tokens // 8)))
    if longest is not None and plan.max_tokens > longest:
        raise InputError(f"{spec.label} reads at most {longest} tokens at once; got max_tokens {plan.max_tokens}.")
    if plan.margin < 0 or plan.max_tokens - n_special <= 2 * plan.margin:
        raise InputError(
            f"A window of {spec.label} must hold {n_special} special tokens, two margins and a token between them; "
            f"got max_tokens {plan.max_tokens} and margin {plan.margin}."
        )
    settings = {"long": "stitch", "max_tokens": str(plan.max_tokens), "margin": str(plan.margin)}
    options = tuple(sorted((dict(spec.options) | settings).items()))
    return replace(spec, max_bp=None, options=options), plan


def stitch(vectors: Vectors, windows: Sequence[Window], pooling: str) -> np.ndarray:
    """One vector from those of a sequence's windows, each pooled over the tokens that count.

    Parameters
    ----------
    vectors : float32 array, shape (n_windows, hidden_dim)
        One per window.
    windows : sequence of Window
        Give the weights: the numbers of tokens that count.
    pooling : {"mean", "cls", "max"}
        "max": the largest value; "mean" and "cls": the mean weighted by tokens. So "mean" and "max" are those over
        all tokens of the sequence, and "cls" is the mean of the windows' first tokens.

    Returns
    -------
    float32 array, shape (hidden_dim,)
    """
    if len(windows) == 1:
        return np.asarray(vectors[0])
    if pooling == "max":
        return np.asarray(vectors.max(axis=0))
    n_counted = np.array([window.last - window.first for window in windows], dtype=np.float64)
    return np.asarray((n_counted @ vectors / n_counted.sum()).astype(np.float32))
