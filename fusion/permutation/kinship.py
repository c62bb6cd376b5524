"""Exchange by kinship: a family changes places with families of its own kind, a member with members like it."""

# ruff: noqa: F722

from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy.sparse
from jaxtyping import Int64
from numpy.typing import NDArray

from fusion.arrays import LabelsLike, Positions, cluster_codes, label_codes
from fusion.errors import InputError
from fusion.permutation.exchangeability import Blocks
from fusion.subject_rows import check_same_subjects

Codes = NDArray[np.int64]
Form = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""Colours of a family's members and their relations, members in canonical order."""


def kinship_blocks(
    families: LabelsLike | None = None, *, kinds: LabelsLike | None = None, kinship: object = None
) -> Blocks:
    """Nested blocks in which families of one kind change places as wholes, and equal members inside a family.

    Whole blocks of equal size (`Blocks` with ``mode="whole"``) pool pairs of twins with pairs of siblings and of
    strangers, whose members do not resemble one another equally: the test is then liberal. Here a pair of MZ twins
    changes places with pairs of MZ twins alone, and so on; twins change places with one another, as do siblings.

    Parameters
    ----------
    families : labels, shape [n_subjects], optional
        Who is of one family; what `kinship` connects by default. Who is alone changes places with others who are.
    kinds : labels, shape [n_subjects], optional
        What a subject is to its family: ``MZ``, ``DZ``, ``sibling``. Members of one kind in one family are taken to
        resemble one another, and the rest of the family, equally. Of those alone in their family it is not looked at.
    kinship : sparse or dense integer array, shape [n_subjects, n_subjects], optional
        Code of how two subjects are related (a degree, say), symmetric, 0 for strangers; the diagonal is not looked at.
        Members change places if their codes with all others of the family are the same.

    Returns
    -------
    Blocks
        Nested, of three levels: kind of family, family, place in it. A family that is the only one of its kind keeps
        its place; where two families of a kind cannot be matched member by member (which takes pedigrees that
        refinement of colours cannot tell apart), they keep theirs as well: fewer permutations, never invalid ones.

    Raises
    ------
    InputError
        Neither `kinds` nor `kinship`, labels or codes of other subjects, or codes between families.

    References
    ----------
    Winkler, Webster, Vidaurre, Nichols & Smith (2015), doi:10.1016/j.neuroimage.2015.05.092.

    Examples
    --------
    Two pairs of MZ twins, of whom one has a sibling, and a third pair:

    >>> blocks = kinship_blocks([1, 1, 2, 2, 2, 3, 3], kinds=["MZ", "MZ", "MZ", "sib", "MZ", "MZ", "MZ"])
    >>> blocks.labels[:, 0].tolist()
    [1, 1, 2, 2, 2, 1, 1]
    """
    if kinds is None and kinship is None:
        raise InputError(
            "Exchange by kinship needs to know who is what to whom; got neither kinds nor kinship: give the kinds of "
            "the subjects, or the kinship of their pairs."
        )
    related = None if kinship is None else _related(kinship)
    check_same_subjects(families=families, kinds=kinds, kinship=related)
    family = _family_codes(families, related)
    colours = np.zeros_like(family) if kinds is None else _colours(kinds, family)
    kind, place = np.empty_like(family), np.empty_like(family)
    forms: dict[Form, int] = {}
    seen: dict[bytes, tuple[Form, Codes]] = {}
    for rows, codes in _members(family, related):
        key = colours[rows].tobytes() + codes.tobytes()
        if key not in seen:
            seen[key] = _canonical(colours[rows], codes)
        form, place[rows] = seen[key]
        kind[rows] = forms.setdefault(form, len(forms))
    levels = np.column_stack([kind + 1, -1 - family, place + 1])
    index = next((table.index for table in (families, kinds) if isinstance(table, pd.Series)), None)
    return Blocks(levels if index is None else pd.DataFrame(levels, index=index))


def _related(kinship: object) -> scipy.sparse.csr_array:
    table = scipy.sparse.csr_array(kinship)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.dtype.kind not in "iu":
        raise InputError(
            f"kinship needs one integer code for every pair of subjects; got shape {table.shape} of {table.dtype}: "
            "code degrees of kinship by integers, 0 for strangers."
        )
    if (table != table.T).nnz:
        raise InputError("kinship must be symmetric: how one is related to the other is how that one is to the first.")
    return table


def _family_codes(families: LabelsLike | None, related: scipy.sparse.csr_array | None) -> Codes:
    if families is None and related is None:
        raise InputError("Exchange by kinds needs families: give one label per subject.")
    connected = None
    if related is not None:
        connected = np.asarray(scipy.sparse.csgraph.connected_components(related, directed=False)[1], dtype=np.int64)
    if families is None:
        return label_codes(connected)  # type: ignore[arg-type]
    codes = cluster_codes(families, len(np.asarray(families)), "families")
    if connected is not None and len(np.unique(np.column_stack([connected, codes]), axis=0)) > connected.max() + 1:
        raise InputError("kinship must relate members of one family alone; it relates subjects of two: join these.")
    return codes


def _colours(kinds: LabelsLike, family: Codes) -> Codes:
    """Codes of kinds, 0 of those alone in their family."""
    values = np.asarray(kinds)
    if values.shape != family.shape:
        raise InputError(f"kinds needs one label per subject: got shape {values.shape} for {len(family)}.")
    together = np.bincount(family)[family] > 1
    missing = np.asarray(pd.isna(values)) & together
    if missing.any():
        raise InputError(
            f"kinds needs a label for everyone who has relatives; {int(missing.sum())} have none, first row "
            f"{int(missing.argmax())}."
        )
    colours = np.zeros(len(family), dtype=np.int64)
    colours[together] = label_codes(values[together]) + 1
    return colours


def _members(family: Codes, related: scipy.sparse.csr_array | None) -> Iterator[tuple[Positions, Codes]]:
    """Rows of every family, and the codes between them, [n_members, n_members]."""
    order = np.argsort(family, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(family))[:-1]):
        codes = np.zeros((len(rows), len(rows)), dtype=np.int64)
        if related is not None and len(rows) > 1:
            codes = related[rows][:, rows].toarray().astype(np.int64)
            np.fill_diagonal(codes, 0)
        yield rows, codes


def _canonical(colours: Codes, codes: Int64[np.ndarray, "n n"]) -> tuple[Form, Codes]:
    """The family with its members in an order of their own making, and the place of every member.

    Colours are refined by the colours of relatives; a colour of several members who are not interchangeable is broken
    at one of them. Equal forms are families that match member by member, whichever member was taken.
    """
    alike = _interchangeable(colours, codes)
    refined = _refine(colours, codes)
    while (tied := _tied(refined, alike)) is not None:
        refined = 2 * refined + 1
        refined[tied] -= 1
        refined = _refine(refined, codes)
    order = np.lexsort((alike, refined))
    first = {int(member): place for place, member in reversed(list(enumerate(alike[order].tolist())))}
    ordered = codes[np.ix_(order, order)]
    form = tuple(colours[order].tolist()), tuple(map(tuple, ordered.tolist()))
    return form, np.array([first[int(member)] for member in alike], dtype=np.int64)


def _interchangeable(colours: Codes, codes: Codes) -> Codes:
    """For every member the first with whom it may change places: same colour, same relations to all others."""
    first = np.arange(len(colours))
    for j in range(1, len(colours)):
        for i in range(j):
            others = np.delete(np.arange(len(colours)), [i, j])
            if first[i] == i and colours[i] == colours[j] and np.array_equal(codes[i, others], codes[j, others]):
                first[j] = i
                break
    return first


def _refine(colours: Codes, codes: Codes) -> Codes:
    """Colours told apart by the colours of relatives, until no more are."""
    refined = label_codes(colours)
    while True:
        told = [
            (int(colour), sorted(zip(codes[i].tolist(), refined.tolist(), strict=True)))
            for i, colour in enumerate(refined)
        ]
        ranks = {repr(one): rank for rank, one in enumerate(sorted(told, key=lambda one: (one[0], one[1])))}
        finer = label_codes([ranks[repr(one)] for one in told])
        if finer.max() == refined.max():
            return finer
        refined = finer


def _tied(refined: Codes, alike: Codes) -> int | None:
    """A member of the first colour whose members are not all interchangeable."""
    for colour in np.unique(refined):
        members = np.flatnonzero(refined == colour)
        if len(np.unique(alike[members])) > 1:
            return int(members[0])
    return None
