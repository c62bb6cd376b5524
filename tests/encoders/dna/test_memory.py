"""Sizes of a network that no machine holds are refused before anything is made of them."""

import pytest

from encoders.dna.registry import load_encoder
from encoders.errors import InputError


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("dnabert-3", {"num_hidden_layers": 99_999_999}),
        ("dnabert2", {"hidden_size": 9_999_996}),
        ("caduceus-ps", {"n_layer": 99_999_999}),
        ("nucleotide-transformer", {"num_hidden_layers": 99_999_999}),
    ],
)
def test_a_network_that_no_memory_holds_is_refused(name: str, sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"must fit into the memory, .* GB here; .* lower the sizes"):
        load_encoder(f"untrained:{name}", device="cpu", **sizes)
