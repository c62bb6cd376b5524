"""Brain tables with the layouts and the faults of public ones: simulated twins that can be read everywhere."""

from pathlib import Path

import numpy as np
import pandas as pd

REGIONS = ("G&S_frontomargin", "G_Ins_lg&S_cent_ins", "S_calcarine", "Pole_temporal", "G_cuneus", "S_front_inf")
SITES = {"AnnArbor_a": 5, "Beijing_Zang": 11, "Oslo": 3, "ICBM": 8}
"""Subjects of each site."""
CONSTANT = ("Right-Lateral-Ventricle", "5th-Ventricle", "non-WM-hypointensities")


def write_thickness(path: Path, times: int = 1) -> Path:
    """FreeSurfer thickness and volumes of 27 subjects, or ``times`` as many, at four sites, as fcon1000 has them."""
    rng = np.random.default_rng(1)
    sites = [site for site, n in SITES.items() for _ in range(n * times)]
    ids = [f"{site}_sub{number:05d}" for site, number in zip(sites, rng.permutation(90_000), strict=False)]
    frame = pd.DataFrame({"sub_id": ids, "age": rng.uniform(7.9, 85, len(ids)).round(2)})
    frame["sex"] = rng.integers(0, 2, len(ids))
    for hemisphere in ("lh", "rh"):
        for region in REGIONS:
            frame[f"{hemisphere}_{region}_thickness"] = rng.uniform(1.5, 3.5, len(ids)).round(3)
        frame[f"{hemisphere}_MeanThickness_thickness"] = rng.uniform(2.3, 2.6, len(ids))
    for name in ("Left-Amygdala", "Left-Hippocampus"):
        frame[name] = rng.uniform(1500, 4500, len(ids)).round(1)
    for name in CONSTANT:
        frame[name] = 0
    frame["avg_en"] = rng.uniform(-100, 0, len(ids))
    frame["eTIV"] = rng.uniform(1.2e6, 1.8e6, len(ids))
    frame["site"] = sites
    frame.to_csv(path, index=False)
    return path


def write_aparc(thickness: Path, ages: Path) -> tuple[Path, Path]:
    """Thickness of 31 subjects, and ages of others: six have no thickness, two are listed twice, five are missing."""
    rng = np.random.default_rng(2)
    ids = [f"sub-IXI{number:03d}" for number in range(2, 95, 3)]
    frame = pd.DataFrame({"participant_id": ids})
    for hemisphere in ("lh", "rh"):
        for region in ("bankssts", "cuneus", "entorhinal", "insula"):
            frame[f"{hemisphere}_{region}_thickness"] = rng.uniform(1.5, 3.5, len(ids)).round(3)
        frame[f"{hemisphere}_MeanThickness_thickness"] = 2.4
    frame.to_csv(thickness, index=False)
    listed = [*ids[5:], *(f"sub-IXI{number:03d}" for number in range(500, 506)), ids[7], ids[20]]
    table = pd.DataFrame({"participant_id": listed, "age": rng.uniform(20, 80, len(listed))})
    table.assign(sex=1, site="ixi").to_csv(ages, index=False)
    return thickness, ages


def write_phenotypes(path: Path) -> Path:
    """19 subjects with two index columns, numeric ids, quality measures and -9999 where nothing was measured."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"SUB_ID": range(50_002, 50_021)})
    frame.insert(0, "Unnamed: 0.1", range(19))
    frame["SITE_ID"], frame["DX_GROUP"] = "PITT", rng.integers(1, 3, 19)
    for name in ("anat_cnr", "anat_efc", "anat_snr"):
        frame[name] = rng.uniform(1, 20, 19)
    frame["FIQ"] = np.where(np.arange(19) % 5 == 2, -9999, rng.integers(80, 130, 19))
    frame.to_csv(path)
    return path


def write_timeseries(path: Path) -> Path:
    """17 subjects x 9 regions, of three lengths; region 3 is constant in one subject, region 7 in all but two."""
    rng = np.random.default_rng(4)
    series = {}
    for number in range(17):
        values = rng.normal(size=((195, 205, 77)[number % 3], 9)).astype(np.float32)
        values[:, 3] = 1.5 if number == 4 else values[:, 3]
        values[:, 7] = 0 if number > 1 else values[:, 7]
        series[f"s{50_002 + number}"] = values
    np.savez_compressed(path, **series)
    return path
