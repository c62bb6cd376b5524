"""The carried figures are the published ones; a checkpoint is compared with them, once for each store."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders import EmbeddingStore, InputError, load_encoder, verify_encoder
from encoders.dna.verification import verify
from encoders.dna.verification.proof import describe
from encoders.dna.verification.published_vectors import citation, published_vectors, token_cases
from encoders.embedding import embed_missing
from tests.encoders.dna.conftest import TinyModel


def test_the_carried_vectors_are_the_published_ones(published_data: Path) -> None:
    table = published_vectors()
    assert len({row.name for row in table}) == len(table) == 16
    assert "evo.cpp" in citation()
    sequences_of: dict[str, set[str | None]] = defaultdict(set)
    for row in table:
        published = json.loads((published_data / f"published_vectors/{row.name}.json").read_text())
        values = np.array(published["values"])
        assert (row.model, row.revision) == (published["model"], published["revision"])
        assert row.checkpoint_sha256 == published["checkpoint_sha256"] or published["checkpoint_sha256"] is None
        assert row.n_values == len(values)
        np.testing.assert_array_equal(row.first_values, values[: len(row.first_values)])
        assert row.norm == pytest.approx(np.linalg.norm(values), rel=1e-12)
        given = published["input"]
        text = given.get("sequence") or (given["fasta"].split("\n")[1] if "fasta" in given else None)
        assert row.sequence in (text, None) or text is None
        assert list(row.input_ids) == given.get("tokens", list(row.input_ids))
        assert row.pooling == ("first" if published["pooling"] == "cls-token" else "mean")
        sequences_of[published["input_sha256"]].add(row.sequence)
    # DNABERT-S was published without its sequence; the digest of its input is that of DNABERT-2's.
    assert all(len(sequences) == 1 for sequences in sequences_of.values())
    assert len(sequences_of) < len(table)


def test_the_carried_token_ids_of_kmers_are_the_published_ones(reference_data: Path) -> None:
    cases = json.loads((reference_data / "dnabert/tokenizer_cases.json").read_text())
    for k in "3456":
        upstream = {case["seq"]: case["input_ids"] for case in cases[k]}
        carried = token_cases(f"kmer-{k}-atcg-1")
        assert len(carried) == 2
        assert all(upstream[case.sequence] == list(case.input_ids) for case in carried)
    assert token_cases("of another tokenizer") == ()


def test_the_carried_token_ids_of_dnabert2_are_the_published_ones(published_data: Path) -> None:
    bpe = json.loads((published_data / "tokenizers/dnabert2/published_token_vectors.json").read_text())
    carried = token_cases(f"bpe-{bpe['tokenizer']['tokenizer_sha256']}")
    upstream = {vector["input_ascii"]: vector["input_ids"] for vector in bpe["vectors"]}
    assert len(carried) == 2
    assert all(upstream[case.sequence] == list(case.input_ids) for case in carried)


@pytest.mark.parametrize("name", ["dnabert-3", "dnabert2", "caduceus-ps"])
def test_an_unknown_checkpoint_is_said_to_be_unknown(tiny_models: dict[str, TinyModel], name: str) -> None:
    rc = "average" if name == "dnabert2" else "forward"
    proof = verify_encoder(name, source=str(tiny_models[name].folder), device="cpu", rc=rc)
    assert proof.verdict == "structural checks only"
    assert [check.name for check in proof.checks] == [*verify.STRUCTURAL_CHECKS, "tokenizer"]
    assert f"no published vector is known for sha256 {proof.weights_sha256}; structural checks only" in describe(proof)


@pytest.mark.parametrize(
    ("name", "options"), [("nucleotide-transformer", {"accept_license": "cc-by-nc-sa-4.0"}), ("hyenadna", {})]
)
def test_the_other_families_are_proved_in_the_same_way(
    tiny_models: dict[str, TinyModel], name: str, options: dict[str, str]
) -> None:
    model = tiny_models[name]
    proof = verify_encoder(name, source=str(model.folder), device="cpu", table=[model.published()], **options)
    assert (proof.verdict, proof.failures) == ("proved", ())


def test_the_same_weights_saved_again_are_compared_on_demand(tiny_models: dict[str, TinyModel]) -> None:
    model = tiny_models["dnabert2"]
    source, row = str(model.folder), model.published(checkpoint="f" * 64)
    assert verify_encoder("dnabert2", source=source, device="cpu", table=[row]).comparisons == ()
    proof = verify_encoder("dnabert2", source=source, device="cpu", table=[row], against="owner/tiny")
    assert proof.verdict == "proved"
    assert "pass  dnabert2 by its authors: first 9 of 32 values differ by" in describe(proof)
    with pytest.raises(InputError, match="No vector of owner/other was published; known are owner/tiny"):
        verify_encoder("dnabert2", source=source, device="cpu", table=[row], against="owner/other")


def test_a_file_that_is_not_the_one_of_its_commit_is_refused(tiny_models: dict[str, TinyModel]) -> None:
    """As from the hub: the spec names a model and a commit whose published digest is another."""
    model = tiny_models["dnabert-3"]
    encoder = load_encoder("dnabert-3", source=str(model.folder), device="cpu")
    encoder.spec = replace(encoder.spec, source="owner/tiny", revision="a" * 40)  # type: ignore[misc]
    row = model.published(revision="a" * 40, checkpoint="f" * 64)
    with pytest.raises(InputError, match=f"published is {'f' * 64}. The file was altered"):
        verify.verify_loaded(encoder, table=[row])


def test_token_ids_that_differ_fail_though_the_vector_agrees(tiny_models: dict[str, TinyModel]) -> None:
    model = tiny_models["caduceus-ph"]
    bases = "".join("ACGTN"[number - 7] for number in model.input_ids)
    right = replace(model.published(), sequence=bases)
    wrong = replace(right, sequence=bases[:-1] + "A")
    for row, verdict in ((right, "proved"), (wrong, "failed")):
        proof = verify_encoder("caduceus-ph", source=str(model.folder), device="cpu", table=[row])
        assert proof.verdict == verdict
    assert "TOKEN IDS DIFFER" in describe(proof)


def test_a_first_token_and_a_vector_of_another_length(tiny_models: dict[str, TinyModel]) -> None:
    model = tiny_models["dnabert2"]
    first = replace(model.published(), pooling="first")
    assert verify_encoder("dnabert2", source=str(model.folder), device="cpu", table=[first]).verdict == "failed"
    longer = replace(model.published(), n_values=768)
    with pytest.raises(InputError, match=r"has 768 values; .* gives 32"):
        verify_encoder("dnabert2", source=str(model.folder), device="cpu", table=[longer])


def test_the_first_use_with_a_store_is_proved_and_kept(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_models["dnabert-3"]
    monkeypatch.setattr(verify, "published_vectors", lambda: (model.published(),))
    encoder = load_encoder("dnabert-3", source=str(model.folder), device="cpu")
    store = EmbeddingStore(tmp_path / "store", encoder.spec)
    embed_missing(encoder, ["ACGTTGCAAC"], store)
    (kept,) = (tmp_path / "store/checkpoints").iterdir()
    assert kept.name.startswith(str(encoder.spec.weights_sha256))
    assert json.loads(kept.read_text())["verdict"] == "proved"
    monkeypatch.setattr(verify, "verify_loaded", lambda encoder: pytest.fail("proved twice"))
    embed_missing(encoder, ["GGCATTGCAAC"], store)
    assert len(store) == 2


def test_nothing_is_stored_of_a_checkpoint_that_fails(
    tiny_models: dict[str, TinyModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_models["dnabert2"]
    monkeypatch.setattr(verify, "published_vectors", lambda: (replace(model.published(), norm=1.0),))
    encoder = load_encoder("dnabert2", source=str(model.folder), device="cpu")
    store = EmbeddingStore(tmp_path / "store", encoder.spec)
    with pytest.raises(InputError, match=r"published vector dnabert2 by its authors.* Nothing was stored"):
        embed_missing(encoder, ["ACGTTGCAAC"], store)
    assert not (tmp_path / "store").exists()


def test_random_weights_and_no_weights_need_no_proof(tmp_path: Path) -> None:
    for encoder in (load_encoder("kmer-spectrum"), load_encoder("untrained:caduceus-ph", d_model=12, n_layer=2)):
        assert verify.prove_once(encoder, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_hold_the_proof_is_named(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    encoder = load_encoder("hyenadna", source=str(tiny_models["hyenadna"].folder), device="cpu")
    (tmp_path / "store").write_text("a file")
    with pytest.raises(InputError, match=r"needs a folder that takes files, or can be made; .*checkpoints does not"):
        verify.prove_once(encoder, tmp_path / "store")
