"""Residualise, reduce, align, test: statistics on views whose rows are subjects."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
