"""One gene in several species: whether vectors find the right ortholog, and follow how far sequences are apart."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
