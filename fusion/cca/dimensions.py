"""How many leading components CCA takes, so that its answer can mean something."""

from fusion.arrays import Real
from fusion.errors import InputError

Dimensions = int | str
"""A number of components, or "auto"."""


def choose_dimensions(n_effective: int, x_available: int, y_available: int, *, min_ratio: Real = 10) -> tuple[int, int]:
    """Largest numbers of leading components (P, Q) with n_effective / (P + Q) >= min_ratio.

    Split evenly; what the smaller side cannot use goes to the other; at least one each.

    Parameters
    ----------
    n_effective : int
        Training subjects less intercept and confounds.
    x_available, y_available : int
    min_ratio : float

    Examples
    --------
    >>> choose_dimensions(400, 512, 180), choose_dimensions(400, 512, 5), choose_dimensions(12, 512, 180)
    ((20, 20), (35, 5), (1, 1))
    """
    budget = max(2, int(n_effective // min_ratio))
    x = min(x_available, (budget + 1) // 2)
    y = min(y_available, budget - x)
    return max(1, min(x_available, budget - y)), max(1, y)


def settle_dimensions(
    n_effective: int,
    available: tuple[int, int],
    wanted: tuple[Dimensions, Dimensions],
    *,
    min_ratio: Real = 10,
) -> tuple[int, int]:
    """Dimensions as wanted, capped at what there is; "auto" by `choose_dimensions`.

    Raises
    ------
    InputError
        If a wish is not "auto" or a positive number, or the sum leaves no degree of freedom.
    """
    if min_ratio <= 0:
        raise InputError(f"min_ratio must be positive; got {min_ratio}.")
    for name, wish in zip(("x_dimensions", "y_dimensions"), wanted, strict=True):
        if wish != "auto" and not (isinstance(wish, int) and wish >= 1):
            raise InputError(f"{name} must be 'auto' or a positive number of components; got {wish!r}.")
    room = [most if isinstance(wish, str) else min(most, wish) for most, wish in zip(available, wanted, strict=True)]
    chosen = choose_dimensions(n_effective, room[0], room[1], min_ratio=min_ratio)
    p, q = (c if wish == "auto" else r for c, r, wish in zip(chosen, room, wanted, strict=True))
    check_width(p, q, n_effective)
    return p, q


def check_width(rank_x: int, rank_y: int, n_effective: int) -> None:
    """Raise an `InputError` if nothing varies, or correlations are 1 by construction."""
    if min(rank_x, rank_y) == 0:
        side = "x" if rank_x == 0 else "y"
        raise InputError(
            f"{side} must vary between subjects after its confounds are removed; nothing remains: check that the view "
            "is not constant and not made of confounds."
        )
    if rank_x + rank_y >= n_effective:
        raise InputError(
            f"CCA needs rank(x) + rank(y) below the {n_effective} rows left after intercept and confounds; got "
            f"{rank_x} + {rank_y}, where correlations are 1 by construction: reduce the views (PCA) or add subjects."
        )
