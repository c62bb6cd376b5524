"""A fitted LateFusion as arrays and one JSON record, and back: what its file holds, no subject among it."""

from collections.abc import Callable
from typing import Any, TypeVar

from numpy.typing import NDArray

from fusion.arrays import feature_names, restore_feature_names
from fusion.cca.exact import CanonicalCorrelation
from fusion.cca.ridge import RidgeCCA
from fusion.cca.sparse import SparseCCA
from fusion.confounds.coding import ConfoundCoding
from fusion.confounds.combat import ComBat
from fusion.errors import InputError
from fusion.late_fusion.embedding import EmbeddingMap

Fusion = TypeVar("Fusion")
Arrays = dict[str, NDArray[Any]]

ARRAYS = ("x_sd_", "y_sd_", "x_weights_", "y_weights_", "x_loadings_", "y_loadings_", "canonical_correlations_")
NUMBERS = (
    "n_confounds_",
    "n_effective_",
    "n_components_",
    "n_features_in_",
    "x_columns_",
    "y_columns_",
    "dimensions_",
    "embedding_dimensions_",
)
ESTIMATORS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (CanonicalCorrelation, RidgeCCA, SparseCCA, ComBat)
}
_COMBAT = "harmonize_"


def to_parts(fusion: Any) -> tuple[Arrays, dict[str, Any]]:
    """Return arrays and a JSON record that hold a fitted LateFusion."""
    arrays: Arrays = {name: getattr(fusion, name) for name in ARRAYS}
    for side in ("x", "y"):
        made: EmbeddingMap = getattr(fusion, f"{side}_map_")
        arrays |= {f"{side}_map_{name}": value for name, value in vars(made).items()}
    parameters = fusion.get_params(deep=False)
    for name in ("estimator", "harmonize"):
        parameters[name] = _described(parameters[name])
    record = {"parameters": parameters, "coding": fusion.coding_.to_record(), "harmonize": None}
    if fusion.harmonize_ is not None:
        of_combat, record["harmonize"] = fusion.harmonize_.to_parts()
        arrays |= {f"{_COMBAT}{name}": value for name, value in of_combat.items()}
    record["feature_names"] = feature_names(fusion)
    return arrays, record | {"fitted": {name: getattr(fusion, name) for name in NUMBERS}}


def from_parts(kind: type[Fusion], arrays: Arrays, record: dict[str, Any]) -> Fusion:
    """Make a fitted LateFusion from :func:`to_parts`."""
    parameters = {name: _made(value) for name, value in record["parameters"].items()}
    fusion = kind(**parameters)
    learned: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    learned |= {name: _tupled(value) for name, value in record["fitted"].items()}
    learned["coding_"] = ConfoundCoding.from_record(record["coding"])
    for side in ("x", "y"):
        parts = {name: arrays[f"{side}_map_{name}"] for name in EmbeddingMap.__dataclass_fields__}
        learned[f"{side}_map_"] = EmbeddingMap(**parts)
    of_combat = {name.removeprefix(_COMBAT): value for name, value in arrays.items() if name.startswith(_COMBAT)}
    stored = record["harmonize"]
    learned["harmonize_"] = None if stored is None else ComBat.from_parts(of_combat, stored)
    for name, value in learned.items():
        setattr(fusion, name, value)
    restore_feature_names(fusion, record["feature_names"])
    return fusion


def _described(estimator: Any) -> dict[str, Any] | None:
    if estimator is None:
        return None
    name = type(estimator).__name__
    if name not in ESTIMATORS:
        raise InputError(f"LateFusion can save the estimators {', '.join(ESTIMATORS)}; got {name}: keep it in memory.")
    return {"estimator": name, "parameters": estimator.get_params()}


def _made(value: Any) -> Any:
    if isinstance(value, dict):
        parameters = {name: _tupled(setting) for name, setting in value["parameters"].items()}
        return ESTIMATORS[value["estimator"]](**parameters)
    return _tupled(value)


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
