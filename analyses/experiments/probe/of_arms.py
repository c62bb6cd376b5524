"""What a probe that is at hand found of the arms of a comparison."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from analyses.experiments.probe.record import describe_answer
from analyses.results.schema.experiments import ProbeResult, result_file
from analyses.results.serialisation import read_result


def probe_of_arms(folder: Path, fingerprints: Collection[str]) -> ProbeResult:
    """Those probes of a results folder that are of these encoders, and of their untrained twins.

    Parameters
    ----------
    folder : Path
        Results of an experiment: probe.
    fingerprints : collection of str
        Of the comparison's encoders.

    Returns
    -------
    ProbeResult
        p stay corrected over all that was probed; without arms where none of these was, which `left_out` says.

    Raises
    ------
    InputError
        The folder holds no such results.
    """
    found = read_result(ProbeResult, folder / result_file("probe"))
    own = {one.arm for one in found.arms if one.fingerprint in fingerprints}
    shown = own | {one.control for one in found.arms if one.arm in own and one.control is not None}
    arms = tuple(one for one in found.arms if one.arm in shown)
    if not own:
        empty = replace(found, arms=(), differences=(), answer=(), metrics={}, trials=())
        return replace(empty, left_out=(f"None of the encoders compared here was probed in {folder.name}.",))
    differences = tuple(one for one in found.differences if {one.first, one.second} <= shown)
    missing = len(set(fingerprints)) - len({one.fingerprint for one in arms if one.arm in own})
    left_out = (f"{missing} of the encoders compared here were not probed in {folder.name}.",) if missing else ()
    answer = describe_answer(found.tasks, arms, differences)
    return replace(found, arms=arms, differences=differences, left_out=left_out, answer=answer, metrics={}, trials=())
