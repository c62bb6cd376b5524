"""Loadings on the brain, with nilearn: glass brain, surface, connectome; the atlas is the user's, never a download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analyses.figures.atlas import Atlas, configured_atlas, describe_atlas, place_features
from analyses.figures.canvas import own_style
from analyses.formats import table_text
from analyses.results.tables import rows
from encoders.publishing import published_file

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analyses.results.folder import Results
    from analyses.results.headlines import Alignment

_COLOURS = "RdBu_r"
_N_EDGES = 60
_DPI = 110
_VIEWS = (("left", "lateral"), ("left", "medial"), ("right", "medial"), ("right", "lateral"))


def draw_brain(results: Results, alignment: Alignment) -> dict[str, Path]:
    """Draw one alignment's brain loadings where its view's atlas allows.

    Returns
    -------
    dict of str to Path
        ``<alignment>__glass`` and ``<alignment>__surface``, or ``<alignment>__connectome`` for edges: PNG files with a
        CSV of the same name; empty without an atlas (`analyses.figures.atlas.describe_atlas` says why).
    """
    if describe_atlas(results, alignment) is not None:
        return {}
    atlas = configured_atlas(results, alignment.summary.view)
    assert atlas is not None  # described above
    loadings = rows(alignment.summary.roi_loadings)[["feature", "loading"]]
    placed = place_features(loadings["feature"].tolist(), atlas).merge(loadings, on="feature")
    if (placed["end"] > 0).any():
        draws: dict[str, Callable[[], Figure | None]] = {"connectome": lambda: connectome_figure(placed, atlas)}
    else:
        draws = {"glass": lambda: glass_figure(placed, atlas), "surface": lambda: surface_figure(placed, atlas)}
    drawn = {}
    with own_style(None):
        for kind, draw in draws.items():
            figure = draw()
            if figure is not None:
                path = results.path / "figures" / f"{alignment.name}__{kind}.png"
                drawn[f"{alignment.name}__{kind}"] = _save(figure, path, placed)
    return drawn


def glass_figure(placed: pd.DataFrame, atlas: Atlas) -> Figure | None:
    """Loadings in a glass brain: labels painted, else markers at coordinates; None where no feature has a place."""
    from nilearn import plotting

    limit = _limit(placed)
    figure = _figure(7.0, 2.6)
    painted = _paint(placed, atlas)
    if painted is not None:
        plotting.plot_glass_brain(
            painted, figure=figure, display_mode="lyrz", colorbar=True, cmap=_COLOURS, plot_abs=False, vmax=limit,
            vmin=-limit, symmetric_cbar=True,
        )  # fmt: skip
        return figure
    located = placed.dropna(subset=["x", "y", "z"])
    if located.empty:
        return None
    plotting.plot_markers(
        located["loading"].to_numpy(), located[["x", "y", "z"]].to_numpy(), figure=figure, display_mode="lyrz",
        node_cmap=_COLOURS, node_vmin=-limit, node_vmax=limit, node_size=24, alpha=0.9,
    )  # fmt: skip
    return figure


def surface_figure(placed: pd.DataFrame, atlas: Atlas) -> Figure | None:
    """Painted labels on fsaverage5 from both sides; None without a label image or where no label meets the cortex."""
    from nilearn import plotting
    from nilearn.datasets import load_fsaverage, load_fsaverage_data
    from nilearn.surface import vol_to_surf

    painted = _paint(placed, atlas)
    if painted is None:
        return None
    meshes, sulci = load_fsaverage("fsaverage5"), load_fsaverage_data("fsaverage5", data_type="sulcal")
    limit = _limit(placed)
    figure = _figure(7.0, 2.0)
    figure.subplots_adjust(left=0, right=0.92, bottom=0, top=1, wspace=0)
    textures = {
        hemisphere: vol_to_surf(painted, meshes["pial"].parts[hemisphere], interpolation="nearest_most_frequent")
        for hemisphere in ("left", "right")
    }
    if not any(np.nan_to_num(texture).any() for texture in textures.values()):
        return None
    for place, (hemisphere, view) in enumerate(_VIEWS):
        axes = figure.add_subplot(1, 4, place + 1, projection="3d")
        plotting.plot_surf_stat_map(
            meshes["inflated"].parts[hemisphere], textures[hemisphere], bg_map=sulci.data.parts[hemisphere],
            hemi=hemisphere, view=view, axes=axes, figure=figure, cmap=_COLOURS, vmin=-limit, vmax=limit,
            threshold=limit * 1e-6, colorbar=place == 3,
        )  # fmt: skip
    return figure


def connectome_figure(placed: pd.DataFrame, atlas: Atlas) -> Figure | None:
    """The edges with the largest loadings, between the places of their regions; None where no edge has two places."""
    from nilearn import plotting

    positions = _positions(placed, atlas)
    ends = placed.assign(key=placed["region"]).pivot(index="feature", columns="end", values="key")
    edges = ends.join(placed.groupby("feature")["loading"].first()).dropna()
    edges = edges[edges[0].isin(list(positions)) & edges[1].isin(list(positions)) & (edges[0] != edges[1])]
    if edges.empty:
        return None
    shown = edges.loc[edges["loading"].abs().sort_values(ascending=False).index[:_N_EDGES]]
    regions = sorted(set(shown[0]) | set(shown[1]))
    place = {region: i for i, region in enumerate(regions)}
    adjacency = np.zeros((len(regions), len(regions)))
    for first, second, loading in shown[[0, 1, "loading"]].itertuples(index=False):
        adjacency[place[first], place[second]] = adjacency[place[second], place[first]] = loading
    figure = _figure(7.0, 2.6)
    limit = _limit(placed)
    plotting.plot_connectome(
        adjacency, np.array([positions[region] for region in regions]), figure=figure, display_mode="lyrz",
        edge_cmap=_COLOURS, edge_vmin=-limit, edge_vmax=limit, node_size=14, node_color="#222222", colorbar=True,
    )  # fmt: skip
    return figure


def _positions(placed: pd.DataFrame, atlas: Atlas) -> dict[str, tuple[float, float, float]]:
    """Place of every region (mm): its coordinates, else the centre of its label."""
    located = placed.dropna(subset=["region", "x", "y", "z"]).drop_duplicates("region")
    places = located[["x", "y", "z"]].to_numpy(dtype=float)
    positions = {str(region): _point(place) for region, place in zip(located["region"], places, strict=True)}
    labelled = placed.dropna(subset=["region", "index"]).drop_duplicates("region")
    if positions or atlas.labels is None or labelled.empty:
        return positions
    from nilearn.plotting import find_parcellation_cut_coords

    centres, labels = find_parcellation_cut_coords(str(atlas.labels), return_label_names=True)
    of_label = {int(label): _point(centre) for label, centre in zip(labels, centres, strict=True)}
    known = {str(region): int(index) for region, index in zip(labelled["region"], labelled["index"], strict=True)}
    return {region: of_label[index] for region, index in known.items() if index in of_label}


def _point(place: np.ndarray) -> tuple[float, float, float]:
    return float(place[0]), float(place[1]), float(place[2])


def _paint(placed: pd.DataFrame, atlas: Atlas) -> Any:
    """The label image with each region's loading in its voxels; None where there is none to paint."""
    labelled = placed.dropna(subset=["index"])
    if atlas.labels is None or labelled.empty:
        return None
    from nilearn.image import load_img, new_img_like

    image = load_img(str(atlas.labels))
    labels = np.asarray(image.dataobj).astype(np.int64)
    painted = np.zeros(labels.shape, dtype=np.float32)
    for index, loading in zip(labelled["index"], labelled["loading"], strict=True):
        painted[labels == int(index)] = loading
    return new_img_like(image, painted) if painted.any() else None


def _limit(placed: pd.DataFrame) -> float:
    """One scale for both signs, of what has a place."""
    return float(placed.dropna(subset=["region"])["loading"].abs().max()) or 1.0


def _figure(width: float, height: float) -> Figure:
    """A figure with its canvas, outside pyplot's list of open ones."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: Path, data: pd.DataFrame) -> Path:
    """PNG and the numbers behind it, each whole or not at all, without a date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with published_file(path) as drawing, published_file(path.with_suffix(".csv")) as table:
        figure.savefig(drawing, format="png", dpi=_DPI, metadata={"Software": None}, facecolor="white")
        table.write_text(table_text(data, float_format="%.10g"), encoding="utf-8")
    return path
