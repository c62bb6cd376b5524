"""Losses and weights against scikit-learn and torch; adapters that are merged; strands that agree."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from encoders.errors import InputError
from encoders.training.finetuning.adapters import add_lora, merge_lora
from encoders.training.finetuning.examples import FinetuningExamples, SequencePadding, score
from encoders.training.finetuning.model import FinetunedModel, balanced_weights, mean_loss, told
from encoders.training.pretraining.learner import Learner
from encoders.training.tasks.labelled import LabelledSequences
from tests.encoders.training.conftest import random_bases

Make = Callable[..., Learner]
SEQUENCES = tuple(random_bases(20 + 3 * number, number) for number in range(7))
FAMILIES = ("dnabert-3", "dnabert2", "caduceus-ph", "caduceus-ps")


def batch_of(learner: Learner, labels: np.ndarray, strands: str = "forward") -> dict[str, torch.Tensor]:
    train = LabelledSequences(SEQUENCES, labels)
    examples = FinetuningExamples(learner, train, n_examples=7, strands=strands, seed=1)
    return SequencePadding(learner.pad_id, learner.n_before)([examples[number] for number in range(7)])


@pytest.mark.parametrize("name", FAMILIES)
def test_low_rank_changes_merged_are_those_applied(name: str, make_tiny: Make) -> None:
    learner = make_tiny(name)
    network = learner.model.network
    model = FinetunedModel(network, "multiclass", 3, seed=1)
    before = score(model, learner, SEQUENCES, both_strands=False)
    add_lora(network, rank=2, alpha=8.0, dropout=0.0, seed=2)
    assert torch.equal(score(model, learner, SEQUENCES, both_strands=False), before)
    learns = [key for key, one in model.named_parameters() if one.requires_grad]
    assert {"lora_A" in key or "lora_B" in key or key.startswith("classifier") for key in learns} == {True}
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for key, one in model.named_parameters():
            if "lora_B" in key:
                one.copy_(0.3 * torch.randn(one.shape, generator=generator))
    # every change is used: each has a gradient
    model(**batch_of(learner, np.arange(7) % 3))["loss"].backward()
    assert all(float(one.grad.abs().max()) > 0 for key, one in model.named_parameters() if "lora_A" in key)
    applied = score(model, learner, SEQUENCES, both_strands=False)
    merge_lora(network)
    merged = score(model, learner, SEQUENCES, both_strands=False)
    assert not [key for key, _ in model.named_parameters() if "lora" in key]
    assert (applied - merged).abs().max() < 1e-6
    assert (applied - before).abs().max() > 1e-4


def test_a_rank_above_a_layer_is_refused(make_tiny: Make) -> None:
    with pytest.raises(InputError, match=r"lora\.rank must be at most 16"):
        add_lora(make_tiny("dnabert-3").model.network, rank=17, alpha=1.0, dropout=0.0, seed=0)


def test_a_frozen_network_does_not_learn(make_tiny: Make) -> None:
    learner = make_tiny("dnabert-3")
    model = FinetunedModel(learner.model.network, "binary", 2, seed=1, frozen=True)
    model(**batch_of(learner, np.arange(7) % 2))["loss"].backward()
    assert [key for key, one in model.named_parameters() if one.grad is not None] == [
        "classifier.weight",
        "classifier.bias",
    ]


def test_weights_of_classes_are_those_of_scikit_learn() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2, 0])
    counts = torch.bincount(torch.as_tensor(labels))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced_weights(counts, 7, "multiclass").tolist() == pytest.approx(expected.tolist())
    assert balanced_weights(torch.tensor([1, 6]), 7, "multilabel").tolist() == pytest.approx([6, 1 / 6])
    with pytest.raises(InputError, match="task is a regression"):
        balanced_weights(counts, 7, "regression")


def test_losses_are_those_of_scikit_learn(make_tiny: Make) -> None:
    learner, labels = make_tiny("caduceus-ph"), np.array([0, 2, 1, 1, 0, 2, 2])
    weights = torch.tensor([0.5, 1.0, 3.0])
    plain = FinetunedModel(learner.model.network, "multiclass", 3, seed=1)
    weighted = FinetunedModel(learner.model.network, "multiclass", 3, seed=1, weights=weights)
    batch = batch_of(learner, labels)
    with torch.no_grad():
        found, of_weighted = plain(**batch), weighted(**batch)["loss"]
    p, wanted = told(found["logits"], "multiclass").numpy(), batch["labels"].numpy()
    assert float(found["loss"]) == pytest.approx(log_loss(wanted, p), rel=1e-5)
    assert mean_loss(found["logits"], batch["labels"], "multiclass") == pytest.approx(log_loss(wanted, p), rel=1e-5)
    sample = weights.numpy()[wanted]
    assert float(of_weighted) == pytest.approx(log_loss(wanted, p, sample_weight=sample) * sample.mean(), rel=1e-5)
    several = np.stack([labels > 0, labels > 1], axis=1).astype(np.int64)
    model = FinetunedModel(learner.model.network, "multilabel", 2, seed=1)
    batch = batch_of(learner, several)
    with torch.no_grad():
        found = model(**batch)
    p, wanted = told(found["logits"], "multilabel").detach().numpy(), batch["labels"].numpy()
    expected = np.mean([log_loss(wanted[:, one], p[:, one], labels=[0, 1]) for one in (0, 1)])
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-5)
    values = np.linspace(-1, 2, 7)
    model = FinetunedModel(learner.model.network, "regression", 1, seed=1)
    batch = batch_of(learner, values)
    with torch.no_grad():
        found = model(**batch)
    error = told(found["logits"], "regression").detach().numpy() - batch["labels"].numpy()
    assert float(found["loss"]) == pytest.approx((error**2).mean(), rel=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multilabel", "regression"])
def test_the_difference_of_strands_is_0_where_they_agree_and_above_elsewhere(kind: str, make_tiny: Make) -> None:
    labels = {"binary": np.arange(7) % 2, "multilabel": np.eye(7, 2, dtype=np.int64), "regression": np.arange(7.0)}
    outputs = {"binary": 2, "multilabel": 2, "regression": 1}[kind]
    for name, agrees in (("caduceus-ps", True), ("caduceus-ph", False)):
        learner = make_tiny(name, seed=5)
        losses = []
        for weight in (0.5, 1000.5):
            model = FinetunedModel(learner.model.network, kind, outputs, seed=6, consistency=weight)  # type: ignore[arg-type]
            with torch.no_grad():
                model.classifier.weight *= 50
            losses.append(float(model(**batch_of(learner, labels[kind], "consistency"))["loss"].detach()))
        assert (losses[1] - losses[0] < 1e-3 * losses[0]) == agrees


def test_both_strands_are_told_alike_and_each_pass_reads_every_sequence_once(make_tiny: Make) -> None:
    learner = make_tiny("dnabert2")
    model = FinetunedModel(learner.model.network, "binary", 2, seed=1)
    turned = [one[::-1].translate(str.maketrans("ACGT", "TGCA")) for one in SEQUENCES]
    one, other = (score(model, learner, strands, both_strands=True) for strands in (SEQUENCES, turned))
    assert torch.allclose(one, other, atol=1e-7)
    train = LabelledSequences(SEQUENCES, np.arange(7))
    for strands in ("forward", "augment"):
        examples = FinetuningExamples(learner, train, n_examples=21, strands=strands, seed=3)
        labels = [int(examples[number]["labels"]) for number in range(21)]
        assert [sorted(labels[start : start + 7]) for start in (0, 7, 14)] == [list(range(7))] * 3
        assert labels[:7] != labels[7:14]
        forward = [tuple(learner.encode(SEQUENCES[label]).tolist()) for label in labels]
        n_turned = sum(tuple(examples[i]["input_ids"].tolist()) != forward[i] for i in range(21))
        assert (n_turned == 0) == (strands == "forward")
        assert n_turned < 21
