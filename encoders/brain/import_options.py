"""What a user may say about a brain source that its files do not say themselves."""

from dataclasses import dataclass
from typing import Literal

Layout = Literal[
    "npy", "npz", "folder", "parquet-vector", "wide", "h5", "freesurfer", "enigma", "stats", "ukb", "chunks"
]
Pooling = Literal["cls", "mean", "masked-mean", "none"]
RunWeights = Literal["mean", "fd"]


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import; every default means "find out, and refuse where two readings are possible".

    Attributes
    ----------
    layout
        One of `Layout`; detected if None.
    id_column
        Column (or array) of subject ids.
    id_regex
        Searched in each raw id, or in the path of each file of a folder. The subject is the group named ``id``, else
        the first group, else the whole match; groups named ``session``, ``run`` and ``window`` fill those keys.
    strip_prefixes
        Removed from the front of each id, such as ``sub-``.
    session_column, run_column, window_column, fd_column
        Columns (or arrays) that tell repeated ids apart; ``fd_column`` is the mean framewise displacement (mm).
    session
        Which session of a subject counts: ``first`` or ``last``, ``mean``, or a name.
    session_order
        All sessions from first to last; needed where their labels are neither numbers nor dates.
    run_weights
        Runs of a session are averaged alike (``mean``) or by 1 / framewise displacement (``fd``).
    pooling
        How token x hidden arrays become one vector; ``none`` lays tokens end to end.
    include, exclude
        Glob patterns over feature names.
    missing_codes
        Cells that stand for a missing value, such as ``-9``, ``999`` or ``fail``.
    separator, decimal
        Of text tables; detected if None.
    values_key, ids_key
        Arrays inside npz, h5 and pt files.
    ids_file
        Ids of an npy matrix: txt (one a line), csv or npy.
    allow_pickle
        Read numpy object arrays, which can run code while they are read.
    source_model, layer
        Which rows of a parquet table of vectors.
    instance
        Of UK Biobank columns (2 is the first imaging visit, 3 the repeat).
    dictionary
        UK Biobank data dictionary (csv or tsv with ``FieldID`` and ``Field``): names features by their titles.
    fields
        Patterns over UK Biobank field ids (``26755``, ``267*``) or titles of the dictionary.
    stats_files, measure
        Of FreeSurfer subject folders: file names under ``stats/``, and the column to take.
    """

    layout: Layout | None = None
    id_column: str | None = None
    id_regex: str | None = None
    strip_prefixes: tuple[str, ...] = ()
    session_column: str | None = None
    run_column: str | None = None
    window_column: str | None = None
    fd_column: str | None = None
    session: str | None = None
    session_order: tuple[str, ...] = ()
    run_weights: RunWeights = "mean"
    pooling: Pooling | None = None
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    missing_codes: tuple[str, ...] = ()
    separator: str | None = None
    decimal: Literal[".", ","] | None = None
    values_key: str | None = None
    ids_key: str | None = None
    ids_file: str | None = None
    allow_pickle: bool = False
    source_model: str | None = None
    layer: str | None = None
    instance: int | None = None
    dictionary: str | None = None
    fields: tuple[str, ...] = ()
    stats_files: tuple[str, ...] = ("lh.aparc.stats", "rh.aparc.stats")
    measure: str | None = None

    @property
    def key_columns(self) -> dict[str, str]:
        """Key of a row to the column that holds it, for the keys that were named."""
        named = {
            "session": self.session_column,
            "run": self.run_column,
            "window": self.window_column,
            "fd": self.fd_column,
        }
        return {key: column for key, column in named.items() if column is not None}
