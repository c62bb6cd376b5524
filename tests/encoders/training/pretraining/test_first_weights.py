"""Random weights that learn: products of one size at any width, positions that turn; matrices as published at 768."""

import numpy as np
import pytest
import torch

from encoders.dna.registry import load_encoder
from encoders.training.pretraining.first_weights import position_waves
from encoders.training.pretraining.heads import MaskedLanguageModel
from encoders.training.pretraining.learner import make_learner


def sizes(width: int) -> dict[str, int]:
    return {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 40}


def output_scale(model: MaskedLanguageModel, width: int) -> float:
    """Standard deviation of queries of inputs of unit variance."""
    torch.manual_seed(0)
    query = model.network.encoder.layer[0].attention.self.query  # type: ignore[union-attr, index]
    with torch.no_grad():
        return float(query(torch.randn(500, width)).std())  # type: ignore[operator]


@pytest.mark.parametrize("width", [32, 96, 768])
def test_products_have_the_size_of_the_published_width_at_every_width(width: int) -> None:
    found = output_scale(make_learner("dnabert-3", sizes=sizes(width)).model, width)
    assert found == pytest.approx(0.02 * np.sqrt(768), rel=0.1)  # the weights are a draw


def test_at_the_published_width_the_matrices_are_those_of_the_untrained_encoder() -> None:
    model = make_learner("dnabert-3", sizes=sizes(768), seed=5).model
    untrained = load_encoder("untrained:dnabert-3", seed=5, device="cpu", **sizes(768)).model  # type: ignore[attr-defined]
    for key, weight in untrained.state_dict().items():
        same = torch.equal(weight, model.network.state_dict()[key])
        assert same != (key == "embeddings.position_embeddings.weight"), key


def test_what_two_positions_share_is_decided_by_how_far_they_are_apart() -> None:
    """Sums of cosines of the distance: all positions turn alike."""
    waves = position_waves(70, 24)
    shared = (waves @ waves.T).numpy()
    for distance in (0, 1, 9, 41):
        diagonal = np.diagonal(shared, distance)
        assert diagonal == pytest.approx(np.full(len(diagonal), diagonal[0]), abs=1e-3)
    assert shared[0, 0] == pytest.approx(24)
    assert shared[0].argmax() == 0
    assert torch.equal(position_waves(70, 23), waves[:, :23])
