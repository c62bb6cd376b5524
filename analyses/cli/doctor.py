"""Is this installation sound? Versions, BLAS, GPU, and one known answer."""

from __future__ import annotations

from analyses.cli.blas_kernel import kernel_warnings
from analyses.results.provenance import blas_libraries, environment


def examine() -> str:
    """Lines of text; the last says whether the canonical correlations of the Linnerud data come out right.

    Notes
    -----
    The Linnerud values (0.7956, 0.2006, 0.0726) are the standard textbook example of canonical correlation analysis
    (Tenenhaus 1998, La régression PLS, Technip, Paris).
    """
    facts = environment()
    lines = [f"python {facts['python']} on {facts['platform']}"]
    lines += [f"{name} {version}" for name, version in facts["versions"].items()]
    lines += [
        f"BLAS {of['internal_api']} {of['version']} kernel {of.get('architecture')}, threads {of['num_threads']}"
        for of in blas_libraries()
    ]
    lines += [*(f"advice: {sentence}" for sentence in kernel_warnings()), *_products(), _gpu()]
    lines.append(_known_answer())
    return "\n".join(lines)


def _products() -> list[str]:
    """Which library multiplies each number format of the encoders on the CPU."""
    from encoders.dna.networks import DTYPES, product_library

    none = "none: this dtype is refused on the CPU"
    return [f"products {name} {product_library(dtype) or none}" for name, dtype in DTYPES.items()]


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "GPU none (encoders run on the CPU)"
    return f"GPU {torch.cuda.get_device_name()}"


def _known_answer() -> str:
    import numpy as np
    from sklearn.datasets import load_linnerud

    from fusion import CanonicalCorrelation

    data = load_linnerud()
    found = CanonicalCorrelation().fit(data.data, data.target).canonical_correlations_
    right = np.allclose(found, [0.795608, 0.200556, 0.072570], atol=1e-6)
    return (
        f"known answer {'right' if right else 'WRONG'}: Linnerud canonical correlations {np.round(found, 6).tolist()}"
    )
