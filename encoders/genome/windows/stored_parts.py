"""Whether the parts of a window table that was stored fit one another: damage never becomes another subject's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from encoders.errors import InputError

_PER_WINDOW = ("gene_index", "exon", "window", "start", "end", "weight", "reference_index")
_PER_ENTRY = ("haplotype_index", "sequence_index")
_WHOLE = ("gene_index", "reference_index", "indptr", "haplotype_index", "sequence_index", "lengths", "letters")
_TEXTS = ("subject_ids", "gene_ids", "chrom", "strand")


def check_parts(folder: Path, text: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> None:
    """Raise InputError unless the arrays and lists of a table are there and point into one another.

    Parameters
    ----------
    folder : Path
    text : mapping
        Of ``table.json``.
    stored : mapping of name to array
        Of ``table.npz``.
    """
    fault = _lacking(text, stored) or _misshapen(text, stored) or _astray(text, stored)
    if fault:
        raise InputError(f"The parts of a window table must fit one another; in {folder} {fault}: make it anew.")


def _lacking(text: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> str:
    needed = {*_PER_WINDOW, *_PER_ENTRY, *_WHOLE}
    if absent := sorted(needed - set(stored)):
        return f"the array {absent[0]} is missing"
    odd = [name for name in sorted(needed) if stored[name].ndim != 1 or stored[name].dtype.kind not in "iuf"]
    odd += [name for name in _WHOLE if stored[name].dtype.kind == "f"]
    if odd:
        return f"the array {odd[0]} is of {stored[odd[0]].dtype} in {stored[odd[0]].ndim} dimensions"
    lists = {name: text.get(name) for name in _TEXTS}
    for name, values in lists.items():
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return f"{name} is no list of texts"
    for name in ("events", "settings"):
        if not isinstance(text.get(name), dict):
            return f"{name} are missing"
    if text.get("ploidy") not in (1, 2) or set(text) != {*_TEXTS, "ploidy", "events", "settings"}:
        return "what stands in table.json is not what is written there"
    return ""


def _misshapen(text: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> str:
    n_windows, n_entries = len(stored["gene_index"]), len(stored["haplotype_index"])
    lengths = {name: (len(stored[name]), n_windows) for name in _PER_WINDOW}
    lengths |= {name: (len(stored[name]), n_entries) for name in _PER_ENTRY}
    lengths |= {name: (len(text[name]), n_windows) for name in ("chrom", "strand")}
    lengths |= {"indptr": (len(stored["indptr"]), n_windows + 1)}
    wrong = next((name for name, (found, wanted) in lengths.items() if found != wanted), None)
    return "" if wrong is None else f"{wrong} has {lengths[wrong][0]} entries where {lengths[wrong][1]} are needed"


def _astray(text: Mapping[str, Any], stored: Mapping[str, np.ndarray]) -> str:
    """Indices beyond what they point into."""
    n_sequences, indptr, lengths = len(stored["lengths"]), stored["indptr"], stored["lengths"]
    bounds = {
        "gene_index": len(text["gene_ids"]),
        "reference_index": n_sequences,
        "sequence_index": n_sequences,
        "haplotype_index": text["ploidy"] * len(text["subject_ids"]),
    }
    for name, bound in bounds.items():
        if stored[name].size and not (int(stored[name].min()) >= 0 and int(stored[name].max()) < bound):
            return f"{name} points beyond the {bound} that there are"
    rising = (
        indptr.size and indptr[0] == 0 and (np.diff(indptr) >= 0).all() and indptr[-1] == len(stored["sequence_index"])
    )
    if not rising:
        return "indptr does not divide the entries"
    letters = stored["letters"]
    spelled = lengths.min(initial=0) >= 0 and sum(lengths.tolist()) == len(letters)
    if not spelled or letters.dtype != np.uint8 or int(letters.max(initial=0)) > 127:
        return "the sequences are not as long as is said, or no letters"
    return ""
