"""Chunks of a Zarr store that are not there: the format fills them in, which would make a lost file a call."""

from math import prod
from typing import Any

import numpy as np

from encoders.claims import MOST_GAIN, SMALL

_MAY_BE_FILLED = {"variant_contig", "call_genotype_phased"}
"""Where the usual fill is no claim: records of the first contig in their order, genotypes that are unphased."""


def open_store(path: Any) -> Any:
    """A folder or zip file as a read-only store whose ``absent`` holds what was asked for in vain."""
    from zarr.storage import LocalStore, WrapperStore, ZipStore

    class Noting(WrapperStore[Any]):
        def __init__(self, store: Any) -> None:
            super().__init__(store)
            self.absent: set[str] = set()
            self.packed: set[str] = set()

        async def get(self, key: str, *where: Any, **more: Any) -> Any:
            found = await super().get(key, *where, **more)
            if found is None:
                self.absent.add(key)
            elif key[-1].isdigit() and key.startswith(tuple(self.packed)):
                _check_blosc(found.to_bytes())
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
    if array.shards is None and any("blosc" in type(one).__name__.lower() for one in array.compressors):
        array.store.packed.add(f"{array.path}/")


def _check_blosc(chunk: bytes) -> None:
    """Raise ValueError where the header of a chunk of Blosc claims what no data unpack to."""
    claimed = int.from_bytes(chunk[4:8], "little")
    if claimed > max(SMALL, MOST_GAIN * len(chunk)):
        raise ValueError(f"a chunk of {len(chunk):,} bytes claims to unpack to {claimed:,}")


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
