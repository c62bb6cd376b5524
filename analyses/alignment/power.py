"""What an alignment of a given size shows by chance and could find, before any data exist."""

from __future__ import annotations

import json
from dataclasses import dataclass

from analyses.errors import InputError
from analyses.results.schema.alignments import NoiseCorrelation, RequiredSubjects
from analyses.results.serialisation import plain
from fusion.cross_validation.folds import SMALLEST_FOLD
from fusion.power.detectability import approximate_null_r1, flags, null_r1, required_n, rho_c, wachter_edge
from fusion.power.held_out import detectable_held_out_rho, held_out_power, subjects_for_held_out_power
from fusion.power.prediction import detectable_rho, predicted_power
from fusion.power.stability import subjects_for_stability


@dataclass(frozen=True, slots=True)
class PowerAgainst:
    """Power (0 to 1) of both in-sample tests at level 5 % against one population correlation ``rho``."""

    rho: float
    roy: float
    wilks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What an alignment would show by chance and could find.

    Attributes
    ----------
    n_effective : int
        Subjects less confound columns less 1.
    subjects_per_dimension : float
    null_r1_mean, null_r1_q95 : float
        First in-sample correlation of noise, simulated.
    null_r1_closed_form : NoiseCorrelation
        The same by Johnstone's approximation.
    wachter_edge : float
        Largest correlation of noise in the limit.
    rho_c : float
        Correlation below which a link cannot be told from noise in sample.
    required_n : RequiredSubjects
        Confounds counted.
    power : PowerAgainst
    rho_at_80_percent_power : float
        Correlation that Roy's test finds in 80 % of studies.
    held_out_power : float
        Probability that the held-out tests, corrected over the alignments, find ``power.rho`` in one of them.
    held_out_rho_at_80_percent_power : float or None
        Correlation that they find in 80 % of studies; None if there is none.
    subjects_for_held_out_power : int
        Subjects, confounds counted, with whom the held-out tests find ``power.rho`` in 80 % of studies.
    subjects_for_stability : int
        Subjects, confounds counted, with whom in 80 % of studies correlation, weights, scores and loadings of a link of
        ``power.rho`` are within 10 % of the population's.
    flags : tuple of str
        Sentences that ask for caution.
    """

    n_effective: int
    subjects_per_dimension: float
    null_r1_mean: float
    null_r1_q95: float
    null_r1_closed_form: NoiseCorrelation
    wachter_edge: float
    rho_c: float
    required_n: RequiredSubjects
    power: PowerAgainst
    rho_at_80_percent_power: float
    held_out_power: float
    held_out_rho_at_80_percent_power: float | None
    subjects_for_held_out_power: int
    subjects_for_stability: int
    flags: tuple[str, ...]


def make_forecast(
    n: int, x: int, y: int, *, confounds: int = 0, rho: float | None = None, folds: int = 5, alignments: int = 1
) -> Forecast:
    """Null of the in-sample r1, detectability threshold, power, subjects per dimension, and red flags.

    Parameters
    ----------
    n : int
        Subjects.
    x, y : int
        Dimensions that enter CCA.
    confounds : int
        Columns of the confound design, intercept not counted.
    rho : float, optional
        Correlation to be found: the forecast gives the power of both in-sample tests against it, and the number of
        subjects from which it exceeds ``rho_c``; half of ``rho_c`` by default.
    folds, alignments : int
        Of the held-out tests, and arms x views that they are corrected over.

    Raises
    ------
    InputError
        No correlation at all is to be found, or the folds would have too few subjects.
    """
    if n < SMALLEST_FOLD * folds:
        raise InputError(
            f"{folds} folds need at least {SMALLEST_FOLD} subjects each, {SMALLEST_FOLD * folds} in all; got {n}: take "
            "fewer folds or more subjects."
        )
    if rho == 0:
        raise InputError("A correlation to be found lies above 0 and below 1; got 0: no number of subjects finds none.")
    n_effective = n - confounds - 1
    threshold = rho_c(n_effective, x, y)
    null = null_r1(n_effective, x, y)
    wanted = threshold / 2 if rho is None else rho
    power = predicted_power(n_effective, x, y, wanted)
    tested = {"n_folds": folds, "n_alignments": alignments}
    return Forecast(
        n_effective=n_effective,
        subjects_per_dimension=n_effective / (x + y),
        null_r1_mean=null.mean,
        null_r1_q95=null.q95,
        null_r1_closed_form=NoiseCorrelation(*approximate_null_r1(n_effective, x, y)),
        wachter_edge=wachter_edge(n_effective, x, y),
        rho_c=threshold,
        required_n=RequiredSubjects(rho=wanted, n=required_n(wanted, x, y) + confounds + 1),
        power=PowerAgainst(rho=wanted, roy=power.roy, wilks=power.wilks),
        rho_at_80_percent_power=detectable_rho(n_effective, x, y),
        held_out_power=held_out_power(n_effective, x, y, wanted, **tested),
        held_out_rho_at_80_percent_power=detectable_held_out_rho(n_effective, x, y, **tested),
        subjects_for_held_out_power=subjects_for_held_out_power(wanted, x, y, **tested) + confounds + 1,
        subjects_for_stability=subjects_for_stability(wanted, x, y) + confounds + 1,
        flags=tuple(flags(n_effective, x, y)),
    )


def describe(forecast: Forecast, *, as_json: bool = False) -> str:
    """The forecast as JSON or as lines for a person."""
    if as_json:
        return json.dumps(plain(forecast), indent=1)
    required, power = forecast.required_n, forecast.power
    lines = [
        f"effective subjects per dimension   {forecast.subjects_per_dimension:.1f}",
        f"in-sample r1 of pure noise         {forecast.null_r1_mean:.3f} (95 % point {forecast.null_r1_q95:.3f})",
        f"largest noise correlation, limit   {forecast.wachter_edge:.3f}",
        f"detectable from (rho_c)            {forecast.rho_c:.3f}",
        f"power against {power.rho:.3f}                Roy {power.roy:.0%}, Wilks {power.wilks:.0%}",
        f"80 % power (Roy) from              {forecast.rho_at_80_percent_power:.3f}",
        f"held out, power and 80 % point     {forecast.held_out_power:.0%} and {_found_from(forecast)}",
        f"subjects needed for {required.rho:.3f}          {required.n:,} in sample (threshold)",
        f"  for 80 % power, held out         {forecast.subjects_for_held_out_power:,}",
        f"  for weights within 10 %          {forecast.subjects_for_stability:,}",
    ]
    return "\n".join([*lines, *(f"flag: {flag}" for flag in forecast.flags)])


def _found_from(forecast: Forecast) -> str:
    rho = forecast.held_out_rho_at_80_percent_power
    return "none" if rho is None else f"{rho:.3f}"
