"""A saved result that is damaged, or lacks a part, is refused in one sentence."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fusion import ComBat, InputError
from fusion.archive import check_claims, read_archive, write_archive
from fusion.views.column_files import NpyColumns


def test_damage_is_told_with_its_file(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.npz", "made", {"x": np.arange(997.0)}, {"n": 3})
    content = path.read_bytes()
    for damaged in (b"", content[:-30], content[:60] + b"\xff" * 9 + content[69:], b"PK\x03\x04"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.npz must hold a saved made|a\.npz must be a saved made"):
            read_archive(path, "made")
    with pytest.raises(InputError, match="there is no such file"):
        read_archive(tmp_path / "none.npz", "made")


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = ComBat().fit(rng.normal(size=(37, 5)), sites=list("ab" * 18 + "a")).save(tmp_path / "c.npz")
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    record = json.loads(str(arrays.pop("record.json")))
    del record["coding"], record["kind"], record["schema"]
    write_archive(path, "ComBat", arrays, record)
    with pytest.raises(InputError, match=r"c\.npz must be all that a saved ComBat is made of.*coding"):
        ComBat.load(path)


@pytest.mark.parametrize("name", ["names", "record.json"])
def test_numbers_that_are_no_letters_are_refused(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path / "a.npz", "made", {"names": np.array(["age", "sex"])}, {"n": 3})
    with np.load(path) as stored:
        arrays = dict(stored)
    numbers = arrays[name].reshape(-1).view(np.uint32).copy()
    numbers[1] = 0x00110000
    np.savez(path, **arrays | {name: numbers.view(arrays[name].dtype).reshape(arrays[name].shape)})
    with pytest.raises(InputError, match=rf"'{name}' of .*a\.npz holds numbers that stand for none"):
        read_archive(path, "made")


def test_a_matrix_of_no_width_is_refused_at_once(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 0), }".ljust(117) + b"\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + header)
    with pytest.raises(InputError, match=r"x\.npy must hold a subjects x features .* \(1099511627776, 0\)"):
        NpyColumns(tmp_path / "x.npy")


def test_texts_of_no_letters_are_held_against_the_file(tmp_path: Path) -> None:
    header = b"{'descr': '<U0', 'fortran_order': False, 'shape': (1099511627776,), }".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("ids.npy", b"\x93NUMPY\x01\x00v\x00" + header)
    with pytest.raises(InputError, match=r"'ids\.npy' of .* claims \(1099511627776,\) of <U0"):
        check_claims(tmp_path / "x.npz")
