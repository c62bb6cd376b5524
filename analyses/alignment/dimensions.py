"""How many components of both sides enter CCA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyses.config.sections import AlignmentConfig
from analyses.errors import InputError
from analyses.results.schema.alignments import Dimensions
from fusion import choose_dimensions

if TYPE_CHECKING:
    from fusion.decomposition.pca import ViewPCA


def dimensions_of_cca(
    n_effective: int, x_available: tuple[int, int], y_available: int, settings: AlignmentConfig
) -> tuple[int, int]:
    """Components that enter CCA: as asked, or the largest numbers that the sample bears in every arm compared."""
    in_every_arm, in_this_arm = x_available
    auto = choose_dimensions(n_effective, in_every_arm, y_available, min_ratio=settings.min_ratio)
    wanted = {"x": settings.x_dimensions, "y": settings.y_dimensions}
    for side, available in (("x", in_this_arm), ("y", y_available)):
        if wanted[side] != "auto" and int(wanted[side]) > available:
            raise InputError(
                f"alignment.{side}_dimensions must not exceed the {available} components that {n_effective} effective "
                f"subjects and this view give; got {wanted[side]}. Lower it or set it to auto."
            )
    p, q = (chosen if wanted[side] == "auto" else int(wanted[side]) for side, chosen in zip("xy", auto, strict=True))
    return p, q


def describe_dimensions(
    x_pca: ViewPCA, y_pca: ViewPCA, cca: tuple[int, int], n_effective: int, settings: AlignmentConfig
) -> Dimensions:
    """Components asked for, available, and entering CCA on both sides, by which rule."""
    is_auto = "auto" in (settings.x_dimensions, settings.y_dimensions)
    return Dimensions(
        x_requested=x_pca.n_components_requested_,
        x_effective=x_pca.n_components_,
        y_requested=y_pca.n_components_requested_,
        y_effective=y_pca.n_components_,
        x_cca=cca[0],
        y_cca=cca[1],
        rule=f"auto: the largest with N_eff/(P+Q) >= {settings.min_ratio:g}" if is_auto else "as configured",
        ratio=n_effective / sum(cca),
    )
