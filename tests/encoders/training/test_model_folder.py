"""What was trained is loaded by its name, gives the vectors of its birth, and is refused where it was changed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from encoders import load_encoder, verify_encoder
from encoders.errors import InputError
from encoders.training.model_folder import published_layout, write_model_folder
from encoders.training.pretraining.learner import Learner, make_learner
from tests.encoders.training.conftest import random_bases

FAMILIES = ("dnabert-3", "dnabert2", "caduceus-ph", "caduceus-ps")


@pytest.fixture
def write(make_tiny: Callable[..., Learner], bpe_of_small_genome: Path, tmp_path: Path) -> Callable[[str], Path]:
    def write_one(name: str) -> Path:
        learner = make_tiny(name, seed=4)
        with torch.no_grad():  # as if it had learnt: nothing is where it began
            for number, weight in enumerate(learner.model.parameters()):
                weight += 0.01 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(number))
        network, folder = learner.model.network, tmp_path / name
        folder.mkdir()
        write_model_folder(
            folder,
            published_layout(network, learner.model.head_weights()),
            network,
            encode=learner.encode,
            n_special=(learner.n_before, learner.n_before),
            sequences=[random_bases(60, 1), random_bases(45, 2)],
            provenance={"made": "here"},
            k=3 if name == "dnabert-3" else None,
            tokenizer=bpe_of_small_genome / "tokenizer.json" if name == "dnabert2" else None,
        )
        return folder

    return write_one


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_is_taken_by_source_and_proved(name: str, write: Callable[[str], Path]) -> None:
    folder = write(name)
    proof = verify_encoder(name, source=str(folder))
    assert proof.verdict == "proved"
    assert len(proof.comparisons) == 2
    assert all(one.tokens_agree for one in proof.comparisons)
    assert "birth_vectors.json" in proof.to_dict()["citation"]
    again = make_learner(name, source=str(folder))
    found = published_layout(again.model.network, again.model.head_weights())
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    assert found.weights.keys() == weights.keys()
    assert all(torch.equal(found.weights[key], weights[key]) for key in weights)


def test_a_folder_that_was_changed_fails(write: Callable[[str], Path]) -> None:
    folder = write("caduceus-ps")
    path = folder / "birth_vectors.json"
    content = json.loads(path.read_text())
    content["vectors"][1]["norm"] += 0.001
    path.write_text(json.dumps(content))
    proof = verify_encoder("caduceus-ps", source=str(folder))
    assert proof.failures == ("published vector birth 2",)
    path.write_text(json.dumps(content | {"weights_sha256": "0" * 64}))
    with pytest.raises(InputError, match="One of the two files was altered"):
        verify_encoder("caduceus-ps", source=str(folder))
    path.write_text(json.dumps({**content, "vectors": [{"name": "x"}]}))
    with pytest.raises(InputError, match="is damaged"):
        verify_encoder("caduceus-ps", source=str(folder))
    path.write_text(json.dumps({**content, "format": "9"}))
    with pytest.raises(InputError, match="must have format 1"):
        verify_encoder("caduceus-ps", source=str(folder))


def test_bert_is_read_by_transformers_too(write: Callable[[str], Path]) -> None:
    from transformers import AutoModel, BertForMaskedLM

    folder = write("dnabert-3")
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False)
    ids = json.loads((folder / "birth_vectors.json").read_text())["vectors"][0]["input_ids"]
    hidden = model(torch.tensor([ids])).last_hidden_state[0, 1:-1].mean(0).detach().numpy()
    (vector,) = load_encoder("dnabert-3", source=str(folder)).embed([random_bases(60, 1)])
    assert np.abs(vector - hidden).max() < 2e-5
    whole, told = BertForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not told["missing_keys"]
    learner = make_learner("dnabert-3", source=str(folder))
    tokens = torch.tensor([ids])
    learner.model.train(False)
    expected = whole(tokens).logits
    assert torch.allclose(learner.model(tokens, torch.ones_like(tokens))["logits"], expected, atol=1e-5)
