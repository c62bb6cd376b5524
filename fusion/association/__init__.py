"""Held-out scores and what subjects are, do or suffer: covariates adjusted for, one permutation for all of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
