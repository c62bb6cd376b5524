"""Scores of a view that are computed whenever they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fusion import ViewPCA
    from fusion.views.view import View


@dataclass(frozen=True)
class Scores:
    """Leading components of a view as an array that nobody holds between two uses.

    Of 500,000 subjects 512 of them take 2 GB, which lie idle while permutations run; to compute them again takes
    seconds.

    Parameters
    ----------
    pca : ViewPCA
    view : View [n_subjects, n_columns]
    n_components : int
    """

    pca: ViewPCA
    view: View
    n_components: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_subjects, n_components)``."""
        return self.view.shape[0], self.n_components

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The scores, float64 [n_subjects, n_components]."""
        scores = self.pca.transform(self.view)[:, : self.n_components]
        return np.asarray(scores, dtype=dtype)
