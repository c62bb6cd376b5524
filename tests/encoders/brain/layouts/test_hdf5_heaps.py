from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.brain.layouts.array_files import load_h5
from encoders.brain.layouts.hdf5_heaps import check_heaps
from encoders.errors import InputError

TEXTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=600), max_size=40)


@given(TEXTS, TEXTS)
def test_texts_of_any_length_are_read(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], gone: list[str]
) -> None:
    path = tmp_path_factory.mktemp("texts") / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("gone", data=gone, dtype=h5py.string_dtype())
        file.create_dataset("ids", data=texts, dtype=h5py.string_dtype())
        file["gone"][...] = texts[: len(gone)] + gone[len(texts) :]
        del file["gone"]
    assert [text.decode() for text in load_h5(path)["ids"]] == texts


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize(
    ("index", "claimed"),
    [
        pytest.param(0, 0, id="free space of no bytes"),
        pytest.param(1, 2**64 - 16, id="a text that ends where it begins"),
        pytest.param(1, 2**64 - 48, id="a text that ends before it begins"),
        pytest.param(3, 2**63, id="a text of half of all bytes"),
    ],
)
def test_a_heap_without_end_is_refused(tmp_path: Path, index: int, claimed: int, libver: str) -> None:
    with h5py.File(tmp_path / "x.h5", "w", libver=libver) as file:
        file["X"], file["eid"] = np.eye(5), [f"s{row}" for row in range(5)]
    content = bytearray((tmp_path / "x.h5").read_bytes())
    place = content.index(b"GCOL") + 16
    for _ in range(2):  # two texts are left as they are
        place += 16 + -(-int.from_bytes(content[place + 8 : place + 16], "little") // 8) * 8
    content[place : place + 2], content[place + 8 : place + 16] = (
        index.to_bytes(2, "little"),
        claimed.to_bytes(8, "little"),
    )
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(InputError, match=f"the one at byte {place:,} has no end"):
        load_h5(tmp_path / "x.h5")


def test_lengths_may_be_said_in_four_bytes(tmp_path: Path) -> None:
    create = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    create.set_sizes(4, 4)
    with h5py.File(h5py.h5f.create(bytes(tmp_path / "x.h5"), fcpl=create)) as file:
        file["eid"] = [f"s{row}" for row in range(200)]
    check_heaps(tmp_path / "x.h5", 4)
    assert load_h5(tmp_path / "x.h5")["eid"][199] == b"s199"
    content = bytearray((tmp_path / "x.h5").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first + 8 : first + 12] = (2**32 - 16).to_bytes(4, "little")
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(InputError, match="has no end"):
        load_h5(tmp_path / "x.h5")
