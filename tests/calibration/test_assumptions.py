"""What breaks a permutation without a trace: how often it is seen, how often clean data are suspected, what mends it.

With 19 permutations a p of 5 % or less is exact under the null.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from fusion import cross_validated_cca, permutation_test_cca
from fusion.permutation.assumptions.sentences import assumption_warnings
from fusion.permutation.relations import Relations
from tests.calibration.rates import Rates, assert_valid, at_least, at_most

pytestmark = pytest.mark.calibration

N, P, Q = 210, 7, 11


@dataclass(frozen=True)
class Study:
    """Two unrelated views of subjects with an age, a sex and a site."""

    x: np.ndarray
    y: np.ndarray
    confounds: dict[str, np.ndarray]
    site: np.ndarray
    blocks: np.ndarray | None = None
    remedy: Callable[["Study"], "Study"] = field(default=lambda study: study)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, heavy: bool = False, q: int = Q) -> "Study":
        x, y = (rng.standard_t(4, (N, k)) if heavy else rng.standard_normal((N, k)) for k in (P, q))
        site = rng.integers(0, 5, N)
        confounds = {
            "age": rng.uniform(20, 80, (N, 1)),
            "sex": rng.integers(0, 2, (N, 1)).astype(float),
            "site": np.equal.outer(site, np.arange(1, 5)).astype(float),
        }
        return cls(x, y, confounds, site)

    def take(self, rows: np.ndarray) -> "Study":
        confounds = {name: values[rows] for name, values in self.confounds.items()}
        return replace(self, x=self.x[rows], y=self.y[rows], confounds=confounds, site=self.site[rows])

    def warnings(self) -> list[str]:
        return assumption_warnings(self.x, self.y, self.confounds, Relations.of(len(self.x), blocks=self.blocks))

    def p_values(self, seed: int) -> dict[str, float]:
        z = np.hstack(list(self.confounds.values()))
        settings: dict[str, Any] = {"exchangeability_blocks": self.blocks, "n_permutations": 19, "random_state": seed}
        projection = "huh-jhun" if self.blocks is None else "theil"
        wilks = permutation_test_cca(self.x, self.y, z, projection=projection, n_steps=1, **settings).p_fwer[0]
        widths = {"x_dimensions": P, "y_dimensions": min(Q, self.y.shape[1]), "n_components": 1, "n_bootstrap": 2}
        held_out = cross_validated_cca(self.x, self.y, z, **widths, **settings)
        return {"Wilks": float(wilks), "held out": min(held_out.p_link)}


def _age(study: Study) -> np.ndarray:
    return (study.confounds["age"] - 50) / 17


def _scatter(rng: np.random.Generator) -> Study:
    study = Study.draw(rng)
    scale = np.exp(0.6 * rng.standard_normal(5))[study.site, np.newaxis]
    return replace(study, x=study.x * scale, y=study.y * scale, remedy=lambda one: replace(one, blocks=one.site))


def _with_term(study: Study, rng: np.random.Generator, term: Callable[[Study], np.ndarray], size: float) -> Study:
    """Both views depend on a term of the confounds; the remedy is to add it to them."""
    x, y = (view + size * term(study) * rng.standard_normal(view.shape[1]) for view in (study.x, study.y))
    return replace(study, x=x, y=y, remedy=lambda one: replace(one, confounds=one.confounds | {"term": term(one)}))


def _copies(rng: np.random.Generator) -> Study:
    """15 of 195 subjects came twice, measured anew."""
    study = Study.draw(rng, q=34).take(np.arange(195))
    twice = study.take(np.r_[np.arange(195), np.arange(15)])
    y = twice.y + 0.5 * rng.standard_normal(twice.y.shape)
    return replace(twice, y=y, remedy=lambda one: one.take(np.arange(195)))


def _numbered(rng: np.random.Generator) -> Study:
    """Sites shift both views, and their numbers are taken for an amount."""
    study = Study.draw(rng)
    x, y = (view + 0.5 * rng.standard_normal((5, view.shape[1]))[study.site] for view in (study.x, study.y))
    right = study.confounds
    numbered = right | {"site": study.site[:, np.newaxis].astype(float)}
    return replace(study, x=x, y=y, confounds=numbered, remedy=lambda one: replace(one, confounds=right))


BROKEN: dict[str, Callable[[np.random.Generator], Study]] = {
    "sites that scatter": _scatter,
    "age squared": lambda rng: _with_term(Study.draw(rng), rng, lambda study: _age(study) ** 2 - 1, 0.4),
    "age by sex": lambda rng: _with_term(
        Study.draw(rng), rng, lambda study: _age(study) * (2 * study.confounds["sex"] - 1), 0.4
    ),
    "numbered site": _numbered,
    "subjects twice": _copies,
}


def _brain_alone(rng: np.random.Generator) -> Study:
    """What is in one view alone: sites of their own scatter, age squared."""
    study = Study.draw(rng)
    scale = np.exp(0.6 * rng.standard_normal(5))[study.site, np.newaxis]
    return replace(study, y=study.y * scale + _age(study) ** 2 * rng.standard_normal(Q))


def _linked(rng: np.random.Generator) -> Study:
    study = Study.draw(rng)
    return replace(study, y=study.y + 1.5 * study.x[:, :1] * rng.standard_normal(Q))


def _coarse(rng: np.random.Generator) -> Study:
    """Genes of few variants: many subjects share their row."""
    return replace(Study.draw(rng), x=rng.binomial(2, 0.15, (N, P)).astype(float))


CLEAN: dict[str, Callable[[np.random.Generator], Study]] = {
    "normal": Study.draw,
    "t(4)": lambda rng: Study.draw(rng, heavy=True),
    "34 brain columns": lambda rng: Study.draw(rng, q=34),
    "a strong link": _linked,
    "few variants": _coarse,
    "brain alone": _brain_alone,
}


@pytest.mark.parametrize("name", CLEAN)
def test_assumptions_false_alarm(rates: Rates, name: str) -> None:
    def alarm(seed: int) -> dict[str, float]:
        return {"any": float(not CLEAN[name](np.random.default_rng(seed)).warnings())}

    assert at_most(rates(alarm, 300)["any"], 0.05)


@pytest.mark.parametrize("name", BROKEN)
def test_assumptions_broken_is_found(rates: Rates, name: str) -> None:
    def seen(seed: int) -> dict[str, float]:
        study = BROKEN[name](np.random.default_rng(seed))
        return {"seen": float(not study.warnings()), "after the remedy": float(not study.remedy(study).warnings())}

    found = rates(seen, 100)
    assert at_least(found["seen"], 0.9)
    assert at_most(found["after the remedy"], 0.05)


@pytest.mark.parametrize("name", BROKEN)
def test_assumptions_rejection(rates: Rates, name: str) -> None:
    def p_values(seed: int) -> dict[str, float]:
        study = BROKEN[name](np.random.default_rng(seed))
        as_is, mended = study.p_values(seed), study.remedy(study).p_values(seed)
        return {f"{k}, as is": p for k, p in as_is.items()} | {f"{k}, mended": p for k, p in mended.items()}

    found = rates(p_values, 100)
    for measure in ("Wilks", "held out"):
        assert_valid(found[f"{measure}, mended"])
