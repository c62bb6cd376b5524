"""Chunks of a Zarr store that are not there, which the format fills in, and such as claim more than they can hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from encoders.claims import MOST_GAIN, SMALL

_MAY_BE_FILLED = {"variant_contig", "call_genotype_phased"}
"""Where the usual fill is no claim: records of the first contig in their order, genotypes that are unphased."""


@dataclass(frozen=True)
class _Packing:
    """How chunks of an array are packed, by the names of numcodecs, first one first, and whether they hold texts."""

    codecs: tuple[str, ...]
    holds_texts: bool


def open_store(path: Any) -> Any:
    """A folder or zip file as a read-only store whose ``absent`` holds what was asked for in vain.

    Chunks of arrays that `check_chunks` has seen are read if they hold what they claim.
    """
    from zarr.storage import LocalStore, WrapperStore, ZipStore

    class Noting(WrapperStore[Any]):
        def __init__(self, store: Any) -> None:
            super().__init__(store)
            self.absent: set[str] = set()
            self.packings: dict[str, _Packing] = {}

        async def get(self, key: str, *where: Any, **more: Any) -> Any:
            found = await super().get(key, *where, **more)
            if found is None:
                self.absent.add(key)
            elif key[-1].isdigit():
                packing = next((one for begins, one in self.packings.items() if key.startswith(begins)), None)
                if packing is not None:
                    _check_chunk(found.to_bytes(), packing)
            return found

    return Noting(ZipStore(path, mode="r") if path.is_file() else LocalStore(path, read_only=True))


def check_chunks(array: Any) -> None:
    """See that no chunk claims far more than its array, or, as it is read, than its bytes can hold.

    Raises
    ------
    ValueError
    """
    shape = array.shards or array.chunks
    claimed = prod(shape) * array.dtype.itemsize
    if claimed > max(SMALL, array.nbytes):
        raise ValueError(f"its chunks of {shape} claim {claimed:,} bytes of an array of {array.shape}")
    codecs = tuple(_name(one) for one in array.compressors)
    if array.shards is None and set(codecs) <= set(_CLAIMED):
        holds_texts = any("vlen" in type(one).__name__.lower() for one in (*array.filters, array.serializer))
        array.store.packings[f"{array.path}/"] = _Packing(codecs, holds_texts)


def _name(compressor: Any) -> str:
    """Format 2 stores have compressors of numcodecs, format 3 stores others that call themselves alike."""
    return str(compressor.codec_id if hasattr(compressor, "codec_id") else compressor.to_dict()["name"])


def _claimed_by_zstd(chunk: bytes) -> int:
    """The frame content size (RFC 8878, 3.1.1.1); 0 where it is not said."""
    flags = chunk[4] if len(chunk) > 4 else 0
    is_single = flags >> 5 & 1
    place = 5 + (1 - is_single) + (0, 1, 2, 4)[flags & 3]
    length = (is_single, 2, 4, 8)[flags >> 6]
    return int.from_bytes(chunk[place : place + length], "little") + (256 if length == 2 else 0)


_CLAIMED: Mapping[str, Callable[[bytes], int]] = {
    "blosc": lambda chunk: int.from_bytes(chunk[4:8], "little"),
    "gzip": lambda chunk: int.from_bytes(chunk[-4:], "little"),
    "zstd": _claimed_by_zstd,
}
"""Bytes to which a chunk says that it unpacks."""


def _check_chunk(chunk: bytes, packing: _Packing) -> None:
    """Raise ValueError where a chunk claims what its bytes cannot hold, as bytes or as a number of texts.

    The reader of texts makes room for as many as the first four bytes say; each has four for its length.
    """
    from numcodecs import get_codec

    for name in reversed(packing.codecs):
        claimed = _CLAIMED[name](chunk)
        if claimed > max(SMALL, MOST_GAIN * len(chunk)):
            raise ValueError(f"a chunk of {len(chunk):,} bytes claims to unpack to {claimed:,}")
        if not packing.holds_texts:
            return
        chunk = bytes(get_codec({"id": name}).decode(chunk))
    if packing.holds_texts and 4 * (claimed := int.from_bytes(chunk[:4], "little")) > len(chunk):
        raise ValueError(f"a chunk of {len(chunk):,} bytes claims to hold {claimed:,} texts")


def lost_chunk(array: Any) -> str | None:
    """A chunk that was read just now, is not stored, and would be taken for values; None where there is none.

    By the rule of the format a chunk that is not stored holds the array's fill value alone, and writers leave such
    chunks out. A copy that lost a file looks the same. So a chunk may be absent only where the fill says that nothing
    is known (negative calls, NaN) or says nothing; zeros would be the reference. Chunks within a shard cannot be lost
    one by one.

    Parameters
    ----------
    array : zarr.Array
        Of a store that `open_store` opened.
    """
    absent, begin = array.store.absent, f"{array.path}/"
    chunks = sorted(key for key in absent if key.startswith(begin) and key[-1].isdigit())
    absent.difference_update(chunks)
    return chunks[0] if chunks and not _is_harmless(array) else None


def _is_harmless(array: Any) -> bool:
    name, fill = array.path.rpartition("/")[2], array.fill_value
    if name in _MAY_BE_FILLED:
        return fill is not None and not fill
    if not name.startswith("call_") or array.dtype.kind not in "if":
        return False
    return fill is not None and bool(np.isnan(fill) or fill < 0)
