"""Where the features of a view lie: names of features matched with an atlas's names, exactly or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.brain.connectivity.edges import split_edge
from encoders.brain.connectivity.label_tables import read_coordinates, read_lut
from encoders.damage import refused_if_damaged

if TYPE_CHECKING:
    import pandas as pd

    from analyses.results.folder import Results
    from analyses.results.headlines import Alignment

_MEASURES = re.compile(
    r"_(?:thickness|thicknessstd|thickavg|surfavg|area|volume|vol|meancurv|gauscurv|foldind|curvind)$"
)


@dataclass(frozen=True)
class Atlas:
    """The user's files for one view; each may be missing."""

    labels: Path | None
    lut: Path | None
    coordinates: Path | None


def configured_atlas(results: Results, view: str) -> Atlas | None:
    """Atlas that the run's configuration names for a view; None where it names none."""
    resolved = results.path / "config" / "resolved.yaml"
    with refused_if_damaged(resolved, "the configuration of a run"):
        return _atlases(resolved.read_text(encoding="utf-8")).get(view)


def atlas_files(folder: Path) -> list[Path]:
    """Files of all atlases that the configuration of a results folder names, whether they are there or not."""
    resolved = folder / "config" / "resolved.yaml"
    if not resolved.is_file():
        return []
    with refused_if_damaged(resolved, "the configuration of a run"):
        atlases = _atlases(resolved.read_text(encoding="utf-8")).values()
    return [path for one in atlases for path in (one.labels, one.lut, one.coordinates) if path is not None]


@lru_cache(maxsize=4)
def _atlases(configuration: str) -> Mapping[str, Atlas]:
    """Atlases by view; every figure of a run asks for one of them."""
    import yaml

    found = {}
    for view, settings in yaml.safe_load(configuration).get("brain", {}).items():
        if given := (settings or {}).get("atlas"):
            paths = (Path(given[key]) if given.get(key) else None for key in ("labels", "lut", "coordinates"))
            found[view] = Atlas(*paths)
    return found


def describe_atlas(results: Results, alignment: Alignment) -> str | None:
    """Why the loadings are not shown on a brain; None where they are."""
    view = alignment.summary.view
    atlas = configured_atlas(results, view)
    if atlas is None or (atlas.labels is None and atlas.coordinates is None):
        return (
            f"No atlas is named for {view}, so its loadings are given as a table; name a label image with its label "
            f"table, or coordinates, in brain.{view}.atlas to see them on a brain."
        )
    absent = [path for path in (atlas.labels, atlas.lut, atlas.coordinates) if path is not None and not path.is_file()]
    if absent:
        return f"The atlas file {absent[0].name} of {view} does not exist, so its loadings are given as a table."
    return None


def place_features(features: Sequence[str], atlas: Atlas) -> pd.DataFrame:
    """Regions of features.

    Parameters
    ----------
    features : sequence of str
        Regions (``lh_insula_thickness``) or edges (``A--B``).

    Returns
    -------
    DataFrame
        One row per feature and end (edges have two): ``feature``, ``end``, ``region`` (name in the atlas, missing where
        none matches), ``index`` (label) and ``x, y, z`` (mm) as far as the atlas has them.
    """
    import pandas as pd

    known = _regions(atlas)
    rows: list[dict[str, Any]] = []
    for feature in features:
        for end, name in enumerate(split_edge(feature) or (feature,)):
            rows.append({"feature": feature, "end": end, **known.get(region_key(name), {"region": None})})
    columns = ["feature", "end", "region", "index", "x", "y", "z"]
    return pd.DataFrame(rows).reindex(columns=columns)


def region_key(name: str) -> str:
    """What is left of a region's name without case, punctuation, the measure and FreeSurfer's prefix ``ctx-``."""
    plain = _MEASURES.sub("", name.strip().lower()).removeprefix("ctx-").removeprefix("ctx_")
    return re.sub(r"[^a-z0-9]", "", plain)


def _regions(atlas: Atlas) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if atlas.coordinates is not None:
        for row in read_coordinates(atlas.coordinates).itertuples():
            found[region_key(str(row.name))] = {"region": row.name, "x": row.x, "y": row.y, "z": row.z}
    if atlas.lut is not None:
        lut = read_lut(atlas.lut)
        for index, name in zip(lut["index"], lut["name"], strict=True):
            found.setdefault(region_key(str(name)), {"region": name})["index"] = int(index)
    return found
