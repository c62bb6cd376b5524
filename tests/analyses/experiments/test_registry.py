"""An experiment is a module that runs and draws, and a type that its file is read back as."""

import pytest

from analyses.experiments.registry import MODULES, find_experiment
from analyses.results.schema.experiments import RESULT_TYPES


def test_every_experiment_has_a_result_type() -> None:
    assert MODULES.keys() == RESULT_TYPES.keys()


@pytest.mark.parametrize("name", MODULES)
def test_every_experiment_runs_and_draws(name: str) -> None:
    module = find_experiment(name)
    assert callable(module.run)
    assert callable(module.draw)
