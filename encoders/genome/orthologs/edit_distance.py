"""Global alignment at unit costs: the fewest substitutions, insertions and deletions between two sequences.

This is Needleman and Wunsch's alignment with 0 for a match and -1 for a mismatch or a gap base, of which only the score
is kept; exact, without a band. A column of differences is one integer, so that a base costs a dozen operations on
integers of as many bits as the other sequence has bases.
"""

UNKNOWN = "N"


def edit_distance(first: str, second: str) -> int:
    """Levenshtein distance of two upper-case sequences; an N matches nothing, not even an N.

    Parameters
    ----------
    first, second : str
        In the letters ACGTN.

    References
    ----------
    Needleman & Wunsch (1970), doi:10.1016/0022-2836(70)90057-4; Myers (1999), doi:10.1145/316542.316550; for whole
    sequences Hyyro (2003), Explaining and extending the bit-parallel approximate string matching algorithm of Myers.

    Examples
    --------
    >>> from encoders.genome.orthologs.edit_distance import edit_distance
    >>> edit_distance("GATTACA", "GCATGCA")
    3
    >>> edit_distance("", "ACG"), edit_distance("N", "N")
    (3, 1)
    """
    if not first or not second:
        return max(len(first), len(second))
    everywhere, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    places = _places(first)
    rises, falls, distance = everywhere, 0, len(first)  # vertical differences of +1 and -1 down a column
    for base in second:
        equal = places.get(base, 0)
        vertical = equal | falls
        horizontal = (((equal & rises) + rises) ^ rises) | equal
        right_rises = falls | (everywhere & ~(horizontal | rises))
        right_falls = rises & horizontal
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises = (right_rises << 1 | 1) & everywhere
        rises = (right_falls << 1 | ~(vertical | right_rises)) & everywhere
        falls = right_rises & vertical
    return distance


def _places(bases: str) -> dict[str, int]:
    """Where each letter stands, as the bits of an integer."""
    return {
        letter: int(bases[::-1].translate({ord(other): "01"[other == letter] for other in set(bases)}), 2)
        for letter in set(bases) - {UNKNOWN}
    }


def normalised_edit_distance(first: str, second: str) -> float:
    """Edit distance over the length of the longer sequence, 0 (equal) to 1.

    Unrelated sequences of equal composition and length lie near .5, not 1.

    Examples
    --------
    >>> from encoders.genome.orthologs.edit_distance import normalised_edit_distance
    >>> normalised_edit_distance("ACGT", "ACGA")
    0.25
    """
    longest = max(len(first), len(second))
    return edit_distance(first, second) / longest if longest else 0.0
