"""Pseudo-log-likelihoods against transformers' own masked model, and against the published code's logits."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertForMaskedLM

from encoders import InputError, load_encoder
from encoders.dna.attribution.masked_head import MaskedModel
from encoders.dna.models.caduceus import Caduceus
from encoders.dna.tokenizers import single_base
from encoders.dna.tokenizers.kmer import MASK, KmerTokenizer
from encoders.genome.sequences import reverse_complement

SEQUENCE = "ACGTTGCATGACCATGNACG"


@pytest.mark.filterwarnings("ignore:.*hold an N")
def test_it_equals_a_direct_computation_with_transformers(reference_checkpoint: Path) -> None:
    """Each k-mer and those that share bases with it are masked, one sequence after the other."""
    model = BertForMaskedLM.from_pretrained(reference_checkpoint).eval()
    ids = torch.from_numpy(KmerTokenizer(3).encode(SEQUENCE))
    expected = 0.0
    with torch.inference_mode():
        for place in range(1, len(ids) - 1):
            masked = ids.clone()
            for near in range(place - 2, place + 3):
                if 1 <= near <= len(ids) - 2:
                    masked[near] = MASK
            logits = model(masked[None]).logits[0, place]
            expected += float(logits.log_softmax(-1)[ids[place]])
    encoder = load_encoder("dnabert-3", source=str(reference_checkpoint), device="cpu")
    found = MaskedModel(encoder).log_likelihood(SEQUENCE)
    assert found == pytest.approx(expected, abs=1e-4)
    average = load_encoder("dnabert-3", source=str(reference_checkpoint), device="cpu", rc="average")
    assert MaskedModel(average).log_likelihood(SEQUENCE) == found  # of the strand that is given


def test_logits_are_those_of_the_published_code(bpe_tokenizer: Path, reference_data: Path, tmp_path: Path) -> None:
    for name, file in (("config.json", "tiny4h_config.json"), ("model.safetensors", "tiny4h_mlm.safetensors")):
        (tmp_path / name).write_bytes((reference_data / "dnabert2" / file).read_bytes())
    (tmp_path / "tokenizer.json").write_bytes(bpe_tokenizer.read_bytes())
    model = MaskedModel(load_encoder("dnabert2", source=str(tmp_path), device="cpu"))
    with np.load(reference_data / "dnabert2/tiny4h_io.npz") as arrays:
        hidden, logits = arrays["single/hidden_states"][-1], arrays["single/mlm_logits"]
    np.testing.assert_allclose(model._logits(torch.from_numpy(hidden)), logits, atol=2e-5)
    assert model.log_likelihood("ACGTTGCATGACC") < 0


@pytest.mark.filterwarnings("ignore:.*hold an N")
@pytest.mark.parametrize("variant", ["ph", "ps_fused", "ps_unfused"])
def test_of_caduceus_one_base_is_masked_on_both_strands(variant: str, reference_data: Path, tmp_path: Path) -> None:
    for name, file in (
        ("config.json", f"tiny_{variant}_config.json"),
        ("model.safetensors", f"tiny_{variant}.safetensors"),
    ):
        (tmp_path / name).write_bytes((reference_data / "caduceus" / file).read_bytes())
    encoder = load_encoder(f"caduceus-{variant[:2]}", source=str(tmp_path), device="cpu")
    assert isinstance(encoder, Caduceus)
    ids = torch.from_numpy(single_base.encode_bases(SEQUENCE))
    expected = 0.0
    with torch.inference_mode():
        for place in range(len(ids)):
            masked = ids.clone()
            masked[place] = single_base.MASK
            logits = encoder.model.logits(encoder.model(masked[None]).last_hidden_state)[0, place]
            expected += float(logits.log_softmax(-1)[ids[place]])
    model = MaskedModel(encoder)
    found = model.log_likelihood(SEQUENCE)
    assert found == pytest.approx(expected, abs=1e-4)
    other = model.log_likelihood(reverse_complement(SEQUENCE))
    assert (other == pytest.approx(found, abs=1e-4)) == (variant != "ph")  # PS reads both strands, whichever is given


def test_who_has_no_head_says_so(reference_checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    with pytest.raises(InputError, match="those of DNABERT, DNABERT-2 and Caduceus; got kmer-5"):
        MaskedModel(load_encoder("kmer-spectrum"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    with pytest.raises(InputError, match="has random weights"):
        MaskedModel(load_encoder("untrained:dnabert-3", **sizes))
    for path in reference_checkpoint.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    kept = {key: value for key, value in weights.items() if "transform.dense.weight" not in key}
    save_file(kept, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"lacks cls\.predictions\.transform\.dense\.weight"):
        MaskedModel(load_encoder("dnabert-3", source=str(tmp_path), device="cpu"))
