"""A small factored panel of unequal sizes, beside its dense equal."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from fusion.arrays import Matrix
from fusion.views.view import FactoredView

SUBJECTS = 37
WINDOWS = (5, 1, 9, 3, 12, 2, 7, 4, 30, 6, 8)  # 11 genes
HIDDEN = (16, 16, 5, 16, 16, 7, 16, 16, 16, 3, 16)


@dataclass(frozen=True)
class Panel:
    view: FactoredView
    dense: Matrix


def make_panel(seed: int = 0, n: int = SUBJECTS, *, offset: float = 3.0) -> Panel:
    rng = np.random.default_rng(seed)
    designs = [scipy.sparse.csr_array(rng.integers(0, 3, (n, m)) / 2 * (rng.random((n, m)) < 0.6)) for m in WINDOWS]
    embeddings = [rng.standard_normal((m, d)).astype(np.float32) for m, d in zip(WINDOWS, HIDDEN, strict=True)]
    offsets = [offset * rng.standard_normal(d) for d in HIDDEN]
    view = FactoredView(
        designs=designs,
        embeddings=embeddings,
        offsets=offsets,
        subject_ids=[f"s{i:03d}" for i in range(n)],
        gene_ids=[f"g{i}" for i in range(len(WINDOWS))],
    )
    factors = zip(designs, embeddings, offsets, strict=True)
    return Panel(view, np.hstack([a.toarray() @ e.astype(np.float64) + o for a, e, o in factors]))
