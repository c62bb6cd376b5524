"""Simulated participants and brain tables: site, ancestry, age, sex and batch effects, and a latent score if linked."""

from typing import TYPE_CHECKING

import numpy as np

from analyses.simulation.genome import Pedigree

if TYPE_CHECKING:
    import pandas as pd


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


REGIONS = _names(
    "bankssts caudalanteriorcingulate caudalmiddlefrontal cuneus entorhinal fusiform inferiorparietal inferiortemporal "
    "isthmuscingulate lateraloccipital lateralorbitofrontal lingual medialorbitofrontal middletemporal "
    "parahippocampal paracentral parsopercularis parsorbitalis parstriangularis pericalcarine postcentral "
    "posteriorcingulate precentral precuneus rostralanteriorcingulate rostralmiddlefrontal superiorfrontal "
    "superiorparietal superiortemporal supramarginal frontalpole temporalpole transversetemporal insula"
)
LINKED_REGIONS = _names(
    "caudalmiddlefrontal lateralorbitofrontal medialorbitofrontal middletemporal parsopercularis parsorbitalis "
    "parstriangularis rostralmiddlefrontal superiorfrontal superiortemporal insula"
)
MIDLINE_TRACTS = _names(
    "middle_cerebellar_peduncle pontine_crossing_tract genu_corpus_callosum body_corpus_callosum "
    "splenium_corpus_callosum fornix"
)
PAIRED_TRACTS = _names(
    "corticospinal_tract medial_lemniscus inferior_cerebellar_peduncle superior_cerebellar_peduncle cerebral_peduncle "
    "anterior_limb_internal_capsule posterior_limb_internal_capsule retrolenticular_internal_capsule "
    "anterior_corona_radiata superior_corona_radiata posterior_corona_radiata posterior_thalamic_radiation "
    "sagittal_stratum external_capsule cingulum_cingulate_gyrus cingulum_hippocampus fornix_stria_terminalis "
    "superior_longitudinal_fasciculus superior_fronto_occipital_fasciculus uncinate_fasciculus tapetum"
)
THICKNESS = tuple(f"{side}_{region}_thickness" for side in ("lh", "rh") for region in REGIONS)
LINKED_THICKNESS = tuple(f"{side}_{region}_thickness" for side in ("lh", "rh") for region in LINKED_REGIONS)
ANISOTROPY = (*(f"FA_{t}" for t in MIDLINE_TRACTS), *(f"FA_{t}_{side}" for t in PAIRED_TRACTS for side in ("L", "R")))

SITES = ("North", "South", "East", "West")
SITE_SHARES = {"EUR": (0.45, 0.30, 0.10, 0.15), "AFR": (0.10, 0.55, 0.10, 0.25), "EAS": (0.15, 0.05, 0.60, 0.20)}
SITE_AGES = (62.0, 45.0, 54.0, 38.0)  # years
BATCHES = ("B1", "B2", "B3")
LATENT_LOADINGS = (0.5, 0.8)
N_FACTORS = 5
FAMILY_SHARE_OF_FACTORS = 0.4  # of the variance of the shared factors that siblings have in common


def simulate_participants(
    pedigree: Pedigree, components: np.ndarray, order: np.ndarray, rng: np.random.Generator
) -> "pd.DataFrame":
    """Draw covariates: recruitment ties site to ancestry and to age; siblings are seen at one site.

    Parameters
    ----------
    pedigree
    components : float64 [n_subjects, n_components]
        Ancestry components in the pedigree's row order.
    order : int64 [n_subjects]
        Pedigree row of each subject of the cohort.
    rng

    Returns
    -------
    pandas.DataFrame
        Columns ``subject_id, age, sex, site, batch, PC1..PC5, family``; ages in years. The populations themselves
        are not in it: an analysis has the components, as in a real cohort.
    """
    import pandas as pd

    n = len(order)
    drawn = np.array([rng.choice(len(SITES), p=SITE_SHARES[population]) for population in pedigree.populations])
    site = drawn[pedigree.families][order]
    families = pd.factorize(pedigree.families[order])[0]
    frame = {
        "subject_id": [f"GB{i + 1:05d}" for i in range(n)],
        "age": np.clip(rng.normal(np.take(SITE_AGES, site), 12.0), 18, 90).round(1),
        "sex": rng.choice(["F", "M"], size=n),
        "site": np.take(SITES, site),
        "batch": rng.choice(BATCHES, size=n),
    }
    frame |= {f"PC{i + 1}": column.round(6) for i, column in enumerate(components[order].T)}
    return pd.DataFrame(frame | {"family": [f"FAM{family + 1:05d}" for family in families]})


def simulate_thickness(
    participants: "pd.DataFrame", populations: np.ndarray, latent: np.ndarray, rng: np.random.Generator
) -> "pd.DataFrame":
    """Cortical thickness in mm of 68 regions, of which the linked ones follow the latent score [n_subjects]."""
    scores = _unlinked_scores(participants, populations, len(THICKNESS), rng)
    linked = [THICKNESS.index(name) for name in LINKED_THICKNESS]
    scores[:, linked] += latent[:, None] * rng.uniform(*LATENT_LOADINGS, size=len(linked))
    means = rng.uniform(1.9, 3.3, size=len(THICKNESS))
    return _to_frame(participants, THICKNESS, (means + 0.15 * scores).round(3), rng)


def simulate_anisotropy(
    participants: "pd.DataFrame", populations: np.ndarray, rng: np.random.Generator
) -> "pd.DataFrame":
    """Fractional anisotropy of 48 tracts: the same nuisance effects as thickness, and no link."""
    scores = _unlinked_scores(participants, populations, len(ANISOTROPY), rng)
    means = rng.uniform(0.35, 0.65, size=len(ANISOTROPY))
    return _to_frame(participants, ANISOTROPY, (means + 0.03 * scores).round(4), rng)


def simulate_latent(score: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Mix the genetic score (unit variance) with noise, so that both correlate by ``strength``."""
    return np.asarray(strength * score + np.sqrt(1 - strength**2) * rng.normal(size=len(score)))


def _unlinked_scores(
    participants: "pd.DataFrame", populations: np.ndarray, n_features: int, rng: np.random.Generator
) -> np.ndarray:
    """Everything in a feature but the link, in units of about one standard deviation [n_subjects, n_features]."""
    n = len(participants)
    age = (participants["age"].to_numpy() - 50) / 15
    scores = np.outer(age, rng.normal(-0.3, 0.1, size=n_features))
    for levels, spread in (("sex", 0.15), ("site", 0.3), ("batch", 0.15)):
        scores += _level_shifts(participants[levels].to_numpy(), n_features, spread, rng)
    scores += _level_shifts(populations, n_features, 0.35, rng)
    families = np.unique(participants["family"], return_inverse=True)[1]
    shared = rng.normal(size=(n, N_FACTORS))[families]
    own = rng.normal(size=(n, N_FACTORS))
    factors = np.sqrt(FAMILY_SHARE_OF_FACTORS) * shared + np.sqrt(1 - FAMILY_SHARE_OF_FACTORS) * own
    scores += factors @ rng.normal(0, 0.25, size=(N_FACTORS, n_features))
    return np.asarray(scores + rng.normal(0, 0.6, size=(n, n_features)))


def _level_shifts(levels: np.ndarray, n_features: int, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Shift every feature by its own amount in each level."""
    codes = np.unique(levels, return_inverse=True)[1]
    return np.asarray(rng.normal(0, spread, size=(codes.max() + 1, n_features))[codes])


def _to_frame(
    participants: "pd.DataFrame", names: tuple[str, ...], values: np.ndarray, rng: np.random.Generator
) -> "pd.DataFrame":
    """Name rows and columns, and shuffle the rows: brain tables never come in the order of the genotypes."""
    import pandas as pd

    frame = pd.DataFrame(values, columns=list(names))
    frame.insert(0, "subject_id", participants["subject_id"].to_numpy())
    return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
