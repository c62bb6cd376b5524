"""Relatives as a covariance of rows: kinship model, its variance component, rows made uncorrelated by it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
