"""Fitted tails from 999 permutations against a million permutations of the same data, and their false positives.

``python -m tests.calibration.test_tails`` draws the million and writes results_tails.md beside this file; with the
beginning of a study's name, rows of the others stay as they are. The tests draw fewer, and as many whatever share of
its data sets a calibration has: they take a minute. Under the null the observed order is one more permutation, so false
positives at 0.001 are counted by holding one permutation against 999 others of the same data, a hundred thousand times.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy.stats import binomtest

from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import embed_folds
from fusion.cross_validation.fold_permutation import Exchange, FoldTest
from fusion.cross_validation.folds import Folds
from fusion.cross_validation.resampling import fold_average
from fusion.permutation.p_values import standardised
from fusion.permutation.statistics import PermutedStatistics
from fusion.permutation.tails.fitted import TailP, step_down_tails, tail_p, unless_narrow
from fusion.permutation.tails.laws import fisher_z
from fusion.permutation.tails.limits import ENOUGH_EXCEEDING, FEWEST_COLUMNS
from fusion.permutation.variates import order_variates, trailing_blocks, whiten_views
from fusion.views.view import as_view
from tests.calibration.rates import Counted, Record, reaches

pytestmark = pytest.mark.calibration

RESULTS = Path(__file__).with_name("results_tails.md")
N, N_FOLDS, N_DRAWN, CHUNK, STACK = 120, 5, 999, 10_000, 500
N_CHUNKS = 100


@dataclass(frozen=True)
class Study:
    """Subjects, columns of both sides, and arms alike: a family where columns are few."""

    n_subjects: int
    width: int
    n_arms: int = 1

    @property
    def name(self) -> str:
        """What its settings begin with."""
        return f"held out, {self.width} x {self.width}"


@dataclass(frozen=True)
class InSample:
    """Subjects and columns of the two sides."""

    n_subjects: int
    widths: tuple[int, int]

    @property
    def name(self) -> str:
        """What its settings begin with."""
        return f"in sample, {self.widths[0]} x {self.widths[1]}"


STUDIES = (Study(N, 3, 8), Study(N, 6), Study(300, 12))
STUDIES_IN_SAMPLE = (InSample(N, (5, 4)), InSample(300, (12, 12)))


def _shuffled(n_rows: int, seed: int, parts: list[np.ndarray] | None = None) -> np.ndarray:
    """A chunk of permutations, inside parts of the rows."""
    rng, table = np.random.default_rng(seed), np.tile(np.arange(n_rows), (CHUNK, 1))
    for rows in [np.arange(n_rows)] if parts is None else parts:
        table[:, rows] = rng.permuted(table[:, rows], axis=1)
    return table


def in_sample(seed: int, study: InSample) -> np.ndarray:
    """Wilks and Roy of a chunk of permutations, 3 confounds removed by Huh-Jhun, [CHUNK, 2]."""
    n, rng = study.n_subjects, np.random.default_rng(1)
    z = rng.standard_normal((n, 3))
    x, y = (rng.standard_normal((n, width)) + z @ rng.standard_normal((3, width)) for width in study.widths)
    trailing = trailing_blocks(order_variates(whiten_views((x, y), (z, z), method="huh-jhun")), 1)
    run = PermutedStatistics(trailing, _shuffled(len(trailing.first), seed), ("wilks", "roy"))
    return np.concatenate([run.stack(range(start, start + STACK)) for start in range(0, CHUNK, STACK)])


def held_out(seed: int, study: Study) -> np.ndarray:
    """First correlation and trace of every arm, [CHUNK, n_arms, 2]."""
    n, width = study.n_subjects, study.width
    rng, folds = np.random.default_rng(2), Folds(np.arange(n) % N_FOLDS)
    common, y = rng.standard_normal((2, n, width))
    parts = [np.flatnonzero(folds.assignments == fold) for fold in range(N_FOLDS)]
    table, found = _shuffled(n, seed, parts), []
    exchange = Exchange.of(None, folds, blocks=None, n_permutations=1, random_state=0)
    for _ in range(study.n_arms):
        x = np.sqrt(0.5) * (common + rng.standard_normal((n, width)))
        embedded = embed_folds((as_view(x), as_view(y)), Confounds.of(None), folds, n_components=width, scale=True)
        tests = [FoldTest.of(fold.whiten(width, width), exchange, 1, with_trace=True) for fold in embedded]
        by_fold = [
            np.stack([one.statistics((part,)) for one in tests], axis=1) for part in np.split(table, CHUNK // STACK)
        ]
        found.append(fold_average(np.concatenate(by_fold), np.bincount(folds.assignments)))
    return np.stack(found, axis=1)


@dataclass(frozen=True)
class Setting:
    """What is tested, in a table of draws [n_draws, n_statistics], and how its tail is fitted.

    ``scale`` brings a table to one scale, and ``largest`` is what is tested: the maximum of each row. ``is_bound``:
    the fit is given as an upper bound. ``width``: columns of both sides where a held-out trace is in it.
    """

    draws: np.ndarray
    scale: Callable[[np.ndarray], np.ndarray]
    law: str | None = None
    is_bound: bool = False
    width: int = FEWEST_COLUMNS

    def fit(self, null: np.ndarray) -> TailP:
        """Of a table whose first row is observed."""
        scaled = self.scale(null)
        if self.law is not None:
            return unless_narrow(tail_p(scaled[:, 0], self.law), self.width)  # type: ignore[arg-type]
        return unless_narrow(step_down_tails(scaled)[int(scaled[0].argmax())], self.width)

    @property
    def largest(self) -> np.ndarray:
        """Of every draw."""
        return np.asarray(self.scale(self.draws).max(axis=1))


def in_sample_settings(draws: np.ndarray, study: InSample) -> dict[str, Setting]:
    """Both statistics of a pool of `in_sample`."""
    return {
        f"{study.name}: Wilks": Setting(draws[:, :1], np.asarray, "gamma"),
        f"{study.name}: Roy": Setting(draws[:, 1:], fisher_z, "pearson III"),
    }


def held_out_settings(draws: np.ndarray, study: Study) -> dict[str, Setting]:
    """One arm by itself and all as a family, of a pool of `held_out`."""
    first, width = draws[:, 0], study.width
    found = {
        "first correlation": Setting(first[:, :1], fisher_z, "pearson III", is_bound=True),
        "trace": Setting(first[:, 1:], np.asarray, "pearson III", width=width),
        "correlation and trace together": Setting(first, standardised, width=width),
    }
    if study.n_arms > 1:
        both = draws.reshape(len(draws), -1)
        found |= {
            f"max-T over {study.n_arms} arms": Setting(draws[:, :, 0], fisher_z),
            f"max-T over {study.n_arms} arms and both": Setting(both, standardised, width=width),
        }
    return {f"{study.name}: {name}": one for name, one in found.items()}


@dataclass(frozen=True)
class Errors:
    """Fits of many sets of 999 permutations at one observed value of known p."""

    truth: float
    fits: list[TailP]
    is_bound: bool = False

    @property
    def read(self) -> list[TailP]:
        """Those that were fitted and read at the observed value."""
        return [one for one in self.fits if one.method and not one.is_least]

    @property
    def ratios(self) -> np.ndarray:
        """Fitted over true p, of those that were read."""
        return np.array([one.p_fitted for one in self.read]) / self.truth

    @property
    def covered(self) -> float:
        """Share of their intervals that hold the truth; of bounds, from 0."""
        intervals = [(0.0 if self.is_bound else one.interval[0], one.interval[1]) for one in self.read]
        return float(np.mean([low <= self.truth <= high for low, high in intervals]))


def measure_errors(setting: Setting, truth: float, n_sets: int) -> Errors:
    """Hold the draw whose largest value has this p against `n_sets` sets of 999 others."""
    place = int(np.argsort(-setting.largest)[round(truth * len(setting.draws)) - 1])
    rng, fits = np.random.default_rng(3), []
    for _ in range(n_sets):
        others = rng.integers(0, len(setting.draws), N_DRAWN)
        fits.append(setting.fit(setting.draws[np.append(place, others)]))
    return Errors(truth, fits, setting.is_bound)


def measure_false_positives(setting: Setting, n_sets: int, level: float = 1e-3) -> tuple[int, int]:
    """How often a random draw has a p of at most `level` against 999 others: fitted where it is, and counted."""
    rng, largest = np.random.default_rng(4), setting.largest
    fitted = counted = 0
    for _ in range(n_sets):
        rows = rng.integers(0, len(largest), N_DRAWN + 1)
        if (largest[rows[1:]] >= largest[rows[0]]).sum() >= 2 * ENOUGH_EXCEEDING:
            continue  # far from any fit, whatever these draws' own scale
        found = setting.fit(setting.draws[rows])
        fitted += found.p_surest <= level
        counted += found.p_counted <= level
    return fitted, counted


def _pool(draw: Callable[..., np.ndarray], n_chunks: int, study: Study | InSample) -> np.ndarray:
    return np.concatenate(Parallel(n_jobs=-1)(delayed(draw)(1000 + seed, study) for seed in range(n_chunks)))


def _measured(n_chunks: int, begins: str = "") -> dict[str, Setting]:
    """Settings of the studies whose names begin so, each of a pool of its own."""
    found: dict[str, Setting] = {}
    for one in STUDIES_IN_SAMPLE:
        if one.name.startswith(begins):
            found |= in_sample_settings(_pool(in_sample, n_chunks, one), one)
    for study in STUDIES:
        if study.name.startswith(begins):
            found |= held_out_settings(_pool(held_out, n_chunks, study), study)
    return found


@pytest.fixture(scope="module")
def settings() -> dict[str, Setting]:
    return _measured(10)


IN_SAMPLE = [name for study in STUDIES_IN_SAMPLE for name in in_sample_settings(np.zeros((1, 2)), study)]
HELD_OUT = [name for study in STUDIES for name in held_out_settings(np.zeros((1, study.n_arms, 2)), study)]


@pytest.mark.parametrize("name", IN_SAMPLE)
def test_fitted_p_agrees_with_that_of_many_permutations(settings: dict[str, Setting], name: str) -> None:
    found = measure_errors(settings[name], 1e-3, 60)
    assert np.median(found.ratios) == pytest.approx(1, abs=0.3), "the pool's own error at 0.001 is 10 %"
    assert found.covered >= 0.8


@pytest.mark.parametrize("name", IN_SAMPLE + HELD_OUT)
def test_fitted_p_has_hardly_more_false_positives(settings: dict[str, Setting], name: str, record: Record) -> None:
    n_sets = 20_000
    counted = Counted(measure_false_positives(settings[name], n_sets)[0], n_sets)
    record("p at most .001", counted, _recorded(name))
    assert reaches(counted, 1.5e-3)


def _recorded(name: str) -> Counted:
    """False positives that results_tails.md holds of a setting."""
    row = re.search(rf"^\| {re.escape(name)} \| (\d+) of (\d+) \|", RESULTS.read_text("utf-8"), re.MULTILINE)
    assert row is not None, f"{RESULTS.name} has no row {name}: run python -m tests.calibration.test_tails"
    return Counted(int(row[1]), int(row[2]))


def write(settings: dict[str, Setting], n_million: int, *, n_sets: int = 300, n_null: int = 100_000) -> None:
    """Both tables of results_tails.md; rows of settings that were not measured stay as they are."""
    held = re.findall(r"^\| .*", RESULTS.read_text("utf-8"), re.MULTILINE)
    errors = {}
    for name in IN_SAMPLE + HELD_OUT:
        for truth in (1e-3, 1e-4):
            start = f"| {name} | {truth:g} |"
            known = next((row for row in held if row.startswith(start)), "")
            errors[start] = _error_row(name, settings[name], truth, n_sets) if name in settings else known
    rates = [
        _rate_row(name, settings[name], n_null)
        if name in settings
        else next((row for row in held if re.match(rf"\| {re.escape(name)} \| \d+ of ", row)), "")
        for name in IN_SAMPLE + HELD_OUT
    ]
    RESULTS.write_text(
        "\n".join([*_head(n_million, n_sets), *errors.values(), *_rate_head(n_null), *rates, ""]), "utf-8"
    )


def _error_row(name: str, setting: Setting, truth: float, n_sets: int) -> str:
    found = measure_errors(setting, truth, n_sets)
    ratios = found.ratios
    bounds = np.mean([one.is_least for one in found.fits])
    refused = np.mean([not one.method for one in found.fits])
    if len(ratios) == 0:
        return f"| {name} | {truth:g} | {' | '.join(['none'] * 5)} | {bounds:.1%} | {refused:.1%} |"
    points = np.quantile(ratios, [0.05, 0.25, 0.5, 0.75, 0.95])
    return (
        f"| {name} | {truth:g} | {points[2]:.2f} | {points[1]:.2f} to {points[3]:.2f} | {points[0]:.2f} to "
        f"{points[4]:.2f} | {np.median(np.abs(ratios - 1)):.0%} | {found.covered:.1%} | {bounds:.1%} | {refused:.1%} |"
    )


def _rate_row(name: str, setting: Setting, n_null: int) -> str:
    fitted, counted = measure_false_positives(setting, n_null)
    interval = binomtest(fitted, n_null).proportion_ci(method="exact")
    bounds = f"{interval.low:.2%} to {interval.high:.2%}"
    return f"| {name} | {fitted} of {n_null} | {fitted / n_null:.3%} | {bounds} | {counted / n_null:.3%} |"


def _head(n_million: int, n_sets: int) -> Iterator[str]:
    yield "# Fitted tails"
    yield ""
    yield "Written by `python -m tests.calibration.test_tails`; the settings are described there."
    yield ""
    yield "## Against a million permutations"
    yield ""
    yield f"One data set each, N = {N} (300 with 12 x 12); the true p is that of {n_million:,} permutations, whose own"
    yield f"error at 0.0001 is 10 %. {n_sets} sets of {N_DRAWN} permutations; ratios are fitted over true p, where the"
    yield "fit is read at the observed value (not a bound); covered: the 95 % interval holds the true p (of the first"
    yield "correlation, whose fit is given as an upper bound, the interval from 0). No tail is fitted of a trace of"
    yield f"fewer than {FEWEST_COLUMNS} columns, nor of a family with one."
    yield ""
    yield "| test | true p | median ratio | middle half | middle 90 % | median error | covered | bound | refused |"
    yield "|---|---|---|---|---|---|---|---|---|"


def _rate_head(n_null: int) -> Iterator[str]:
    yield ""
    yield "## False positives at 0.001"
    yield ""
    yield f"{n_null:,} times a permutation is held against {N_DRAWN} others of the same data, as the observed order is"
    yield "under the null; p is the fitted one, or the counted one where none was fitted; the last column is counted p."
    yield ""
    yield "| test | fitted p at most 0.001 | rate | 95 % interval | counted |"
    yield "|---|---|---|---|---|"


if __name__ == "__main__":
    write(_measured(N_CHUNKS, " ".join(sys.argv[1:])), N_CHUNKS * CHUNK)
