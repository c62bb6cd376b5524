"""Raw FreeSurfer ``.stats`` files in subject folders, as the tables that aparcstats2table and asegstats2table make."""

import re
from pathlib import Path

import numpy as np

from encoders.brain.ids import clean_ids
from encoders.brain.import_options import ImportOptions
from encoders.brain.records import Records
from encoders.damage import refused_if_damaged
from encoders.errors import InputError
from encoders.tables.quoting import quote_some

#: What tables call a measure, and its column in the files.
MEASURES = {
    "thickness": "ThickAvg",
    "thicknessstd": "ThickStd",
    "area": "SurfArea",
    "volume": "GrayVol",
    "meancurv": "MeanCurv",
    "gauscurv": "GausCurv",
    "foldind": "FoldInd",
    "curvind": "CurvInd",
}
_HEMISPHERE = re.compile(r"([lr]h)\.")
_MEASURE_LINE = re.compile(r"# Measure ([^,]+), ([^,]+), [^,]*, ([^,]+),")


def read_stats_folder(path: Path, options: ImportOptions) -> Records:
    """Read ``<subject>/stats/<file>`` of every subject folder.

    Returns
    -------
    Records
        Parcellations give ``lh_bankssts_thickness`` (thickness mm, area mm^2, volume mm^3), segmentations the structure
        with its volume (mm^3). A structure that a subject lacks is NaN.

    Raises
    ------
    InputError
        No such folder, a subject without one of the files, a column that the files lack.
    """
    folders = sorted(folder for folder in path.iterdir() if (folder / "stats").is_dir())
    ids = clean_ids([f.name for f in folders], path, regex=options.id_regex, strip_prefixes=options.strip_prefixes)
    rows: list[dict[str, float]] = []
    sizes: list[float] = []
    for folder in folders:
        row: dict[str, float] = {}
        size = np.nan
        for name in options.stats_files:
            regions, etiv = _read_stats(folder / "stats" / name, options.measure)
            row |= regions
            size = size if etiv is None else etiv
        rows.append(row)
        sizes.append(size)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Records(
        ids=ids.ids,
        names=tuple(names),
        values=np.array([[row.get(name, np.nan) for name in names] for row in rows]),
        source=str(path),
        keys=ids.keys,
        fd=None,
        covariates={} if np.isnan(sizes).all() else {"eTIV": np.array(sizes)},
        notes=(f"{len(folders)} subject folders, files {', '.join(options.stats_files)}.", *ids.notes),
    )


def _read_stats(path: Path, measure: str | None) -> tuple[dict[str, float], float | None]:
    """Regions of one file, and the intracranial volume if its header has it."""
    if not path.is_file():
        raise InputError(
            f"Every subject needs the same stats files; {path} is missing: leave out the subject or the file."
        )
    with refused_if_damaged(path, "a FreeSurfer stats file"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    headers = next((line.split()[2:] for line in lines if line.startswith("# ColHeaders")), None)
    if headers is None:
        raise InputError(f"{path} must be a FreeSurfer stats file; it has no '# ColHeaders' line: check the file.")
    match = _HEMISPHERE.match(path.name)
    wanted = measure or ("thickness" if match else "volume")
    column = MEASURES.get(wanted, wanted) if match else "Volume_mm3" if wanted == "volume" else wanted
    if column not in headers or "StructName" not in headers:
        raise InputError(
            f"{path} has no column {column!r}; its columns are {quote_some(headers)}: name another measure."
        )
    cells = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    name_at, value_at = headers.index("StructName"), headers.index(column)
    label = f"{match[1]}_{{}}_{wanted}" if match else "{}"
    try:
        regions = {label.format(row[name_at]): float(row[value_at]) for row in cells}
        found = (_MEASURE_LINE.match(line) for line in lines)
        etiv = next((float(m[3]) for m in found if m and m[2].strip() in ("eTIV", "ICV")), None)
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{path} must be a FreeSurfer stats file whose rows have all columns, with numbers in them; it is not "
            f"({error}): make it again, or leave out the subject."
        ) from error
    return regions, etiv
