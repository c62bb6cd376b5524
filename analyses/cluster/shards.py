"""Shards: which part of the work one process does, so that many can share it without talking to each other."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass

from analyses.errors import InputError


@dataclass(frozen=True, order=True)
class Shard:
    """One of ``count`` parts.

    Parameters
    ----------
    index : int
        From 0.
    count : int
    """

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/n``: i from 1 to n, or from 0 to n - 1, since n and 0 name the same shard.

        Raises
        ------
        InputError
            The text is no such fraction.

        Examples
        --------
        >>> Shard.parse("3/8"), Shard.parse("8/8") == Shard.parse("0/8")
        (Shard(index=3, count=8), True)
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None or not 0 <= int(found[1]) <= int(found[2]) or int(found[2]) < 1:
            raise InputError(f"--shard must be i/n with i from 1 to n; got '{text}'. Write for example --shard 3/8.")
        return cls(int(found[1]) % int(found[2]), int(found[2]))

    @property
    def name(self) -> str:
        """Names the shard in files: part-3-of-8."""
        return f"part-{self.index}-of-{self.count}"

    def holds(self, digest: str) -> bool:
        """Whether an item, known by the hexadecimal digits of its digest, belongs to this shard.

        Unlike a share of what is still missing, it does not change while other shards work.
        """
        return int(digest[:16], 16) % self.count == self.index


def deal(sizes: Sequence[int], count: int) -> dict[Shard, tuple[int, ...]]:
    """Numbers of the items that each shard does, ascending; a shard may have none.

    Items are dealt largest first, each to the shard with the least so far, so processes agree without talking.
    """
    loads = [(0, index) for index in range(count)]
    items: dict[int, list[int]] = {index: [] for index in range(count)}
    for item in sorted(range(len(sizes)), key=lambda item: (-sizes[item], item)):
        load, index = heapq.heappop(loads)
        items[index].append(item)
        heapq.heappush(loads, (load + sizes[item], index))
    return {Shard(index, count): tuple(sorted(mine)) for index, mine in items.items()}
