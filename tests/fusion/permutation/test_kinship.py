"""Exchange by kinship: who may take whose place, found by drawing, and families matched whatever their order."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from fusion import Blocks, InputError, kinship_blocks, make_permutations
from fusion.permutation.relations import Relations

FAMILIES = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 5, 6, 6, 7])
KINDS = np.array(["MZ", "MZ", "MZ", "MZ", "sib", "MZ", "MZ", "DZ", "DZ", "DZ", "sib", "MZ", "MZ", "DZ", "DZ", "MZ"])


def _taken(blocks: Blocks, n: int = 400) -> list[set[int]]:
    """Whose rows every subject got in some permutation."""
    drawn = make_permutations(len(blocks), n, blocks=blocks, random_state=0)
    return [set(column) for column in np.array([drawn[i] for i in range(len(drawn))]).T.tolist()]


def test_pairs_change_places_with_pairs_of_their_kind_and_twins_with_their_twin() -> None:
    taken = _taken(kinship_blocks(FAMILIES, kinds=KINDS))
    assert taken[0] == taken[1] == {0, 1, 5, 6}  # MZ pairs
    assert taken[7] == {7, 8, 13, 14}  # DZ pairs
    assert taken[2] == taken[12] == {2, 3, 11, 12}  # the twins of families of three, in whatever order they stand
    assert taken[4] == {4, 10}  # their siblings
    assert taken[9] == {9, 15}  # who is alone is alone, whatever the twin that is missing was


def test_families_stay_together_in_every_permutation() -> None:
    blocks = kinship_blocks(FAMILIES, kinds=KINDS)
    drawn = make_permutations(len(FAMILIES), 50, blocks=blocks, random_state=1)
    for index in range(len(drawn)):
        for family in np.unique(FAMILIES):
            assert len(set(FAMILIES[drawn[index]][family == FAMILIES])) == 1
    assert len(np.unique(Relations.of(len(FAMILIES), blocks=blocks).clusters)) == 8


def _code(pairs: dict[tuple[int, int], int], n: int) -> np.ndarray:
    codes = np.zeros((n, n), dtype=np.int64)
    for (i, j), code in pairs.items():
        codes[i, j] = codes[j, i] = code
    return codes


#: Two MZ pairs among five siblings; a mother, her two children and her brother; a half-sibship.
PEDIGREES = (
    _code({(i, j): 1 if (i, j) in ((0, 1), (2, 3)) else 2 for j in range(5) for i in range(j)}, 5),
    _code({(0, 1): 5, (0, 2): 5, (1, 2): 2, (0, 3): 2, (1, 3): 3, (2, 3): 3}, 4),
    _code({(0, 1): 2, (2, 3): 2, (0, 2): 3, (0, 3): 3, (1, 2): 3, (1, 3): 3}, 4),
)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("which", range(len(PEDIGREES)))
def test_what_takes_a_place_has_the_relations_of_who_stood_there(which: int, seed: int) -> None:
    """The invariant that makes an exchange valid: kinship, permuted, is kinship as it was."""
    rng, codes = np.random.default_rng(seed), PEDIGREES[which]
    n = len(codes)
    orders = [rng.permutation(n) for _ in range(3)]
    kinship = np.zeros((3 * n + 2, 3 * n + 2), dtype=np.int64)
    for copy, order in enumerate(orders):
        kinship[copy * n : copy * n + n, copy * n : copy * n + n] = codes[np.ix_(order, order)]
    kinship[-1, -2] = kinship[-2, -1] = 2
    blocks = kinship_blocks(kinship=kinship)
    drawn = make_permutations(len(kinship), 20, blocks=blocks, random_state=seed)
    for index in range(len(drawn)):
        np.testing.assert_array_equal(kinship[np.ix_(drawn[index], drawn[index])], kinship)
    kinds, families = blocks.labels[:, 0], -blocks.labels[:, 1]
    of_kind = Counter(kinds[np.unique(families, return_index=True)[1]].tolist())
    assert sorted(of_kind.values()) == [1, 3], "all three copies are of one kind, whatever the order of their members"


def test_labels_tell_apart_what_kinship_does_not() -> None:
    kinship = _code({(0, 1): 2, (2, 3): 2, (4, 5): 2}, 6)
    taken = _taken(kinship_blocks(kinship=kinship, kinds=["DZ", "DZ", "sib", "sib", "DZ", "DZ"]))
    assert taken[0] == {0, 1, 4, 5}
    assert taken[2] == {2, 3}


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="neither kinds nor kinship"):
        kinship_blocks(FAMILIES)
    with pytest.raises(InputError, match="needs families"):
        kinship_blocks(kinds=KINDS)
    with pytest.raises(InputError, match="everyone who has relatives; 1 have none, first row 3"):
        kinship_blocks(FAMILIES, kinds=np.where(np.arange(16) == 3, None, KINDS.astype(object)))
    kinship_blocks(FAMILIES, kinds=np.where(np.arange(16) == 9, None, KINDS.astype(object)))
    with pytest.raises(InputError, match="got 15 for 16"):
        kinship_blocks(FAMILIES, kinds=KINDS[:15])
    with pytest.raises(InputError, match="integer code"):
        kinship_blocks(kinship=np.full((3, 3), 0.25))
    with pytest.raises(InputError, match="symmetric"):
        kinship_blocks(kinship=np.triu(np.ones((3, 3), dtype=int)))
    with pytest.raises(InputError, match="relates subjects of two"):
        kinship_blocks([1, 2, 2], kinship=_code({(0, 1): 1}, 3))
    with pytest.raises(InputError, match="same order"):
        kinship_blocks(pd.Series(FAMILIES[:3], list("abc")), kinds=pd.Series(KINDS[:3], list("acb")))


def test_blocks_keep_whose_they_are() -> None:
    blocks = kinship_blocks(pd.Series(FAMILIES, [f"s{i}" for i in range(16)]), kinds=KINDS)
    assert blocks.row_ids is not None
    assert blocks.row_ids.names[3] == "s3"
