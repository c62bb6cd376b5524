"""DNABERT-2 against the authors' network, layout and tokens; and what a wrong file or batch may not do."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, linear

from encoders import InputError, load_encoder
from encoders.dna.models.dnabert2 import BASE_SIZES, DECODER_KEY
from encoders.dna.networks import alibi
from encoders.dna.networks.alibi import AlibiAttention, alibi_slopes
from encoders.dna.networks.mosaic_bert import MosaicBert, MosaicBertShape
from encoders.dna.networks.packing import Packing
from encoders.dna.token_models.token_encoder import TokenEncoder
from encoders.dna.tokenizers.bpe import PAD, SPECIAL_TOKENS, UNK, BpeTokenizer, FixedPieceTokenizer
from encoders.dna.verification.contract import check_encoder
from encoders.genome.sequences import reverse_complement

TOLERANCE = 2e-5
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
CASES = ("single", "padded_right", "padded_left", "longer_than_alibi_start")
WQKV = "bert.encoder.layer.0.attention.self.Wqkv.weight"
WORDS = "bert.embeddings.word_embeddings.weight"
Weights = dict[str, Tensor]
Arrays = dict[str, np.ndarray]


def load_dnabert2(name: str = "dnabert2", **settings: object) -> TokenEncoder:
    encoder = load_encoder(name, device="cpu", **settings)  # type: ignore[arg-type]
    assert isinstance(encoder, TokenEncoder)
    return encoder


def make_sequences(n: int, seed: int, longest: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(list("ACGT"), length)) for length in rng.integers(1, longest + 1, n)]


def change_weights(folder: Path, change: Callable[[Weights], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file({key: tensor.contiguous() for key, tensor in weights.items()}, folder / "model.safetensors")


def without_prefix(weights: Weights) -> None:
    for key in list(weights):
        weights[key.removeprefix("bert.")] = weights.pop(key)


def permute_thirds(weights: Weights) -> None:
    query, key, value = weights[WQKV].chunk(3)
    weights[WQKV] = torch.cat([key, query, value])


def error_against_reference(encoder: TokenEncoder, reference: Arrays, *, mask: bool = True) -> float:
    """Largest error over all cases, layers and positions, padding included."""
    errors = []
    for case in CASES:
        attention_mask = torch.from_numpy(reference[f"{case}/attention_mask"]) if mask else None
        output = encoder.model(torch.from_numpy(reference[f"{case}/input_ids"]), attention_mask)
        torch.testing.assert_close(output.last_hidden_state, output.hidden_states[-1], rtol=0, atol=0)
        hidden = torch.stack(output.hidden_states).numpy()
        assert hidden.shape == reference[f"{case}/hidden_states"].shape
        errors.append(np.abs(hidden - reference[f"{case}/hidden_states"]).max())
    return float(max(errors))


@pytest.fixture
def checkpoint(bpe_tokenizer: Path, reference_data: Path, tmp_path: Path) -> Path:
    """The reference's tiny model in the published layout, as a folder."""
    folder = tmp_path / "tiny4h"
    folder.mkdir()
    shutil.copyfile(reference_data / "dnabert2/tiny4h_config.json", folder / "config.json")
    shutil.copyfile(reference_data / "dnabert2/tiny4h_mlm.safetensors", folder / "model.safetensors")
    shutil.copyfile(bpe_tokenizer, folder / "tokenizer.json")
    return folder


def _tokenizer_version(folder: Path) -> str:
    return f"bpe-{hashlib.sha256((folder / 'tokenizer.json').read_bytes()).hexdigest()[:8]}"


@pytest.fixture
def published_checkpoint(checkpoint: Path, published_data: Path) -> Path:
    """The same with the published tokenizer."""
    shutil.copyfile(published_data / "tokenizers/dnabert2/tokenizer.json", checkpoint / "tokenizer.json")
    return checkpoint


@pytest.fixture
def reference(reference_data: Path) -> Arrays:
    with np.load(reference_data / "dnabert2/tiny4h_io.npz") as arrays:
        return dict(arrays)


def test_hidden_states_equal_the_reference(checkpoint: Path, reference: Arrays) -> None:
    assert {key.split("/")[0] for key in reference} == {*CASES, "alibi_slopes"}
    assert error_against_reference(load_dnabert2(source=str(checkpoint)), reference) < TOLERANCE


def test_the_network_gives_the_logits_of_the_reference_through_the_tied_decoder(
    checkpoint: Path, reference: Arrays
) -> None:
    encoder, weights = load_dnabert2(source=str(checkpoint)), load_file(checkpoint / "model.safetensors")
    hidden = encoder.model(torch.from_numpy(reference["single/input_ids"])).last_hidden_state
    head = {key.removeprefix("cls.predictions."): tensor for key, tensor in weights.items() if key.startswith("cls.")}
    hidden = gelu(linear(hidden, head["transform.dense.weight"], head["transform.dense.bias"]))
    hidden = layer_norm(hidden, (32,), head["transform.LayerNorm.weight"], head["transform.LayerNorm.bias"], eps=1e-12)
    logits = linear(hidden, weights[WORDS], head["decoder.bias"])
    np.testing.assert_allclose(logits, reference["single/mlm_logits"], atol=TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*hold an N")
@pytest.mark.parametrize("layer", [-1, 0, 1])
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooled_vectors_equal_the_reference_without_specials(
    checkpoint: Path,
    reference_data: Path,
    reference: Arrays,
    monkeypatch: pytest.MonkeyPatch,
    pooling: str,
    layer: int,
) -> None:
    """The sequences get the ids that the authors' tokenizer gave them; that ours gives the same is another test."""
    ids_of = _published_ids(reference_data, reference)
    monkeypatch.setattr(BpeTokenizer, "encode", lambda _, sequence: np.array(ids_of[sequence], dtype=np.int64))
    encoder = load_dnabert2(source=str(checkpoint), pooling=pooling, layer=layer)
    hidden = reference["padded_right/hidden_states"][layer]
    for row, sequence in enumerate(json.loads((reference_data / "dnabert2/seqs.json").read_text())):
        if sequence in ids_of:
            pieces = hidden[row, 1 : len(ids_of[sequence]) - 1]
            expected = {"mean": pieces.mean(axis=0), "cls": hidden[row, 0], "max": pieces.max(axis=0)}[pooling]
            np.testing.assert_allclose(encoder.embed([sequence])[0], expected, atol=TOLERANCE)


def _published_ids(reference_data: Path, reference: Arrays) -> dict[str, list[int]]:
    """Ids of the reference's sequences, special tokens included; the authors' tokenizer knows no lower-case letter."""
    sequences = json.loads((reference_data / "dnabert2/seqs.json").read_text())
    tokens, mask = reference["padded_right/input_ids"], reference["padded_right/attention_mask"]
    rows = zip(sequences, tokens, mask, strict=True)
    found = {sequence: ids[known == 1].tolist() for sequence, ids, known in rows if sequence.isupper()}
    assert len(found) == 3
    return found


def test_pooling_the_special_tokens_too_would_be_seen(checkpoint: Path, reference: Arrays) -> None:
    hidden, mask = reference["single/hidden_states"][-1, 0], reference["single/attention_mask"][0]
    with_specials = hidden[mask == 1].mean(axis=0)
    without = hidden[1:-1].mean(axis=0)
    assert np.abs(with_specials - without).max() > 1000 * TOLERANCE


def test_the_published_checkpoint_is_the_full_size_network(reference_data: Path) -> None:
    published = json.loads((reference_data / "dnabert2/published_117M_keys_shapes.json").read_text())
    with torch.device("meta"):
        model = MosaicBert(MosaicBertShape(**BASE_SIZES, vocab_size=4096))
    network = {f"bert.{key}": list(tensor.shape) for key, tensor in model.state_dict().items()}
    heads = {key: shape for key, shape in published.items() if key.startswith("cls.")}
    assert (len(published), len(heads)) == (142, 6)
    assert network | heads == published
    assert heads[DECODER_KEY] == network[WORDS]


@pytest.mark.parametrize("n_heads", [1, 2, 4, 8, 16])
def test_slopes_are_geometric_for_powers_of_two(n_heads: int) -> None:
    np.testing.assert_allclose(alibi_slopes(n_heads), 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads))


def test_slopes_of_twelve_heads_are_those_published(reference: Arrays) -> None:
    exponents = [*range(1, 9), 0.5, 1.5, 2.5, 3.5]
    np.testing.assert_allclose(alibi_slopes(12), 2.0 ** -np.array(exponents), rtol=1e-15)
    np.testing.assert_array_equal(alibi_slopes(4), reference["alibi_slopes"])


@pytest.mark.parametrize("padding", ["none", "right", "left"])
def test_every_way_of_attending_equals_the_equation(monkeypatch: pytest.MonkeyPatch, padding: str) -> None:
    """One by one as on a CPU; in blocks and in a kernel as on a GPU."""
    generator = torch.Generator().manual_seed(1)
    query, key, value = torch.randn(3, 2, 3, 37, 16, generator=generator)
    is_token = torch.ones(2, 37, dtype=torch.bool)
    is_token[1] = {"none": is_token[1], "right": torch.arange(37) < 23, "left": torch.arange(37) >= 14}[padding]
    slopes = torch.tensor(alibi_slopes(3))
    distance = (torch.arange(37)[:, None] - torch.arange(37)).abs()
    scores = query @ key.transpose(-1, -2) / 16**0.5 - slopes[:, None, None] * distance
    expected = scores.masked_fill(~is_token[:, None, None], -torch.inf).softmax(-1) @ value
    packing = Packing(is_token)
    packed = [packing.pack(one.transpose(1, 2)) for one in (query, key, value)]
    whole = packing.pack(expected.transpose(1, 2))
    attention = AlibiAttention(slopes, packing)
    torch.testing.assert_close(attention(*packed), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(attention.attend_padded(*packed), whole, atol=1e-6, rtol=0)
    monkeypatch.setattr(alibi, "BLOCK_VALUES", 11 * 2 * 3 * 37)
    torch.testing.assert_close(attention.attend_padded(*packed), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(attention.attend_in_kernel(*packed), whole, atol=1e-6, rtol=0)
    rough = AlibiAttention(slopes, packing, torch.bfloat16).attend_in_kernel(*packed)
    torch.testing.assert_close(rough, whole, atol=2e-2, rtol=0)
    assert rough.dtype == torch.float32


def test_padding_inside_a_sequence_is_refused(checkpoint: Path) -> None:
    model = load_dnabert2(source=str(checkpoint)).model
    with pytest.raises(InputError, match="attention_mask has padding inside one"):
        model(torch.full((2, 5), 7), torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0]]))


def test_8192_tokens_fit_in_memory() -> None:
    """The heads of the published model, with padding and without; their biases at once would take 3.2 GB."""
    code = (
        "import re, torch\n"
        "from encoders.dna.networks.mosaic_bert import MosaicBert, MosaicBertShape\n"
        "shape = MosaicBertShape(hidden_size=96, num_hidden_layers=1, num_attention_heads=12,"
        " intermediate_size=384, vocab_size=4096)\n"
        "model, ids = MosaicBert(shape), torch.arange(8192)[None] % 4096\n"
        "with torch.inference_mode():\n"
        "    alone = model(ids[:, :8185]).last_hidden_state\n"
        "    padded = model(ids, torch.arange(8192)[None] < 8185).last_hidden_state\n"
        "torch.testing.assert_close(padded[:, :8185], alone, rtol=0, atol=2e-5)\n"
        # ru_maxrss would count what the process held that this one was forked from.
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(run.stdout) < 1e6, "kilobytes"


def test_tokens_equal_the_published_vectors(
    published_checkpoint: Path, published_data: Path, reference_data: Path, reference: Arrays
) -> None:
    published = json.loads((published_data / "tokenizers/dnabert2/published_token_vectors.json").read_text())
    tokenizer = BpeTokenizer(published_checkpoint / "tokenizer.json")
    assert tokenizer.version == f"bpe-{published['tokenizer']['tokenizer_sha256']}"
    assert len(published["vectors"]) == 7
    for vector in published["vectors"]:
        assert tokenizer.encode(vector["input_ascii"]).tolist() == vector["input_ids"], vector["label"]
    for sequence, ids in _published_ids(reference_data, reference).items():
        assert tokenizer.encode(sequence).tolist() == ids, sequence


def test_pieces_of_fixed_length_are_a_rule_and_lose_no_base() -> None:
    tokenizer = FixedPieceTokenizer()
    pieces = {number: piece for piece, number in tokenizer._id_of.items()}
    assert tokenizer.vocabulary_size == len(SPECIAL_TOKENS) + sum(4**length for length in range(1, 6))
    assert [tokenizer.encode(base)[1] for base in "ACGT"] == [5, 6, 7, 8], "as DNABERT-2 numbers them"
    for sequence in make_sequences(40, seed=1, longest=60):
        with_gap = f"{sequence}NN{sequence[::-1]}"
        ids = tokenizer.encode(with_gap).tolist()
        assert (ids[0], ids[-1]) == (1, 2)
        assert "".join("N" if one == UNK else pieces[one] for one in ids[1:-1]) == with_gap
        assert len(ids) == 2 + 2 * -(-len(sequence) // 5) + 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no .*tokenizer.json"),
        ("{", "is not JSON"),
        ("[]", "byte-pair encoding"),
        ('{"model": {"type": "WordPiece", "vocab": {}}}', "byte-pair encoding"),
        ('{"model": {"type": "BPE", "vocab": {"[PAD]": 0, "[UNK]": 1}}}', "tokenizer of another model"),
    ],
)
def test_a_tokenizer_of_another_kind_is_refused(checkpoint: Path, text: str | None, words: str) -> None:
    (checkpoint / "tokenizer.json").unlink()
    if text is not None:
        (checkpoint / "tokenizer.json").write_text(text)
    with pytest.raises(InputError, match=words):
        load_dnabert2(source=str(checkpoint))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop(WQKV), f"lacks {WQKV}"),
        (lambda weights: weights.update({"bert.other": weights.pop(WQKV)}), f"lacks {WQKV}"),
        (lambda weights: weights.update({"bert.other": weights[WQKV].clone()}), "unknown to the model, bert.other"),
        (lambda weights: weights.update({WQKV: weights[WQKV][:95]}), rf"in shape \(95, 32\).* \(96, 32\), {WQKV}"),
        (lambda weights: weights.update({DECODER_KEY: weights[WORDS].flip(0)}), f"{DECODER_KEY} and .* one matrix"),
    ],
    ids=["deleted", "renamed", "added", "cut", "tie broken"],
)
def test_a_changed_key_is_named(checkpoint: Path, change: Callable[[Weights], object], words: str) -> None:
    change_weights(checkpoint, change)
    with pytest.raises(InputError, match=words):
        load_dnabert2(source=str(checkpoint))


def test_weights_in_another_order_and_a_mask_ignored_are_far_from_the_reference(
    checkpoint: Path, reference: Arrays
) -> None:
    assert error_against_reference(load_dnabert2(source=str(checkpoint)), reference, mask=False) > 1000 * TOLERANCE
    change_weights(checkpoint, permute_thirds)
    assert error_against_reference(load_dnabert2(source=str(checkpoint)), reference) > 1000 * TOLERANCE


@pytest.mark.parametrize(
    "change",
    [
        without_prefix,
        lambda weights: [weights.pop(key) for key in list(weights) if key.startswith("cls.")],
        lambda weights: weights.update({DECODER_KEY: weights[WORDS].clone()}),
        lambda weights: weights.update({"bert.pooler.dense.bias": torch.ones(32)}),
    ],
    ids=["layout of DNABERT-S", "no head", "decoder stored", "pooler stored"],
)
def test_layouts_of_one_model_give_the_same_vectors(checkpoint: Path, change: Callable[[Weights], object]) -> None:
    sequences = make_sequences(5, seed=2, longest=80)
    before = load_dnabert2(source=str(checkpoint))
    expected = before.embed(sequences)
    change_weights(checkpoint, change)
    after = load_dnabert2(source=str(checkpoint))
    np.testing.assert_array_equal(after.embed(sequences), expected)
    assert after.spec.weights_sha256 != before.spec.weights_sha256


def test_a_bin_file_and_a_moved_folder_give_the_same_vectors(checkpoint: Path) -> None:
    sequences = make_sequences(5, seed=3, longest=80)
    before = load_dnabert2(source=str(checkpoint))
    moved = checkpoint.rename(checkpoint.with_name("moved"))
    after = load_dnabert2(source=str(moved))
    assert (after.spec.fingerprint, after.spec.source) == (before.spec.fingerprint, str(moved))
    torch.save(load_file(moved / "model.safetensors"), moved / "pytorch_model.bin")
    (moved / "model.safetensors").unlink()
    np.testing.assert_array_equal(load_dnabert2(source=str(moved)).embed(sequences), before.embed(sequences))


def test_a_checkpoint_keeps_the_contract(checkpoint: Path) -> None:
    assert [check for check in check_encoder(load_dnabert2(source=str(checkpoint))) if not check.passed] == []


def test_a_vector_does_not_depend_on_its_batch(checkpoint: Path) -> None:
    encoder = load_dnabert2(source=str(checkpoint))
    sequences = make_sequences(60, seed=4, longest=400)
    alone = np.concatenate([encoder.embed([sequence]) for sequence in sequences])
    rng = np.random.default_rng(5)
    for _ in range(200):
        chosen = rng.choice(60, rng.integers(1, 25), replace=True)
        batch = encoder.embed([sequences[index] for index in chosen])
        np.testing.assert_allclose(batch, alone[chosen], atol=TOLERANCE, rtol=0)


def test_what_lies_under_padding_does_not_matter(checkpoint: Path, reference: Arrays) -> None:
    model = load_dnabert2(source=str(checkpoint)).model
    for case in ("padded_right", "padded_left"):
        ids, mask = (torch.from_numpy(reference[f"{case}/{name}"]) for name in ("input_ids", "attention_mask"))
        assert bool((ids[mask == 0] == PAD).all())
        expected = model(ids, mask).last_hidden_state
        torch.testing.assert_close(model(ids.where(mask == 1, 77), mask).last_hidden_state, expected, rtol=0, atol=0)


def test_rna_and_lower_case_are_read_as_dna_and_ambiguity_codes_as_n(checkpoint: Path) -> None:
    encoder = load_dnabert2(source=str(checkpoint))
    dna, masked, rna = encoder.embed(["ACGTTGCATTACG", "acgttgcATTACG", "ACGUUGCAUUACG"])
    np.testing.assert_allclose([masked, rna], [dna, dna], atol=1e-6)
    with pytest.warns(UserWarning, match="hold an N or an ambiguity code"):
        code, gap = encoder.embed(["ACGTTGRATTACG", "ACGTTGNATTACG"])
    np.testing.assert_allclose(code, gap, atol=1e-6)


def test_both_strands_averaged_have_one_vector_to_the_last_bit(checkpoint: Path) -> None:
    forward = load_dnabert2(source=str(checkpoint))
    encoder = load_encoder("dnabert2", source=str(checkpoint), rc="average", device="cpu")
    sequences = make_sequences(23, seed=6, longest=150)
    others = [reverse_complement(sequence) for sequence in sequences]
    vectors = encoder.embed(sequences)
    assert vectors.tobytes() == encoder.embed(others).tobytes()
    np.testing.assert_allclose(vectors, (forward.embed(sequences) + forward.embed(others)) / 2, atol=TOLERANCE)
    assert np.abs(forward.embed(sequences) - forward.embed(others)).max() > 0.01


def test_the_longest_sequence_fits_whatever_its_pieces_are(checkpoint: Path) -> None:
    encoder = load_dnabert2(source=str(checkpoint), max_tokens=60)
    assert (encoder.spec.min_bp, encoder.spec.max_bp) == (1, 58)
    assert encoder.embed(["ACGT" * 14 + "AC", "A"]).shape == (2, 32)
    with pytest.raises(InputError, match="at most 58 bp at once and never truncates; sequence 1 has 59"):
        encoder.embed(["A", "A" * 59])


def test_random_weights_come_from_the_seed_and_leave_torch_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = load_dnabert2("untrained:dnabert2", seed=5, **SMALL)
    np.testing.assert_array_equal(torch.rand(3), expected)
    torch.manual_seed(99)
    again = load_dnabert2("untrained:dnabert2", seed=5, **SMALL)
    other = load_dnabert2("untrained:dnabert2", seed=6, **SMALL)
    sequences = make_sequences(5, seed=7, longest=50)
    np.testing.assert_array_equal(first.embed(sequences), again.embed(sequences))
    assert np.abs(first.embed(sequences) - other.embed(sequences)).max() > 0.1
    assert first.spec == again.spec
    assert first.spec.fingerprint != other.spec.fingerprint
    assert not first.spec.trained
    weights = [module.weight for module in first.model.modules() if isinstance(module, nn.Linear | nn.Embedding)]
    assert 0.018 < float(torch.cat([weight.flatten() for weight in weights]).std()) < 0.022


def test_an_untrained_model_says_which_tokenizer_it_reads_with(checkpoint: Path) -> None:
    by_rule = load_dnabert2("untrained:dnabert2", **SMALL).spec
    by_file = load_dnabert2("untrained:dnabert2", source=str(checkpoint), **SMALL)
    assert (by_rule.label, by_rule.tokenizer_version) == ("untrained dnabert2 5-bp pieces", "pieces-5-1")
    assert by_file.spec.label == "untrained dnabert2"
    assert by_file.spec.tokenizer_version.startswith(_tokenizer_version(checkpoint))
    assert by_file.model.shape.vocab_size == 4096
    assert all(check.passed for check in check_encoder(by_file))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("dnabert2", {}, "hub id zhihan1996/DNABERT-2-117M or zhihan1996/DNABERT-S"),
        ("dnabert2", {"source": "x/y", "hidden_size": 16}, "no option 'hidden_size'"),
        ("untrained:dnabert2", {"revision": "main"}, "revision must not be set"),
        ("untrained:dnabert2", {"source": "nowhere"}, "there is no nowhere/tokenizer.json"),
        ("untrained:dnabert2", {"num_attention_heads": 5}, "multiple of num_attention_heads"),
        ("untrained:dnabert2", {"hidden_size": 0}, "must be positive"),
        ("untrained:dnabert2", SMALL | {"max_tokens": 2}, "leave room for .*; got 2"),
        ("untrained:dnabert2", SMALL | {"layer": 3}, r"layers 0 \(embedding\) to 2; got layer 3"),
        ("untrained:dnabert2", {"pooling": "pooler"}, "one of mean, cls, max; got 'pooler'"),
        ("untrained:dnabert2", {"dtype": "float16"}, "is refused: no CPU multiplies float16 fast"),
        ("untrained:dnabert2", {"device": "tpu"}, "device must be"),
    ],
)
def test_settings_it_cannot_take_are_refused(name: str, settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_encoder(name, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocab_size": 4101}, "has 4101 pieces, tokenizer.json 4096"),
        ({"hidden_act": "relu"}, "asks for 'relu'"),
        ({"num_hidden_layers": None}, "lacks num_hidden_layers"),
        ({"num_hidden_layers": 3}, re.escape("lacks bert.encoder.layer.2.")),
    ],
)
def test_a_config_of_another_model_is_refused(checkpoint: Path, change: dict[str, object], words: str) -> None:
    config = json.loads((checkpoint / "config.json").read_text()) | change
    config = {key: value for key, value in config.items() if value is not None}
    (checkpoint / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=words):
        load_dnabert2(source=str(checkpoint))


def test_a_hub_id_is_read_with_its_tokenizer_from_the_cache(checkpoint: Path, tmp_path: Path) -> None:
    commit = "7bce263b" * 5
    snapshot = tmp_path / "hub/models--owner--tiny/snapshots" / commit
    shutil.copytree(checkpoint, snapshot)
    code = (
        "from encoders import InputError, load_encoder\n"
        f"spec = load_encoder('dnabert2', source='owner/tiny', revision={commit!r}).spec\n"
        f"assert spec.revision == {commit!r}\n"
        f"assert spec.tokenizer_version.startswith({_tokenizer_version(checkpoint)!r})\n"
        f"import pathlib; pathlib.Path({str(snapshot)!r}, 'tokenizer.json').unlink()\n"
        "try:\n"
        f"    load_encoder('dnabert2', source='owner/tiny', revision={commit!r})\n"
        "except InputError as error:\n"
        "    assert 'tokenizer.json of owner/tiny' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('a missing tokenizer was not noticed')\n"
    )
    offline = {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code], env=os.environ | offline, check=True)


def test_loading_needs_no_transformers(checkpoint: Path) -> None:
    code = (
        "import sys\n"
        "from encoders import load_encoder\n"
        f"load_encoder('dnabert2', source={str(checkpoint)!r}).embed(['ACGT'])\n"
        "assert not {'transformers', 'triton', 'einops', 'huggingface_hub'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
