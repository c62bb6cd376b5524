"""Loadings on the brain: the right voxels get the right numbers, offline; without an atlas there is a sentence."""

import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from analyses.figures.atlas import Atlas, describe_atlas, place_features, region_key
from analyses.figures.brain import _paint, draw_brain
from analyses.results.folder import Results
from analyses.results.headlines import Alignment
from analyses.results.schema.interpretations import FeatureLoading
from tests.analyses.example_alignment import ARMS, make_alignment
from tests.analyses.run_folder import make_run

REGIONS = {1: "ctx-lh-insula", 2: "ctx-rh-insula", 5: "Left-Hippocampus"}
LOADINGS = {"lh_insula_thickness": 0.5, "rh_insula_thickness": -0.25, "Left-Hippocampus": 0.125, "lh_unknown": 0.9}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def atlas(tmp_path: Path) -> dict[str, str]:
    """Three boxes inside the MNI brain."""
    import nibabel

    labels = np.zeros((45, 54, 45), dtype=np.int16)
    labels[7:13, 24:36, 16:26], labels[32:38, 24:36, 16:26], labels[24:28, 22:28, 14:18] = 1, 2, 5
    affine = np.array([[4, 0, 0, -90], [0, 4, 0, -126], [0, 0, 4, -72], [0, 0, 0, 1.0]])
    nibabel.save(nibabel.Nifti1Image(labels, affine), tmp_path / "labels.nii.gz")
    pd.DataFrame({"index": REGIONS.keys(), "name": REGIONS.values()}).to_csv(
        tmp_path / "lut.tsv", sep="\t", index=False
    )
    rows = {"name": ["A", "B", "C"], "x": [-40, 40, 0], "y": [0, 0, -60], "z": [10, 10, 30]}
    pd.DataFrame(rows).to_csv(tmp_path / "coordinates.csv", index=False)
    return {key: str(tmp_path / name) for key, name in
            (("labels", "labels.nii.gz"), ("lut", "lut.tsv"), ("coordinates", "coordinates.csv"))}  # fmt: skip


def _results(folder: Path, atlas: dict[str, str] | None, loadings: dict[str, float]) -> tuple[Results, Alignment]:
    (folder / "config").mkdir(parents=True)
    view = {"path": "brain.csv"} | ({"atlas": atlas} if atlas else {})
    (folder / "config" / "resolved.yaml").write_text(yaml.safe_dump({"brain": {"cortex": view}}))
    rows = tuple(
        FeatureLoading(feature=name, loading=value, rank=rank, cross_loading=value / 2)
        for rank, (name, value) in enumerate(loadings.items(), start=1)
    )
    example, _ = make_alignment(ARMS[0], "linked", strength=0.3, rng=np.random.default_rng(7))
    summary = replace(example, view="cortex", roi_loadings=rows)
    alignment = Alignment(folder / "alignments" / "kmer__cortex", summary)
    return Results(folder, make_run([summary], planted=False), (alignment,), None), alignment


def test_names_meet_whatever_their_spelling() -> None:
    assert region_key("lh_insula_thickness") == region_key("ctx-lh-insula") == "lhinsula"
    assert region_key("L_bankssts_thickavg") == "lbankssts"
    assert region_key("lh_insula_area") != region_key("rh_insula_area")


def test_each_label_is_painted_with_its_loading(atlas: dict[str, str]) -> None:
    import nibabel

    where = Atlas(Path(atlas["labels"]), Path(atlas["lut"]), None)
    placed = place_features(list(LOADINGS), where).assign(loading=list(LOADINGS.values()))
    assert placed["region"].isna().tolist() == [False, False, False, True]
    painted = _paint(placed, where).get_fdata()
    labels = nibabel.load(atlas["labels"]).get_fdata()
    for index, loading in ((1, 0.5), (2, -0.25), (5, 0.125), (0, 0)):
        assert (painted[labels == index] == loading).all()


@pytest.mark.usefixtures("offline")
def test_regions_are_drawn_in_glass_and_on_the_surface(tmp_path: Path, atlas: dict[str, str]) -> None:
    results, alignment = _results(tmp_path / "run", {k: atlas[k] for k in ("labels", "lut")}, LOADINGS)
    drawn = draw_brain(results, alignment)
    assert set(drawn) == {"kmer__cortex__glass", "kmer__cortex__surface"}
    for path in drawn.values():
        assert path.read_bytes().startswith(b"\x89PNG")
        table = pd.read_csv(path.with_suffix(".csv")).set_index("feature")
        assert table["loading"].to_dict() == LOADINGS
    assert describe_atlas(results, alignment) is None


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("keys", [("coordinates",), ("labels", "lut")])
def test_edges_are_drawn_as_a_connectome(tmp_path: Path, atlas: dict[str, str], keys: tuple[str, ...]) -> None:
    names = ("A", "B", "C") if "coordinates" in keys else tuple(REGIONS.values())
    loadings = {f"{names[0]}--{names[1]}": 0.4, f"{names[0]}--{names[2]}": -0.2, f"{names[0]}--{names[0]}": 0.1}
    results, alignment = _results(tmp_path / "run", {key: atlas[key] for key in keys}, loadings)
    drawn = draw_brain(results, alignment)
    assert set(drawn) == {"kmer__cortex__connectome"}


@pytest.mark.usefixtures("offline")
def test_coordinates_alone_give_markers(tmp_path: Path, atlas: dict[str, str]) -> None:
    loadings = {"A": 0.4, "B": -0.2}
    results, alignment = _results(tmp_path / "run", {"coordinates": atlas["coordinates"]}, loadings)
    assert set(draw_brain(results, alignment)) == {"kmer__cortex__glass"}


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("given", "sentence"),
    [(None, "No atlas is named for cortex"), ({"labels": "/nowhere/atlas.nii.gz"}, "atlas.nii.gz of cortex does not")],
)
def test_a_missing_atlas_gives_a_sentence(tmp_path: Path, given: dict[str, str] | None, sentence: str) -> None:
    results, alignment = _results(tmp_path / "run", given, LOADINGS)
    assert draw_brain(results, alignment) == {}
    assert sentence in str(describe_atlas(results, alignment))
