"""Gradients of the networks against transformers', and against finite differences."""

import pytest
import torch
from torch import Tensor

from encoders.dna.networks import mamba
from encoders.dna.networks.caduceus import CaduceusModel, CaduceusShape
from encoders.dna.networks.mamba import MambaSizes
from encoders.dna.networks.mosaic_bert import MosaicBert, MosaicBertShape
from encoders.dna.networks.scans.learning import KEPT_EVERY, LearningScan
from encoders.dna.networks.scans.plain import selective_scan
from encoders.errors import InputError
from encoders.training.loop.checkpointing import checkpoint_layers
from encoders.training.pretraining.heads import MaskedLanguageModel

IDS = torch.tensor([[2, 9, 7, 10, 8, 9, 3], [2, 8, 10, 7, 3, 0, 0]])
MASK = (torch.arange(7) < torch.tensor([[7], [5]])).long()
LABELS = torch.full_like(IDS, -100).index_put(
    (torch.tensor([0, 0, 1]), torch.tensor([2, 4, 3])), torch.tensor([7, 9, 8])
)


def caduceus(*, rcps: bool, fused: bool = True) -> CaduceusModel:
    torch.manual_seed(1)
    sizes = MambaSizes(d_model=6, d_inner=8, d_state=3, d_conv=4, dt_rank=2)
    model = CaduceusModel(CaduceusShape(2, 16, sizes, 1e-5, rcps, fused))
    for _, weight in model.named_parameters():  # those of the embedding are small, gradients through them smaller
        weight.data += 0.3 * torch.randn_like(weight)
    return model


def mosaic() -> MosaicBert:
    torch.manual_seed(2)
    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 10}
    return MosaicBert(MosaicBertShape(**sizes, vocab_size=16))


def test_gradients_of_bert_with_our_head_are_those_of_transformers() -> None:
    from transformers import BertConfig, BertForMaskedLM

    sizes = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 10}
    torch.manual_seed(3)
    theirs = BertForMaskedLM(BertConfig(**sizes, vocab_size=16, layer_norm_eps=1e-12)).double().train(False)
    ours = MaskedLanguageModel(theirs.bert).double()
    assert ours.load_head(theirs.state_dict())
    expected = theirs(input_ids=IDS, attention_mask=MASK, labels=LABELS).loss
    wanted = dict(zip(dict(theirs.named_parameters()), grads(expected, theirs), strict=True))
    theirs.zero_grad()
    loss = ours(IDS, MASK, LABELS)["loss"]
    assert abs(float((loss - expected).detach())) < 1e-12
    of_ours = dict(zip(dict(ours.named_parameters()), grads(loss, ours), strict=True))
    assert len(of_ours) == len(wanted)
    for key, gradient in of_ours.items():
        other = key.replace("network.", "bert.").replace("head.", "cls.predictions.")
        assert torch.allclose(gradient, wanted[other], atol=1e-12, rtol=1e-9), key


def grads(loss: Tensor, model: torch.nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters())))


@pytest.mark.parametrize("network", ["mosaic", "ph", "ps", "ps-unfused", "ps in blocks"])
def test_gradients_are_finite_differences(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if network == "ps in blocks":
        monkeypatch.setattr(mamba, "BLOCK_STEPS", 3)
    made = mosaic() if network == "mosaic" else caduceus(rcps=network != "ph", fused=network != "ps-unfused")
    model = MaskedLanguageModel(made).double()
    found = grads(model(IDS, MASK, LABELS)["loss"], model)
    generator = torch.Generator().manual_seed(4)
    for parameter, gradient in zip(model.parameters(), found, strict=True):
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        direction /= direction.norm()
        losses = []
        for sign in (1, -1):
            parameter.data += sign * 1e-5 * direction
            losses.append(float(model(IDS, MASK, LABELS)["loss"].detach()))
            parameter.data -= sign * 1e-5 * direction
        expected = float((gradient * direction).sum())
        assert abs((losses[0] - losses[1]) / 2e-5 - expected) < 1e-8 * (1 + abs(expected))
    assert max(float(one.abs().max()) for one in found) > 1e-3


@pytest.mark.parametrize("network", ["mosaic", "ps"])
def test_layers_that_forget_have_the_same_gradients(network: str) -> None:
    made = mosaic() if network == "mosaic" else caduceus(rcps=True)
    model = MaskedLanguageModel(made)
    expected = grads(model(IDS, MASK, LABELS)["loss"], model)
    checkpoint_layers(made)
    for found, wanted in zip(grads(model(IDS, MASK, LABELS)["loss"], model), expected, strict=True):
        assert torch.equal(found, wanted)
    with pytest.raises(InputError, match="is none"):
        checkpoint_layers(torch.nn.Linear(2, 2))


def test_the_scan_that_learns_is_the_scan_and_its_gradients_are_finite_differences() -> None:
    torch.manual_seed(5)
    n_steps, shape = 2 * KEPT_EVERY + 3, {"dtype": torch.float64}
    u, b, c = (torch.randn(2, n_steps, 2, width, **shape) for width in (3, 4, 4))  # type: ignore[arg-type]
    step = torch.rand(2, n_steps, 2, 3, dtype=torch.float64)
    a, state = -torch.rand(2, 4, 3, dtype=torch.float64), torch.randn(2, 2, 4, 3, dtype=torch.float64)
    for found, expected in zip(
        LearningScan.apply(u, step, a, b, c, state), selective_scan(u, step, a, b, c, state), strict=True
    ):
        assert torch.equal(found, expected)
    asked = [one.requires_grad_() for one in (u, step, a, b, c, state)]
    assert torch.autograd.gradcheck(LearningScan.apply, asked, fast_mode=True)


@pytest.mark.parametrize(("n_steps", "d_inner"), [(1, 1), (KEPT_EVERY, 128), (2 * KEPT_EVERY + 3, 300)])
def test_the_compiled_gradients_are_those_of_more_bits_by_any_number_of_threads(n_steps: int, d_inner: int) -> None:
    torch.manual_seed(6)
    u, b, c = (torch.randn(2, n_steps, 3, width) for width in (d_inner, 4, 4))
    step, a = torch.rand(2, n_steps, 3, d_inner), -3 * torch.rand(2, 4, d_inner)
    state, of_y, of_state = (torch.randn(2, *shape, d_inner) for shape in ((3, 4), (n_steps, 3), (3, 4)))
    inputs = [one.requires_grad_() for one in (u, step, a, b, c, state)]
    exact = [one.detach().double().requires_grad_() for one in inputs]

    def gradients(asked: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        found = LearningScan.apply(*asked)
        return torch.autograd.grad(found, asked, [of_y.to(asked[0].dtype), of_state.to(asked[0].dtype)])

    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2, 7):
            torch.set_num_threads(n_threads)
            found.append(gradients(inputs))
    finally:
        torch.set_num_threads(before)
    for *same, expected in zip(*found, gradients(exact), strict=True):
        assert all(torch.equal(one, same[0]) for one in same)
        torch.testing.assert_close(same[0].double(), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-5)


def test_the_compiled_gradients_hide_no_nan() -> None:
    inputs = [torch.rand(2, 20, 1, 3), torch.rand(2, 20, 1, 3), -torch.rand(2, 4, 3), *torch.rand(2, 2, 20, 1, 4)]
    inputs.append(torch.full((2, 1, 4, 3), float("nan")))
    asked = [one.requires_grad_() for one in inputs]
    y, _ = LearningScan.apply(*asked)
    of_step, of_c = torch.autograd.grad(y.sum(), [asked[1], asked[4]])
    assert of_step.isnan().all()
    assert of_c.isnan().all()


def test_what_ps_tells_of_a_sequence_it_tells_of_its_reverse_complement() -> None:
    network = caduceus(rcps=True)
    model, ids = MaskedLanguageModel(network), torch.tensor([[9, 7, 3, 10, 8, 9, 7]])
    other = network.complement_map[ids.flip(1)]
    logits, of_other = (model(one, torch.ones_like(one))["logits"][0] for one in (ids, other))
    assert torch.allclose(of_other.flip(0)[:, network.complement_map], logits, atol=1e-6)
    assert not torch.allclose(of_other.flip(0), logits, atol=1e-2)


def test_the_loss_is_a_mean_over_all_told_tokens_of_a_step() -> None:
    model = MaskedLanguageModel(mosaic())
    whole = model(IDS, MASK, LABELS)["loss"]
    parts = [model(IDS[row], MASK[row], LABELS[row], num_items_in_batch=3)["loss"] for row in ([0], [1])]
    assert torch.allclose(parts[0] + parts[1], whole, atol=1e-6)
    nothing = model(IDS, MASK, torch.full_like(IDS, -100))["loss"]
    assert float(nothing) == 0
