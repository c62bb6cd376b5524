"""Every layout against the library's own loading and forward pass, unpadded; every tokenizer; and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, processors
from torch import Tensor

from encoders import InputError, load_encoder
from encoders.dna.networks.transformers_layouts import LAYOUTS
from encoders.dna.token_models.framed_encoder import FramedEncoder
from encoders.dna.tokenizers.kmer import KmerTokenizer
from encoders.dna.verification.contract import check_encoder

TOLERANCE = 2e-5
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24}
MORE: dict[str, dict[str, object]] = {
    "bert": {"layer_norm_eps": 1e-7},
    "esm": {"pad_token_id": 1, "mask_token_id": 2, "token_dropout": True, "position_embedding_type": "absolute"},
    "modernbert": {"global_attn_every_n_layers": 2, "local_attention": 6},
    "llama": {"num_key_value_heads": 2, "rope_theta": 5e5, "rms_norm_eps": 1e-5, "tie_word_embeddings": False},
    "mistral": {"num_key_value_heads": 2, "sliding_window": 7},
    "gpt2": {"n_inner": 24},
}
HEADED = {
    "bert": "BertForMaskedLM",
    "esm": "EsmForMaskedLM",
    "modernbert": "ModernBertForMaskedLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "gpt2": "GPT2LMHeadModel",
}
TOKENIZER_OF = {"bert": "kmer", "esm": "nt-v1", "modernbert": "character", "llama": "generator", "mistral": "nt-v2"}
ROWS = {"kmer": 69, "nt-v1": 4105, "character": 12, "generator": 4128, "nt-v2": 4107}
SEQUENCES = ["ACGTTGCATGGCATTACGATTACAGGCA", "ACGTTGCA", "TTGCATGGCATTACGATT"]
MODELS: tuple[str, ...] = tuple(LAYOUTS)


def load(source: Path, **settings: object) -> FramedEncoder:
    encoder = load_encoder("huggingface", source=str(source), device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, FramedEncoder)
    return encoder


def save_model(folder: Path, layout: str, n_rows: int, **changes: object) -> None:
    """A model with its head of pretraining and random weights, saved by the library."""
    special = dict.fromkeys(("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "pad_token_id"), 0)
    sizes = SIZES if layout != "gpt2" else {key: size for key, size in SIZES.items() if key != "intermediate_size"}
    settings = sizes | {"vocab_size": n_rows, "max_position_embeddings": 70} | special | MORE[layout] | changes
    config = getattr(transformers, LAYOUTS[layout].config_class)(**settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        model = getattr(transformers, HEADED[layout])(config)
        for parameter in model.parameters():  # also biases and norms, which start as 0 and 1
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)


def tokenizer_of(layout: str) -> dict[str, object]:
    return {"tokenizer": TOKENIZER_OF.get(layout, "kmer"), "k": 3}


@pytest.fixture(params=MODELS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    save_model(tmp_path, request.param, ROWS[str(tokenizer_of(request.param)["tokenizer"])])
    return request.param, tmp_path


def test_an_esm_with_rotary_positions_is_read_too(tmp_path: Path) -> None:
    save_model(tmp_path, "esm", 4105, position_embedding_type="rotary", emb_layer_norm_before=True)
    encoder = load(tmp_path, tokenizer="nt-v1")
    ids = torch.from_numpy(encoder.tokenizer.encode(SEQUENCES[0]))[None]
    own = transformers.EsmModel.from_pretrained(tmp_path, add_pooling_layer=False).train(False)
    with torch.inference_mode():
        expected = own(input_ids=ids).last_hidden_state
    assert (encoder.model(ids).last_hidden_state - expected).abs().max() < TOLERANCE


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    save_model(tmp_path, "bert", 69)
    return tmp_path


def change_weights(folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_hidden_states_equal_the_library_s_own(saved: tuple[str, Path]) -> None:
    layout, folder = saved
    encoder = load(folder, **tokenizer_of(layout))
    own: Any = getattr(transformers, LAYOUTS[layout].model_class).from_pretrained(folder).train(False)
    for sequence in SEQUENCES:
        ids = torch.from_numpy(encoder.tokenizer.encode(sequence))[None]
        with torch.inference_mode():
            expected = own(input_ids=ids, output_hidden_states=True)
        found = encoder.model(ids)
        assert len(found.hidden_states) == len(expected.hidden_states) == 3
        for one, other in zip(found.hidden_states, expected.hidden_states, strict=True):
            assert (one - other).abs().max() < TOLERANCE
        first, last = encoder.tokenizer.n_before, ids.shape[1] - encoder.tokenizer.n_after
        mean = expected.last_hidden_state[0, first:last].mean(dim=0)
        batched = encoder.embed(SEQUENCES)[SEQUENCES.index(sequence)]  # padded there, not here
        np.testing.assert_allclose(batched, mean.numpy(), atol=TOLERANCE)


def test_every_layout_keeps_the_contract(saved: tuple[str, Path]) -> None:
    layout, folder = saved
    checks = check_encoder(load(folder, **tokenizer_of(layout)))
    assert [check for check in checks if not check.passed] == []


def test_one_key_less_is_refused_by_its_name(saved: tuple[str, Path]) -> None:
    layout, folder = saved
    key = next(
        key
        for key in sorted(load_file(folder / "model.safetensors"))
        if ("1." in key and "dense.weight" in key) or "proj.weight" in key or "attn.W" in key or "c_attn.w" in key
    )
    change_weights(folder, lambda weights: weights.pop(key))
    with pytest.raises(InputError, match=f"lacks {key}"):
        load(folder, **tokenizer_of(layout))


def test_one_key_more_is_refused_by_its_name(saved: tuple[str, Path]) -> None:
    layout, folder = saved
    change_weights(folder, lambda weights: weights.update({"adapter.weight": torch.ones(2)}))
    with pytest.raises(InputError, match=r"unknown to the model, adapter\.weight"):
        load(folder, **tokenizer_of(layout))


def test_code_beside_the_checkpoint_is_never_run(bert: Path) -> None:
    (bert / "modeling_x.py").write_text("raise SystemExit('run')")
    auto_map = {"AutoConfig": "modeling_x.C", "AutoModel": "modeling_x.M", "AutoModelForMaskedLM": "modeling_x.L"}
    expected = load(bert, tokenizer="kmer", k=3).embed(SEQUENCES)
    change_config(bert, auto_map=auto_map)
    assert np.array_equal(load(bert, tokenizer="kmer", k=3).embed(SEQUENCES), expected)


def test_bytes_of_a_tokenizer_json_are_read_and_its_end_tokens_found(tmp_path: Path) -> None:
    pieces = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", *"ACGT", "AC", "GT", "ACGT"]
    merges = [("A", "C"), ("G", "T"), ("AC", "GT")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="[UNK]"))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    made.save(str(tmp_path / "tokenizer.json"))
    save_model(tmp_path, "bert", len(pieces))
    encoder = load(tmp_path, tokenizer="bpe")
    assert encoder.tokenizer.encode("ACGTACNT").tolist() == [1, 10, 8, 0, 7, 2]
    assert (encoder.tokenizer.n_before, encoder.tokenizer.n_after, encoder.tokenizer.pad_id) == (1, 1, 3)
    assert all(check.passed for check in check_encoder(encoder))
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    made.save(str(tmp_path / "tokenizer.json"))
    other = load(tmp_path, tokenizer="bpe")
    assert (other.tokenizer.n_before, other.tokenizer.n_after) == (1, 0)
    assert other.spec.fingerprint != encoder.spec.fingerprint
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as a tokenizer"):
        load(tmp_path, tokenizer="bpe")
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"reads tokenizer\.json"):
        load(tmp_path, tokenizer="bpe")


def test_a_vocabulary_of_the_checkpoint_s_own_order_is_read(bert: Path) -> None:
    listed = [*KmerTokenizer(3).vocabulary()][:5] + sorted(KmerTokenizer(3).vocabulary()[5:])
    (bert / "vocab.txt").write_text("\n".join(listed))
    encoder = load(bert, tokenizer="vocabulary", k=3)
    assert [listed[number] for number in encoder.tokenizer.encode("ACGTNACG")] == [
        *("[CLS]", "ACG", "CGT", "[UNK]", "[UNK]", "[UNK]", "ACG", "[SEP]")
    ]
    with pytest.raises(InputError, match=r"otherwise than .* Use tokenizer 'vocabulary'"):
        load(bert, tokenizer="kmer", k=3)
    (bert / "vocab.txt").write_text("\n".join([*listed[:5], *map(str.lower, listed[5:])]))
    lower = load(bert, tokenizer="vocabulary", k=3)
    assert lower.tokenizer.encode("ACGTN").tolist() == encoder.tokenizer.encode("ACGTN").tolist()
    (bert / "vocab.txt").write_text("\n".join(listed[:-1]))
    with pytest.raises(InputError, match="has 63 and a token for unknown ones"):
        load(bert, tokenizer="vocabulary", k=3)


def test_the_kmers_are_dnabert_s() -> None:
    encoder = load_encoder("untrained:huggingface", tokenizer="kmer", k=4, **SIZES)  # type: ignore[arg-type]
    assert isinstance(encoder, FramedEncoder)
    sequence = "ACGTTGCANGGCATTACGAT"
    assert encoder.tokenizer.encode(sequence).tolist() == KmerTokenizer(4).encode(sequence).tolist()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "needs the option tokenizer, one of kmer"),
        ({"tokenizer": "words"}, "got 'words'"),
        ({"tokenizer": "kmer", "k": 6}, "has 4101 tokens, the network of .* 69"),
        ({"tokenizer": "kmer", "k": 9}, "k from 1 to 8; got 9"),
        ({"tokenizer": "kmer", "k": 3, "layout": "roberta"}, "'roberta'.*option layout"),
        ({"tokenizer": "kmer", "k": 3, "layout": "gpt2"}, "lacks"),
        ({"tokenizer": "kmer", "k": 3, "max_tokens": 2}, "leave room for a base"),
        ({"tokenizer": "kmer", "k": 3, "dtype": "float16"}, "'float16' .* is refused"),
        ({"tokenizer": "kmer", "k": 3, "trust_remote_code": 1}, "no option 'trust_remote_code'"),
        ({"tokenizer": "kmer", "k": 3, "layer": 3}, "layers 0"),
    ],
)
def test_settings_it_cannot_take_are_refused(bert: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load(bert, **settings)


def test_a_causal_model_has_no_cls_and_an_esm_its_own_padding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has seen nothing"):
        load_encoder("untrained:huggingface", layout="llama", tokenizer="generator", pooling="cls", **SIZES)  # type: ignore[arg-type]
    save_model(tmp_path, "esm", 4105, pad_token_id=3)
    with pytest.raises(InputError, match="counts positions from its padding token, 3; that of the tokenizer is 1"):
        load(tmp_path, tokenizer="nt-v1")


def test_quantized_weights_and_broken_sizes_are_refused(bert: Path) -> None:
    change_config(bert, quantization_config={"bits": 4})
    with pytest.raises(InputError, match="quantized"):
        load(bert, tokenizer="kmer", k=3)
    change_config(bert, quantization_config=None, num_attention_heads=5)
    with pytest.raises(InputError, match=r"do not go together|is not one of"):
        load(bert, tokenizer="kmer", k=3)


def test_the_layers_of_gpt2_cannot_be_rounded_and_others_can(bert: Path) -> None:
    with pytest.raises(InputError, match="none of torch's"):
        load_encoder("untrained:huggingface", layout="gpt2", tokenizer="kmer", dtype="bfloat16", **SIZES)  # type: ignore[arg-type]
    exact, rounded = (load(bert, tokenizer="kmer", k=3, dtype=dtype) for dtype in ("float32", "bfloat16"))
    error = np.linalg.norm(exact.embed(SEQUENCES) - rounded.embed(SEQUENCES)) / np.linalg.norm(exact.embed(SEQUENCES))
    assert 0 < error < 0.02


def test_long_sequences_are_stitched_if_asked(bert: Path) -> None:
    sequence = "".join(np.random.default_rng(5).choice(list("ACGT"), 200))
    with pytest.raises(InputError, match="at most 70 bp"):
        load(bert, tokenizer="kmer", k=3).embed([sequence])
    encoder = load(bert, tokenizer="kmer", k=3, long="stitch", margin=10)
    assert encoder.embed([sequence]).shape == (1, 16)


def test_generator_reads_whole_six_mers() -> None:
    encoder = load_encoder("untrained:huggingface", layout="llama", tokenizer="generator", **SIZES)  # type: ignore[arg-type]
    assert (encoder.spec.min_bp, encoder.spec.max_bp) == (6, 6 * 513)
    one, other = encoder.embed(["ACGTTGCATGGC", "ACGTTGCATGGCATTAC"])
    np.testing.assert_allclose(one, other, atol=TOLERANCE)
