"""Both views and their confounds with relatives made uncorrelated: what every test takes as it takes strangers."""

# ruff: noqa: F722

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from fusion.arrays import ArrayLike, Matrix, ViewLike
from fusion.decomposition.pca import ViewPCA
from fusion.errors import InputError
from fusion.relatives.kinship_model import KinshipModel, with_intercept
from fusion.relatives.whitened_view import WhitenedView
from fusion.subject_rows import check_same_subjects
from fusion.views.view import View, as_view

N_COMPONENTS = 64
"""Leading components of a view from which its h2 is estimated: a panel of genes has 85,000 columns."""


@dataclass(frozen=True, eq=False)
class WhitenedRelatives:
    """What goes into the tests in place of the views of relatives.

    Attributes
    ----------
    x, y : WhitenedView
    confounds : float64 array, shape [n_subjects, n_confounds]
        Intercept and confounds as either view's rows were combined. They take the place of the confounds in both views.
    groups : int array, shape [n_subjects]
        Families, which folds keep together.
    heritability : pair of float
        h2 of x and of y.
    """

    x: WhitenedView
    y: WhitenedView
    confounds: Float64[np.ndarray, "n_subjects n_confounds"]
    groups: NDArray[np.int64]
    heritability: tuple[float, float]


def whiten_relatives(
    x: ViewLike, y: ViewLike, confounds: ArrayLike | None = None, *, relationship: object
) -> WhitenedRelatives:
    """Make rows of relatives uncorrelated: ``V^(-1/2)`` of ``V = h2 K + (1 - h2) I``, family by family.

    The result's views, confounds and groups go into `fusion.permutation_test_cca` and `fusion.cross_validated_cca` as
    they are. Each view has its own h2 (`KinshipModel.heritability` of up to 64 leading components): rows of one view
    have one covariance. A view of gene vectors that are means over two haplotypes has ``K`` itself, h2 = 1, in every
    column, whatever the encoder; the permutation moves its rows, and rests on them alone. Brain columns differ in h2,
    so their rows are uncorrelated on average only: that costs power, not validity.

    Parameters
    ----------
    x, y : fusion view, DataFrame or array, shapes [n_subjects, n_x] and [n_subjects, n_y]
        Genes, brain.
    confounds : float array, shape [n_subjects, n_confounds], optional
        Numbers without intercept.
    relationship : sparse or dense float array, shape [n_subjects, n_subjects]
        Twice the coefficients of kinship, 1 on the diagonal.

    Raises
    ------
    InputError
        Rows of other subjects, and what `KinshipModel.of` refuses.

    Notes
    -----
    Rows become equal in mean and covariance, not in distribution: a sibling's row is a difference of two. With views
    far from normal the exchange is approximate. h2 is estimated from all rows, of either view by itself.

    References
    ----------
    Almasy & Blangero (1998), doi:10.1086/301844; Abney (2015), doi:10.1002/gepi.21893.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> pairs = np.kron(np.eye(20), [[1, 0.5], [0.5, 1]])
    >>> found = whiten_relatives(rng.standard_normal((40, 3)), rng.standard_normal((40, 4)), relationship=pairs)
    >>> found.x.shape, found.confounds.shape, found.groups[:4].tolist()
    ((40, 3), (40, 2), [0, 0, 1, 1])
    """
    check_same_subjects(x=x, y=y, confounds=confounds)
    views = as_view(x), as_view(y)
    model = KinshipModel.of(relationship)
    if len(model.families) != views[0].shape[0]:
        raise InputError(
            f"relationship must have the rows of x: got {len(model.families)} for {views[0].shape[0]}; align the "
            "tables by subject id first."
        )
    design = with_intercept(confounds, len(model.families))
    shares = [model.heritability(_leading(view, design[:, 1:]), design[:, 1:]) for view in views]
    maps = [model.whitener(share) for share in shares]
    return WhitenedRelatives(
        WhitenedView(views[0], maps[0]),
        WhitenedView(views[1], maps[1]),
        np.hstack([np.asarray(one @ design) for one in maps]),
        model.families,
        (shares[0], shares[1]),
    )


def _leading(view: View, confounds: Matrix) -> Matrix:
    pca = ViewPCA(N_COMPONENTS, confounds=confounds).fit(view)
    return np.asarray(pca.transform(view))
