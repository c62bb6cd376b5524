"""Damage that knows what it damages: bytes, lines and cells, JSON trees, members of archives, headers of arrays.

Every mutation is a function of a random generator and the bytes of a file, so that input number n of a reader is the
same on every machine.
"""

from __future__ import annotations

import gzip
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from random import Random
from typing import Any

NUMBERS = (
    0,
    1,
    2,
    7,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
)
WORDS = (
    b"", b" ", b".", b"-", b"-1", b"0", b"1", b"nan", b"NA", b"inf", b"-inf", b"1e400", b"1e-400", b"1,5", b"1.234,5",
    b"1_000", b"0x10", b"9" * 30, b"9" * 5000, "²".encode(), "٣".encode(), "é".encode(), b"\xe9", b"\xff\xfe", b"\0",
    b"\x1b[31m", "\u2028".encode(), "\ufeff".encode(), b'"', b"'", b'""', b"#", b";", b",", b"\t", b"|", b"=", b":",
    b"/",     b"../x", b"<script>", b"%", b"\\", b"True", b"None", b"null", b"[]", b"{}", b"[" * 3000, b"{" * 3000,
    b"A" * 3000,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 10**6, 10**12, 10**25, -(2**63), 0.5, 1e308, float("nan"), float("inf"), "", "1",
    "²", "a" * 3000, "\0", "é", "\ud800", "../x", [], [[]], [1], ["a"], {}, {"a": 1}, [None],
)  # fmt: skip
SEPARATORS = (b"\t", b",", b";", b"|", b" ", b"=", b":")
_BOMB_CHUNK = 1 << 20
_BOMB_CHUNKS = 1536
"""Unpacked, a bomb is 1.5 GB; packed, as many kB."""

_UNPACKED = 1 << 26
"""Bytes of a file that is damaged inside; no file that is well has as many."""

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutate(rng: Random, content: bytes, kind: str, words: Sequence[bytes] = ()) -> bytes:
    """A damaged copy of a file.

    Parameters
    ----------
    rng : Random
    content : bytes
    kind : str
        What the file is, containers first: ``text``, ``gzip/text``, ``bgzf/bytes``, ``zip/npy``, ``json``, ``npy``,
        ``safetensors``, ``bytes``.
    words : sequence of bytes
        Words that mean something to the reader.
    """
    if rng.random() < 0.2:
        kind = "bytes"
    elif rng.random() < 0.15 and not kind.startswith(("gzip", "bgzf", "zip")):
        kind = "text" if kind in {"json", "text"} else kind
    for _ in range(1 + min(int(rng.expovariate(1.0)), 4)):
        content = _KINDS[kind.partition("/")[0]](rng, content, kind.partition("/")[2], words)
    return content


def mutate_bytes(rng: Random, content: bytes, _: str = "", words: Sequence[bytes] = ()) -> bytes:
    """One change that knows nothing of the format but its numbers and words."""
    if not content:
        return rng.randbytes(rng.randrange(9))
    at = rng.randrange(len(content)) if rng.random() < 0.6 else rng.randrange(min(len(content), 64))
    length = rng.choice((1, 1, 2, 4, 8, 16, 64, 400))
    choice = rng.randrange(11)
    if choice == 0:
        return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    if choice == 1:
        return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
    if choice == 2:
        return content[:at] + content[at + length :]
    if choice == 3:
        return content[:at] + content[at : at + length] * rng.choice((2, 2, 50)) + content[at + length :]
    if choice == 4:
        return content[:at] + rng.randbytes(length) + content[at:]
    if choice == 5:
        return content[:at]
    if choice == 6:
        return content[:at] + bytes(length) + content[at + length :]
    if choice == 7:
        other = rng.randrange(len(content))
        return content[:at] + content[other : other + length] + content[at + length :]
    if choice == 8:
        size = rng.choice((1, 2, 4, 8))
        number = (rng.choice(NUMBERS) + rng.choice((0, 0, 1, -1))) % (1 << 8 * size)
        return content[:at] + number.to_bytes(size, rng.choice(("little", "little", "big"))) + content[at + size :]
    if choice == 9:
        return content + rng.randbytes(length)
    return content[:at] + rng.choice((*WORDS, *words)) + content[at + rng.choice((0, 1, 4)) :]


def mutate_text(rng: Random, content: bytes, _: str = "", words: Sequence[bytes] = ()) -> bytes:
    """One change of a line, a cell, or what the lines end in."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines)) if rng.random() < 0.7 else 0
    choice = rng.randrange(14)
    if choice == 0:
        return b"\n".join(lines[:at] + lines[at + 1 :])
    if choice == 1:
        return b"\n".join(lines[:at] + [lines[at]] * rng.choice((2, 2, 40)) + lines[at + 1 :])
    if choice == 2:
        rng.shuffle(lines)
        return b"\n".join(lines)
    if choice == 3:
        return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\x0b", b"\x0c")))
    if choice == 4:
        text = content.decode("latin-1")
        return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "utf-8")))
    if choice == 5:
        return content[: rng.randrange(len(content) + 1)]
    if choice in {6, 7}:
        return mutate_bytes(rng, content, words=words)
    lines[at] = _mutate_line(rng, lines[at], words)
    return b"\n".join(lines)


def _mutate_line(rng: Random, line: bytes, words: Sequence[bytes]) -> bytes:
    mark = rng.choice([one for one in SEPARATORS if one in line] or [b" "])
    cells = line.split(mark)
    place, word = rng.randrange(len(cells)), rng.choice((*WORDS, *words, *words))
    choice = rng.randrange(6)
    if choice == 0:
        cells.insert(place, word)
    elif choice == 1:
        del cells[place]
    elif choice == 2:
        cells[place] = cells[place] + word
    elif choice == 3:
        cells[place] = cells[rng.randrange(len(cells))]
    elif choice == 4 and cells[place][:30].isdigit():
        cells[place] = str(int(cells[place][:30]) + rng.choice((1, -1, 1000, *NUMBERS))).encode()
    else:
        cells[place] = word
    return mark.join(cells)


def mutate_json(rng: Random, content: bytes, _: str = "", words: Sequence[bytes] = ()) -> bytes:
    """One node of the tree replaced, lost, renamed, wrapped or doubled; lines of JSON one by one."""
    lines = content.split(b"\n") if content.count(b"\n{") else [content]
    at = rng.randrange(len(lines))
    try:
        tree = json.loads(lines[at])
    except (ValueError, RecursionError):
        return mutate_text(rng, content, words=words)
    places = list(_places(tree))
    if not places or rng.random() < 0.02:
        lines[at] = json.dumps(rng.choice(VALUES)).encode()
        return b"\n".join(lines)
    holder, key = rng.choice(places)
    choice = rng.randrange(6)
    if choice == 0:
        del holder[key]
    elif choice == 1 and isinstance(holder, dict):
        holder[rng.choice(VALUES[15:21])] = holder.pop(key)
    elif choice == 2:
        holder[key] = [holder[key]] * rng.choice((1, 2, 30))
    elif choice == 3:
        holder[key] = rng.choice(places)[0]
    else:
        holder[key] = rng.choice(VALUES)
    try:
        lines[at] = json.dumps(tree).encode()
    except (ValueError, RecursionError):  # a tree that now holds itself
        lines[at] = b"[" * 100_000
    return b"\n".join(lines)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    found = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        found += [(node, key) for key in keys]
        waiting += [node[key] for key in keys]
    return found


def mutate_npy(rng: Random, content: bytes, _: str = "", words: Sequence[bytes] = ()) -> bytes:
    """A change of the header of an array, its length told anew; or of what follows."""
    if content[:6] != b"\x93NUMPY" or len(content) < 10 or rng.random() < 0.3:
        return mutate_bytes(rng, content, words=words)
    (length,) = struct.unpack_from("<H", content, 8)
    header, data = content[10 : 10 + length], content[10 + length :]
    descr = header.partition(b"'descr': '")[2].partition(b"'")[0]
    shape = header.partition(b"(")[2].partition(b")")[0]
    choice = rng.randrange(4)
    if choice == 0 and descr:
        kinds = (
            b"|O",
            b"<f8",
            b">f8",
            b"<f2",
            b"<c16",
            b"<i8",
            b"|b1",
            b"<U5",
            b"|S3",
            b"|V8",
            b"<M8[D]",
            b"<U0",
            b"f",
        )
        header = header.replace(b"'" + descr + b"'", b"'" + rng.choice((*kinds, b"S99999999")) + b"'")
    elif choice == 1:
        numbers = [rng.choice((0, 1, 2, 3, 11, -1, *NUMBERS)) for _ in range(rng.randrange(4))]
        header = header.replace(b"(" + shape + b")", str(tuple(numbers)).encode())
    elif choice == 2:
        header = header.replace(b"False", b"True")
    else:
        header = mutate_text(rng, header, words=words)
    return content[:8] + struct.pack("<H", len(header) % 65536) + header + data


def mutate_safetensors(rng: Random, content: bytes, _: str = "", words: Sequence[bytes] = ()) -> bytes:
    """A change of the header of a safetensors file, its length told anew or not; or of what follows."""
    if len(content) < 8 or rng.random() < 0.2:
        return mutate_bytes(rng, content, words=words)
    length = min(struct.unpack_from("<Q", content)[0], len(content))
    header, data = content[8 : 8 + length], content[8 + length :]
    if rng.random() < 0.15:
        return struct.pack("<Q", rng.choice(NUMBERS) % 2**64) + header + data
    header = mutate_json(rng, header.rstrip(), words=words)
    return struct.pack("<Q", len(header)) + header + data


def mutate_gzip(rng: Random, content: bytes, inner: str, words: Sequence[bytes] = ()) -> bytes:
    """A change inside a gzip file; now and then a bomb."""
    if rng.random() < 0.004:
        return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + bomb() + bytes(8)
    plain = _unpacked(content)
    if plain is None:
        return mutate_bytes(rng, content, words=words)
    return gzip.compress(_KINDS[inner.partition("/")[0]](rng, plain, "", words), 1, mtime=0)


def _unpacked(content: bytes) -> bytes | None:
    """What a gzip file holds; None if it was damaged before, or is a bomb."""
    try:
        with gzip.open(BytesIO(content)) as file:
            plain = file.read(_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return plain if len(plain) <= _UNPACKED else None


def mutate_bgzf(rng: Random, content: bytes, inner: str, words: Sequence[bytes] = ()) -> bytes:
    """A change inside a file of bgzip's blocks, written anew in blocks."""
    plain = _unpacked(content)
    if plain is None:
        return mutate_bytes(rng, content, words=words)
    return bgzip(_KINDS[inner](rng, plain, "", words), rng.choice((200, 4000, 65280)))


def bgzip(plain: bytes, size: int = 65280) -> bytes:
    """Blocks of bgzip, with the empty one at the end."""
    made = b""
    for at in [*range(0, len(plain), size), len(plain)]:
        piece = plain[at : at + size]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(piece) + packer.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(packed) + 25)
        made += head + packed + struct.pack("<II", zlib.crc32(piece), len(piece))
    return made


def mutate_zip(rng: Random, content: bytes, inner: str, words: Sequence[bytes] = ()) -> bytes:
    """A change of a member, of its name, or of which members there are; now and then a bomb."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            is_bomb = any(one.file_size > _UNPACKED for one in archive.infolist())
            members = [] if is_bomb else [(one.filename, archive.read(one)) for one in archive.infolist()]
    except Exception:  # noqa: BLE001 - damaged before: there is no narrower class
        return mutate_bytes(rng, content, words=words)
    if not members:
        return mutate_bytes(rng, content, words=words)
    at = rng.randrange(len(members))
    name, data = members[at]
    choice = rng.randrange(12)
    if choice == 0:
        del members[at]
    elif choice == 1:
        members[at] = (rng.choice(("a.npy", "", "../a.npy", "ids.npy", "\x1b[31m.npy", "x" * 3000, name[:-4])), data)
    elif choice == 2:
        members.append((rng.choice(("more.npy", name)), data))
    else:
        members[at] = (name, _KINDS[inner](rng, data, "", words))
    made = BytesIO()
    with zipfile.ZipFile(made, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for one, data in members:
            archive.writestr(zipfile.ZipInfo(one), data, compress_type=archive.compression)
    return _zip_bomb(name) if rng.random() < 0.004 else made.getvalue()


def _zip_bomb(name: str) -> bytes:
    """An archive of one array of zeros, far larger than the file."""
    shape = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({_BOMB_CHUNK * _BOMB_CHUNKS // 8 - 16},), }}"
    header = b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + shape.encode().ljust(117) + b"\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH) + bomb()
    spelled, size = name.encode(), _BOMB_CHUNK * _BOMB_CHUNKS
    common = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, 0, len(packed), size) + struct.pack("<HH", len(spelled), 0)
    entry = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + spelled
    local = b"PK\x03\x04" + common + spelled + packed
    return local + entry + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(local), 0)


def bomb() -> bytes:
    """A deflate stream of nothing but zeros, a thousand times smaller than what it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(bytes(_BOMB_CHUNK)) + packer.flush(zlib.Z_FULL_FLUSH)
    return first * _BOMB_CHUNKS + zlib.compress(b"", wbits=-15)


_KINDS: dict[str, Callable[..., bytes]] = {
    "bytes": mutate_bytes,
    "text": mutate_text,
    "json": mutate_json,
    "npy": mutate_npy,
    "safetensors": mutate_safetensors,
    "gzip": mutate_gzip,
    "bgzf": mutate_bgzf,
    "zip": mutate_zip,
}
