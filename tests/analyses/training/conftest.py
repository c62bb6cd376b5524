"""Configurations of tiny trainings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyses.config.training.pretraining import PretrainingConfig
from tests.encoders.training.conftest import TINY, small_genome  # noqa: F401 - a fixture

Configure = Callable[..., PretrainingConfig]


@pytest.fixture
def configure(small_genome: Path, tmp_path: Path) -> Configure:  # noqa: F811 - the fixture itself
    def make(encoder: str = "dnabert-3", **changed: Any) -> PretrainingConfig:
        asked: dict[str, Any] = {
            "name": "tiny",
            "output": tmp_path / "a #1" / "model",
            "model": {"encoder": encoder, "sizes": TINY[encoder]},
            "genome": {"reference": [small_genome], "hold_out": ["two:3,001-6,000"]},
            "window": {"min_bases": 20, "max_bases": 60},
            "training": {"steps": 12, "batch_size": 4, "learning_rate": 0.004, "checkpoint_every": 4, "log_every": 2},
            "validation": {"every": 6, "windows": 6, "markov_orders": [0, 2]},
            "tracking": {"enabled": False},
        }
        for key, value in changed.items():
            asked[key] = {**asked[key], **value} if isinstance(value, dict) and key in asked else value
        return PretrainingConfig.model_validate(asked)

    return make
