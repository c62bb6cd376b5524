"""Arrays that claim more than their file holds are refused before memory is asked for."""

import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from encoders.brain.layouts import load_npy
from encoders.errors import InputError
from encoders.numpy_files import npz_names, open_npy, open_npz

VALUES = np.arange(15.0).reshape(5, 3)


def claiming(shape: str, descr: str = "<f8", data: bytes = b"\0" * 120) -> bytes:
    """An npy file with this shape in its header, whatever follows."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize("descr", ["<f8", "<U0"])
@pytest.mark.parametrize("shape", ["(5, 1000000000000)", "(4294967296, 4294967296, 4294967296)", "(121,)"])
def test_a_shape_beyond_the_file_costs_no_memory(tmp_path: Path, shape: str, descr: str) -> None:
    (tmp_path / "a.npy").write_bytes(claiming(shape, descr))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", claiming(shape, descr))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"must hold what their shape says; .*a\.npy claims the shape"):
        open_npy(tmp_path / "a.npy")
    with pytest.raises(InputError, match=r"must hold what their shape says; 'x\.npy' of .*a\.npz claims"):
        open_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_what_fits_is_read_as_numpy_reads_it(tmp_path: Path) -> None:
    for name, array in {
        "c": VALUES,
        "f": np.asfortranarray(VALUES),
        "t": np.array(["a", "ü"]),
        "e": VALUES[:0],
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
        assert np.array_equal(open_npy(tmp_path / f"{name}.npy"), array)
    np.savez_compressed(tmp_path / "a.npz", x=VALUES, ids=np.array(["s1", "s2"]))
    assert npz_names(tmp_path / "a.npz") == ["x", "ids"]
    assert np.array_equal(open_npz(tmp_path / "a.npz")["x"], VALUES)
    assert list(open_npz(tmp_path / "a.npz", ["ids"])) == ["ids"]
    assert isinstance(open_npy(tmp_path / "c.npy", mapped=True), np.memmap)


def test_an_archive_of_repeats_is_no_data(tmp_path: Path) -> None:
    """300 MB of zeros, packed a thousandfold."""
    zeros, made = bytes(1 << 20), BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as file,
    ):
        file.write(claiming("(39321600,)", data=b""))
        for _ in range(300):
            file.write(zeros)
    (tmp_path / "a.npz").write_bytes(made.getvalue())
    with pytest.raises(InputError, match=r"must hold data; 'x\.npy' claims 314,572,"):
        open_npz(tmp_path / "a.npz")


def test_letters_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(claiming("(2,)", "<U1", b"a\0\0\0\xff\xff\xff\xff"))
    with pytest.raises(InputError, match="Text must be letters"):
        open_npy(tmp_path / "a.npy")


def test_a_header_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(claiming("(" * 3000))
    with pytest.raises(InputError, match="must be an npy file"):
        load_npy(tmp_path / "a.npy", allow_pickle=False)
