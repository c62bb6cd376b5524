"""The store under everything that happens to files: kills, races, bit rot, changed settings."""

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders import EmbeddingStore, EncoderSpec, InputError
from encoders.dna.protocol import FORMAT_VERSION
from tests.conftest import PATIENCE
from tests.encoders.killing import KILL_AT

SPEC = EncoderSpec(name="e", family="f", label="e-16", hidden_dim=16, tokenizer_version="1", min_bp=1)

# A writer as a process of its own: the vector of id "i<n>" is n + (0 .. 15) / 16, so that every row proves itself.
WRITER = (
    KILL_AT
    + """
import pathlib, numpy as np
from encoders import EmbeddingStore, EncoderSpec
root, first, stop, step, n_lines = sys.argv[1], *map(int, sys.argv[2:])
spec = EncoderSpec(name="e", family="f", label="e-16", hidden_dim=16, tokenizer_version="1", min_bp=1)
store = EmbeddingStore(pathlib.Path(root), spec)
print("ready", flush=True)
sys.stdin.readline()
if n_lines:
    kill_at(n_lines)
for start in range(first, stop, step):
    numbers = np.arange(start, min(start + step, stop))
    store.write([f"i{n}" for n in numbers], (numbers[:, None] + np.arange(16) / 16).astype(np.float32))
"""
)


def make_rows(first: int, stop: int) -> tuple[list[str], np.ndarray]:
    numbers = np.arange(first, stop)
    return [f"i{n}" for n in numbers], (numbers[:, None] + np.arange(16) / 16).astype(np.float32)


def start_writer(root: Path, first: int, stop: int, step: int, *, killed_at: int = 0) -> subprocess.Popen[str]:
    """``killed_at``: the line in the store at which it ends; 0 lets it finish."""
    arguments = [sys.executable, "-c", WRITER, str(root), *map(str, (first, stop, step, killed_at))]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def let_go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()


def ids_on_disk(store: EmbeddingStore) -> list[str]:
    return [line for path in store.folder.glob("*.ids") for line in path.read_text().splitlines()]


def test_what_is_written_is_read_in_any_order(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    assert store.has(["i0"]) == [False]
    ids, vectors = make_rows(0, 11)
    assert store.write(ids[:5], vectors[:5]) == 5
    assert store.write(ids[5:], vectors[5:]) == 6
    assert store.missing(["i3", "x", "i10", "x", "y"]) == ["x", "y"]
    order = [7, 2, 2, 10, 0]
    reader = EmbeddingStore(tmp_path, SPEC)
    read = reader.read([ids[row] for row in order])
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, vectors[order])
    assert reader.read([]).shape == (0, 16)
    assert len(reader) == 11


def test_an_id_is_never_stored_twice(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    ids, vectors = make_rows(0, 7)
    store.write(ids[:4], vectors[:4])
    assert store.write(ids, vectors + 1) == 3
    assert store.write(ids, vectors + 2) == 0
    np.testing.assert_array_equal(store.read(ids), vectors + np.array([0] * 4 + [1] * 3, dtype=np.float32)[:, None])
    assert sorted(ids_on_disk(store)) == sorted(ids)


def test_a_changed_setting_never_hits(tmp_path: Path) -> None:
    ids, vectors = make_rows(0, 3)
    EmbeddingStore(tmp_path, SPEC).write(ids, vectors)
    for changed in (replace(SPEC, layer=3), replace(SPEC, pooling="max"), replace(SPEC, options=(("k", "4"),))):
        assert EmbeddingStore(tmp_path, changed).missing(ids) == ids


def test_the_folder_says_which_setting_it_holds(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    store.write(*make_rows(0, 2))
    assert store.folder == tmp_path / SPEC.fingerprint
    assert json.loads((store.folder / "spec.json").read_text()) == SPEC.to_dict() | {"format_version": FORMAT_VERSION}


@pytest.mark.parametrize("suffix", [".npy", ".ids"])
@pytest.mark.parametrize("damage", ["flip", "cut", "swap"])
def test_a_damaged_shard_is_named(tmp_path: Path, suffix: str, damage: str) -> None:
    writer = EmbeddingStore(tmp_path, SPEC)
    writer.write(*make_rows(0, 5))
    writer.write(*make_rows(5, 9))
    (ids_file,) = [path for path in writer.folder.glob("*.ids") if "i0" in path.read_text().split()]
    path = ids_file.with_suffix(suffix)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-2] ^= 1
    elif damage == "cut":
        del content[-3:]
    else:
        content[-8:-4], content[-4:] = content[-4:], content[-8:-4]
    path.write_bytes(content)
    reader = EmbeddingStore(tmp_path, SPEC)
    with pytest.raises(InputError, match=ids_file.stem):
        reader.read(["i0"])
    np.testing.assert_array_equal(reader.read(["i6"]), make_rows(6, 7)[1])


def test_a_lost_vector_file_is_named(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    store.write(*make_rows(0, 5))
    (path,) = store.folder.glob("*.npy")
    path.unlink()
    with pytest.raises(InputError, match=path.stem):
        EmbeddingStore(tmp_path, SPEC).read(["i0"])


def test_bad_rows_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    ids, vectors = make_rows(0, 4)
    with_nan = vectors.copy()
    with_nan[2, 3] = np.nan
    for bad_ids, bad_vectors, words in [
        (ids, vectors[:, :15], r"shape \(4, 16\)"),
        (ids, vectors.astype(np.float64), "float64"),
        (ids[:3] + ids[:1], vectors, "1 of 4 do"),
        (ids, with_nan, r"NaN or infinity for 1 sequences \(first: i2\)"),
    ]:
        with pytest.raises(InputError, match=words):
            store.write(bad_ids, bad_vectors)
    assert not store.folder.exists()


def test_reading_what_is_not_there_names_the_id(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    store.write(*make_rows(0, 2))
    with pytest.raises(InputError, match=r"1 of 2 ids have no stored vector of e-16 \(first: gone\)"):
        store.read(["i0", "gone"])


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="needs a writable folder"):
        EmbeddingStore(tmp_path / "file", SPEC).write(*make_rows(0, 2))


def test_what_a_killed_writer_left_is_neither_read_nor_kept(tmp_path: Path) -> None:
    store = EmbeddingStore(tmp_path, SPEC)
    store.write(*make_rows(0, 2))
    half_shard, temporary = store.folder / f"{'0' * 64}.npy", store.folder / f"{'1' * 64}.npy.77.tmp"
    half_shard.write_bytes(b"published, but its ids were not")
    temporary.write_bytes(b"half a fi")
    reader = EmbeddingStore(tmp_path, SPEC)
    assert len(reader) == 2
    reader.write(*make_rows(2, 4))
    assert not half_shard.exists()
    assert not temporary.exists()


def test_writers_killed_at_any_point_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for n_lines in rng.integers(1, 30_000, 6):
        writer = start_writer(tmp_path, 0, 4000, 3, killed_at=int(n_lines))
        writer.communicate("go\n", timeout=PATIENCE)
        assert writer.returncode == -signal.SIGKILL
        store = EmbeddingStore(tmp_path, SPEC)
        on_disk = ids_on_disk(store)
        assert len(on_disk) == len(set(on_disk)) == len(store)
        np.testing.assert_array_equal(store.read(on_disk)[:, 0], [float(name[1:]) for name in on_disk])
    ids, vectors = make_rows(0, 4000)
    store.write(ids, vectors)
    np.testing.assert_array_equal(store.read(ids), vectors)
    assert sorted(ids_on_disk(store)) == sorted(ids)


def test_processes_at_once_agree(tmp_path: Path) -> None:
    """Different steps, so that shards overlap in part: without the lock ids are doubled and files swept away."""
    writers = [start_writer(tmp_path, 0, 600, step) for step in (2, 3, 5)]
    for writer in writers:
        let_go(writer)
    for writer in writers:
        writer.communicate(timeout=PATIENCE)
        assert writer.returncode == 0
    ids, vectors = make_rows(0, 600)
    store = EmbeddingStore(tmp_path, SPEC)
    np.testing.assert_array_equal(store.read(ids), vectors)
    assert sorted(ids_on_disk(store)) == sorted(ids)


def test_a_store_that_is_open_sees_what_another_process_adds(tmp_path: Path) -> None:
    reader = EmbeddingStore(tmp_path, SPEC)
    assert reader.missing(["i0"]) == ["i0"]
    start_writer(tmp_path, 0, 5, 5).communicate(timeout=PATIENCE)
    np.testing.assert_array_equal(reader.read(["i4"]), make_rows(4, 5)[1])
