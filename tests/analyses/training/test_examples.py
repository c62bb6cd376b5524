"""The shipped configurations of trainings are ones, and a wrong key is said with the nearest."""

from pathlib import Path

import pytest

from analyses.config.file import load_sections
from analyses.config.training.finetuning import FinetuningConfig
from analyses.config.training.pretraining import PretrainingConfig
from analyses.errors import InputError
from tests.conftest import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "configs" / "training").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_configuration(path: Path) -> None:
    model = FinetuningConfig if path.stem.startswith("finetune") else PretrainingConfig
    assert load_sections(path, [], model).name == path.stem
    assert len(EXAMPLES) == 8


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("training.stepz=3", "Unknown configuration key 'training.stepz'; did you mean 'steps'"),
        ("training.steps=0", "training.steps: must be 1 or more; got 0"),
        ("model.source=here", "source has a network of its own sizes: leave sizes out, or source"),
        ("model.encoder=dnabert2", "dnabert2 without source needs tokenizer"),
        ("tokenizer.vocabulary=99", "tokenizer is for dnabert2 without source"),
        ("validation.markov_orders=[12]", "markov_orders must be whole numbers from 0 to 10"),
    ],
)
def test_what_is_wrong_is_said(assignment: str, said: str) -> None:
    path = REPOSITORY / "configs" / "training" / "pretrain_dnabert.yaml"
    with pytest.raises(InputError) as error:
        load_sections(path, [assignment], PretrainingConfig)
    assert said in str(error.value)
